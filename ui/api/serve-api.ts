import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { ChimeraError } from '../../graph/schema/index.ts';
import type { Api } from './api.ts';
import { LiveSockets } from './live/live-sockets.ts';
import { isLoopback } from './loopback.ts';
import { servePage } from './page.ts';
import { SERVICE_IDS, SERVICES } from './route.ts';
import { buildServer } from './server.ts';

export interface ServeOptions {
  /** 0: a free one. Default 8092. */
  readonly port?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Files; needed on every address but the loopback's. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Serve the faces of the other eleven services as well, at their own ports. */
  readonly faces?: boolean;
  /** Folder of the built page. */
  readonly page?: string;
  readonly perMinute?: number;
}
export interface Served {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Listens: the gateway with the page and the websocket, and the other faces if asked. @throws CHM1130, CHM1131 */
export async function serveApi(api: Api, options: ServeOptions = {}): Promise<Served> {
  const { port = SERVICES.s12.port, host = '127.0.0.1', faces = false, page, perMinute } = options;
  if (!isLoopback(host) && !options.tls)
    throw new ChimeraError('CHM1130', `${host} can be reached by others, and there is no TLS`, {
      help: 'give --tls-cert and --tls-key, or serve at 127.0.0.1 behind a proxy that ends TLS',
    });
  const tls = options.tls && { cert: readFile(options.tls.cert), key: readFile(options.tls.key) };
  const more = { hosts: [host], ...(tls ? { tls } : {}), ...(perMinute === undefined ? {} : { perMinute }) };
  const apps: FastifyInstance[] = [];
  const sockets = new LiveSockets(api, { hosts: more.hosts, tls: tls !== undefined });
  const close = async () => {
    sockets.close();
    for (const app of apps) await app.close();
  };
  try {
    const gateway = await buildServer(api, more);
    apps.push(gateway);
    sockets.attach(gateway.server);
    if (page !== undefined) await servePage(gateway, page);
    await listen(gateway, host, port);
    if (faces)
      for (const face of SERVICE_IDS) {
        if (face === 's12') continue;
        const app = await buildServer(api, { ...more, face });
        apps.push(app);
        await listen(app, host, SERVICES[face].port);
      }
  } catch (e) {
    await close();
    throw e;
  }
  const address = apps[0]!.server.address() as AddressInfo;
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return { url: `${tls ? 'https' : 'http'}://${shown}:${address.port}/`, port: address.port, close };
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<void> {
  try {
    await app.listen({ host: host.replace(/^\[|\]$/g, ''), port });
  } catch (e) {
    const why = (e as NodeJS.ErrnoException).code ?? String(e);
    throw new ChimeraError('CHM1131', `the API cannot be served at ${host}:${port} (${why})`, {
      cause: e,
      help: 'name another port with --port, or stop the process that has this one',
    });
  }
}
function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new ChimeraError('CHM1131', `${path} cannot be read`, { file: path, cause, help: 'name a PEM file' });
  }
}
