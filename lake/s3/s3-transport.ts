import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import * as http from 'node:http';
import * as https from 'node:https';

/**
 * The sockets of the S3 client. It knows two things better than the client: a connection on which nothing moves ends, and
 * the answer to a request that the server could not serve is read like any other. (The client would drop it unread, with the
 * store's own code, and wait a random time; repetitions are ours.) So 5xx, 408 and 429 are shown to it under a status
 * that it does not know, and the real one goes along in a header that the client copies into its error.
 */
export function s3Transport(secure: boolean, timeoutMs: number): Pick<typeof http, 'request'> {
  const { request } = secure ? https : http;
  const send = (options: RequestOptions, answered?: (res: IncomingMessage) => void): ClientRequest => {
    const req = request(options, (res) => {
      const status = res.statusCode ?? 0;
      if (status >= 300) res.headers['x-amz-id-2'] = `status:${status}`;
      if (status >= 500 || status === 408 || status === 429) res.statusCode = 599;
      answered?.(res);
    });
    req.setTimeout(timeoutMs, () => {
      const silence = new Error(`no answer for ${timeoutMs} ms`);
      req.destroy(Object.assign(silence, { code: 'ETIMEDOUT' }));
    });
    return req;
  };
  return { request: send as typeof http.request };
}

/** Connections are kept and shared; idle ones do not keep the process alive. */
export function s3Agent(secure: boolean): http.Agent {
  const options = { keepAlive: true, maxSockets: 32 };
  return secure ? new https.Agent(options) : new http.Agent(options);
}
