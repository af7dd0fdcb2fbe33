import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

/** The operations page: the built files at `/`, its views under `/app/`. Where it was not built, a page that says so. */
export async function servePage(app: FastifyInstance, dir: string): Promise<void> {
  const built = existsSync(join(dir, 'index.html'));
  if (!built) {
    const missing = (_: unknown, reply: { type(t: string): { send(body: string): unknown } }) =>
      reply.type('text/html; charset=utf-8').send(MISSING);
    app.get('/', missing as never);
    app.get('/app/*', missing as never);
    return;
  }
  await app.register(fastifyStatic, {
    root: dir,
    index: false,
    wildcard: false,
    // The files carry the hash of their content in their name; the page itself does not.
    setHeaders: (reply, path) => {
      const named = /[/\\]assets[/\\]/.test(path);
      reply.setHeader('cache-control', named ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
  app.get('/', (_, reply) => reply.sendFile('index.html'));
  app.get('/app/*', (_, reply) => reply.sendFile('index.html'));
}

const MISSING = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Chimera</title>
<h1>The operations page is not built</h1>
<p>The API is served here: <a href="/v1/openapi.json">/v1/openapi.json</a>. <code>npm run build</code> builds the page.</p>
</html>
`;
