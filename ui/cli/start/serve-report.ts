import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Serves one page on the loopback address until the signal; resolves when it is closed. */
export function serveReport(file: string, onReady: (url: string) => void, signal: AbortSignal): Promise<void> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return void response.writeHead(405).end();
    if (request.url !== '/') return void response.writeHead(404, { 'content-type': 'text/plain' }).end('not here\n');
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
    response.end(request.method === 'HEAD' ? undefined : readFileSync(file));
  });
  return new Promise((done, fail) => {
    server.once('error', fail);
    server.listen(0, '127.0.0.1', () => onReady(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`));
    const end = () => {
      server.close(() => done());
      server.closeAllConnections();
    };
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}
