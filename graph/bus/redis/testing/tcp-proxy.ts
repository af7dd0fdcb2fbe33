import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A hop on the way to a server, which can be cut, made silent, or slow. */
export interface TcpProxy {
  readonly port: number;
  readonly url: string;
  /** Closes all connections and refuses new ones. */
  cut(): Promise<void>;
  /** Passes nothing on, without closing anything. */
  hold(): void;
  /** Passes answers on so much later. */
  slow(ms: number): void;
  /** Everything works again. */
  mend(): Promise<void>;
  close(): Promise<void>;
}

export async function startProxy(target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let delayMs = 0;
  let held = false;
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    for (const s of [client, upstream]) {
      sockets.add(s);
      s.setNoDelay(true);
      s.on('error', () => {});
      if (held) s.pause();
    }
    client.on('data', (d) => upstream.write(d));
    upstream.on('data', (d) => {
      if (delayMs === 0) client.write(d);
      else setTimeout(() => client.write(d), delayMs);
    });
    const end = (): void => {
      sockets.delete(client);
      sockets.delete(upstream);
      client.destroy();
      upstream.destroy();
    };
    client.on('close', end);
    upstream.on('close', end);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const drop = (): void => {
    for (const s of sockets) s.destroy();
  };
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    drop();
    await once(server, 'close');
  };
  return {
    port,
    url: `redis://127.0.0.1:${port}/0`,
    cut: stop,
    hold() {
      held = true;
      for (const s of sockets) s.pause();
    },
    slow(ms) {
      delayMs = ms;
    },
    async mend() {
      delayMs = 0;
      held = false;
      for (const s of sockets) s.resume();
      if (server.listening) return;
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
    close: stop,
  };
}
