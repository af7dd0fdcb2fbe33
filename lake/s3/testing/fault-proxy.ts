import * as http from 'node:http';

/** What happens to one request on its way. */
export type Fault =
  | 'pass'
  /** The connection breaks before the store has seen the request. */
  | 'cut-before'
  /** The store has served it; the answer is lost. */
  | 'cut-after'
  /** Half of the answer arrives. */
  | 'cut-answer'
  /** One bit of the body that is sent flips. */
  | 'flip-request'
  /** One bit of the body that is answered flips. */
  | 'flip-answer'
  /** Nothing is ever answered. */
  | 'silence'
  | { status: number; code?: string; headers?: Record<string, string> };

export interface Seen {
  method: string;
  /** Path and query. */
  url: string;
  headers: http.IncomingHttpHeaders;
}

/** Stands before an S3 store on loopback and does to each request what `decide` says. */
export class FaultProxy {
  readonly endpoint: string;
  readonly seen: Seen[] = [];
  decide: (request: Seen, number: number) => Fault | Promise<Fault> = () => 'pass';
  readonly #server: http.Server;

  private constructor(server: http.Server, port: number) {
    this.#server = server;
    this.endpoint = `http://127.0.0.1:${port}`;
  }

  static async start(target: string): Promise<FaultProxy> {
    const to = new URL(target);
    const server = http.createServer();
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    const proxy = new FaultProxy(server, (server.address() as { port: number }).port);
    server.on('request', (req, res) => {
      proxy.#serve(to, req, res).catch(() => req.socket.destroy());
    });
    return proxy;
  }
  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  async #serve(to: URL, req: http.IncomingMessage, res: http.ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of req) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const seen: Seen = { method: req.method!, url: req.url!, headers: req.headers };
    this.seen.push(seen);
    const fault = await this.decide(seen, this.seen.length - 1);
    if (fault === 'silence') return;
    if (fault === 'cut-before') {
      req.socket.destroy();
      return;
    }
    if (typeof fault === 'object') {
      res.writeHead(fault.status, { 'content-type': 'application/xml', ...fault.headers });
      res.end(
        fault.code === undefined ? undefined : `<Error><Code>${fault.code}</Code><Message>as told</Message></Error>`,
      );
      return;
    }
    if (fault === 'flip-request' && body.length > 0) body[body.length >> 1]! ^= 1;
    const answer = await forward(to, req, body);
    if (fault === 'cut-after') {
      req.socket.destroy();
      return;
    }
    if (fault === 'flip-answer' && answer.body.length > 0) answer.body[answer.body.length >> 1]! ^= 1;
    res.writeHead(answer.status, answer.headers);
    if (fault === 'cut-answer') {
      res.write(answer.body.subarray(0, answer.body.length >> 1), () => req.socket.destroy());
      return;
    }
    res.end(answer.body);
  }
}

/** The host header goes along as it came: it is part of the signature. */
function forward(
  to: URL,
  req: http.IncomingMessage,
  body: Buffer,
): Promise<{ status: number; headers: http.IncomingHttpHeaders; body: Buffer }> {
  return new Promise((answered, failed) => {
    const out = http.request(
      { host: to.hostname, port: to.port, method: req.method, path: req.url, headers: req.headers, agent: false },
      (res) => {
        const parts: Buffer[] = [];
        res.on('data', (part: Buffer) => parts.push(part));
        res.on('error', failed);
        res.on('end', () => answered({ status: res.statusCode!, headers: res.headers, body: Buffer.concat(parts) }));
      },
    );
    out.on('error', failed);
    out.end(body);
  });
}
