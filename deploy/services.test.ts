import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { noRedis, startRedis } from '../graph/bus/redis/testing/redis-server.ts';
import { ArangoDouble } from '../sinks/store/arango/double/arango-double.ts';
import { chimera } from '../ui/cli/testing/said.ts';
import { interpolate } from './testing/interpolate.ts';

const here = import.meta.dirname;
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Ten seconds of the synthetic market instead of a minute. */
const PROFILE = `chimera: 1
profile: short
bind:
  market: { type: source.synthetic, with: { symbols: [BTCUSDT, ETHUSDT], duration: 10s } }
  venue: { type: venue.usdm }
`;

describe.skipIf(noRedis)(`the services of deploy/compose.yaml${noRedis ? ` (${noRedis})` : ''}`, () => {
  it('come to the end of their run together, each by its own command line, with Redis and a database between them', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'chimera-services-'));
    closing.push(() => rmSync(dir, { recursive: true, force: true }));
    const redis = await startRedis({ settings: { requirepass: 'hunter2' } });
    closing.push(() => redis.close());
    const arango = await ArangoDouble.start({
      users: { root: { password: 'pw', rights: { '*': 'rw', _system: 'rw' } } },
    });
    closing.push(() => arango.stop());
    const profile = join(dir, 'short.yaml');
    writeFileSync(profile, PROFILE);
    const bus = `redis://127.0.0.1:${redis.port}/0`;
    const { services } = parse(
      interpolate(readFileSync(join(here, 'compose.yaml'), 'utf8'), { CHIMERA_BUS: bus, CHIMERA_PROFILE: profile }),
      { merge: true },
    ) as { services: Record<string, { image: string; command: string[] }> };
    const own = Object.entries(services).filter(([, s]) => s.image.startsWith('chimera:'));
    // What is different here: where folders and servers are, and the port of the metrics.
    const elsewhere: Record<string, string> = {
      'pipelines/trend.yaml': join(here, '../pipelines/trend.yaml'),
      'arango:http://root@arangodb:8529/chimera': `arango:${arango.url.replace('//', '//root@')}/chimera`,
      '0.0.0.0:9464': '127.0.0.1:0',
    };
    const ended = await Promise.all(
      own.map(([name, s]) => {
        const argv = s.command.map((a) => (a === '/state' ? join(dir, name) : (elsewhere[a] ?? a)));
        return chimera(argv, { CHIMERA_BUS_PASSWORD: 'hunter2', CHIMERA_ARANGO_PASSWORD: 'pw' });
      }),
    );
    expect(ended.map((e, i) => [own[i]![0], e.code, e.code === 0 ? '' : e.err])).toEqual(own.map(([n]) => [n, 0, '']));
    const reports = ended.map((e) => JSON.parse(e.out).service_report as { cycles: number; graph_hash: string });
    for (const r of reports) expect(r.cycles).toBeGreaterThan(0);
    expect(new Set(reports.map((r) => r.graph_hash)).size).toBe(1);
  });
});
