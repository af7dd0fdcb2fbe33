import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { asking, source } from '../../graph/engine/testing-nodes.ts';
import { defineSource, output } from '../../graph/node.ts';
import { createPlan } from '../../graph/plan/plan.ts';
import { rowsReader } from '../../graph/runner/rows-reader.ts';
import { ChimeraError, KeyTable, MARKET_PORTS, type Schema } from '../../graph/schema/index.ts';
import { buildPipeline } from '../../graph/testing/build.ts';
import { blockRows } from '../../lake/block-rows.ts';
import { recording } from '../../lake/decode/testing/recording.ts';
import { openLake } from '../../lake/open-lake.ts';
import { openStorage } from '../../lake/open-storage.ts';
import type { S3Options } from '../../lake/s3/s3-options.ts';
import { onMinio } from '../../lake/s3/testing/minio-suite.ts';
import { chimera } from '../cli/testing/said.ts';
import { compareTaps } from './compare-taps.ts';
import { readOutcomes } from './outcomes.ts';
import { portsOf, type RunJob, runJob } from './run.ts';
import { synthetic, trend } from './testing/trend.ts';

const MARKET = synthetic('outage_every: 8s', '15s');
const live = (job: Partial<RunJob>, edit?: (text: string) => string) =>
  runJob({ pipeline: trend(MARKET, edit), inputs: [], seed: 1, commitInputs: 1500, ...job });

onMinio('a run whose lake is on S3', (suite) => {
  let folders = 0;
  const folder = () => join(suite.dir, `run-${folders++}`);
  let s3: S3Options;
  const lake = () => `s3://${suite.bucket()}/captured/lake`;
  /** Every object of a lake that counts, with the hash of its bytes. */
  async function contents(address: string): Promise<Record<string, string>> {
    const storage = await openStorage(address, { s3 });
    const out: Record<string, string> = {};
    for (const name of await storage.list(''))
      if (!/^_(probe|staging|intent)\//.test(name))
        out[name] = createHash('sha256')
          .update(await storage.get(name))
          .digest('hex');
    return out;
  }
  const replayed = async (input: string) => {
    const tapAll = folder();
    const report = await runJob({ pipeline: trend(), inputs: [input], s3, tapAll, outcomesFrom: [input] });
    return { tapAll, report };
  };
  const ports = () => portsOf(createPlan(trend()));
  beforeAll(() => {
    s3 = suite.options();
  });

  it('captures there while it lives, by a process of its own, and is replayed from there to the last bit', async () => {
    const [onS3, local, tapAll] = [lake(), folder(), folder()];
    const job = { pace: 20, commitInputs: 800, segments: { bytes: 200_000 } };
    const report = await live({ ...job, state: folder(), capture: onS3, s3, tapAll });
    expect(report).toMatchObject({ ok: true, journal: { failures: 0, last_failure: null } });
    expect(report.journal!.sealed).toBeGreaterThan(3);
    const first = await replayed(onS3);
    expect(await compareTaps(tapAll, first.tapAll, ports())).toBeNull();
    expect(first.report.events_in).toBe(report.events_in);
    expect(first.report.taps['venue.report']!.rows).toBeGreaterThan(20);

    await live({ ...job, state: folder(), capture: local });
    const second = await replayed(local);
    expect(Object.keys(second.report.taps).length).toBeGreaterThan(50);
    expect(first.report.taps).toEqual(second.report.taps);
  });

  it('captures block by block without a state folder: the objects are those of a local lake', async () => {
    const [onS3, local] = [lake(), folder()];
    await live({ capture: onS3, s3 });
    await live({ capture: local });
    const expected = await contents(local);
    expect(Object.keys(expected).length).toBeGreaterThan(8);
    expect(await contents(onS3)).toEqual(expected);
  });

  it('goes on after crashes: the rows of the Parquet sink are those of an undisturbed run in a folder', async () => {
    const [onS3, local] = [lake(), folder()];
    const into = (at: string) => (text: string) =>
      text.replace(
        'with: { rolling: { max_mb: 16, interval: 5m } }',
        `with: { lake: "${at}", rolling: { max_rows: 1024, interval: 2s } }`,
      );
    const run = (at: string, more: Partial<RunJob>) => live({ ...more, s3 }, into(at));
    await run(local, { state: folder() });
    const state = folder();
    let crashes = 0;
    for (let commits = 0; ; commits = 0)
      try {
        await run(onS3, {
          state,
          onCommit: () => {
            if (crashes < 4 && ++commits === 2) {
              crashes++;
              throw new ChimeraError('CHM918', 'the plug was pulled');
            }
          },
        });
        break;
      } catch (e) {
        if (!(e instanceof ChimeraError && e.code === 'CHM918')) throw e;
      }
    expect(crashes).toBe(4);
    // A run that fails turns what it has into files, so the cuts differ; the rows must not.
    const rowsOf = async (address: string) => {
      const keys = new KeyTable();
      const storage = await openStorage(address, { s3 });
      const reader = await openLake(address, { tier: 'gold', storage }, keys);
      const rows = await blockRows(reader, keys);
      await reader.close();
      return rows;
    };
    const expected = await rowsOf(local);
    expect(expected.length).toBeGreaterThan(100);
    expect(await rowsOf(onS3)).toEqual(expected);
  });

  it('keeps there what asynchronous nodes were told, and a replay asks nobody', async () => {
    const ports = Object.entries(MARKET_PORTS).map(([name, schema]) => ({ name, schema: schema as Schema }));
    const rows = Array.from({ length: 40 }, (_, i) => {
      const ids = { id: i, first_id: i, last_id: i, time_ms: i, event_ms: i };
      const values = { ...ids, px: i % 10, qty: 1, side: 'buy', on_market: true, agg: false };
      return { t: 1000 * (i + 1), port: 'trade', key: 0, values };
    });
    const market = defineSource({
      ...source,
      type: 'test.market',
      ports: { out: Object.fromEntries(ports.map((p) => [p.name, output(p.schema)])) },
      open: async (_c, { keys }) => {
        keys.declare('usdm:A', 0, 2);
        return rowsReader(ports, rows, 8);
      },
    });
    let calls = 0;
    const answering = asking(({ value }) => Promise.resolve({ value: value + ++calls / 8 }));
    const pipeline = buildPipeline(
      [
        { id: 'src', type: market },
        { id: 'ask', type: answering, in: { a: 'src.trade.px' } },
      ],
      'asks',
    );
    const [onS3, one, two] = [lake(), folder(), folder()];
    await runJob({ pipeline, inputs: [], capture: onS3, s3, tapAll: one });
    expect((await readOutcomes(onS3, s3)).length).toBe(calls);
    const asked = calls;
    await runJob({ pipeline, inputs: [], outcomesFrom: [onS3], s3, tapAll: two });
    expect(calls).toBe(asked);
    expect(await compareTaps(one, two, ['ask.value'])).toBeNull();
  });

  it('says with a code what is wrong with the store, and no key is in it', async () => {
    const at = lake();
    const short = { ...s3, retryMs: [1, 2] };
    const cases: [string, Partial<RunJob>][] = [
      ['CHM644', { capture: at }],
      ['CHM644', { capture: 's3://Not A Bucket/x', s3 }],
      ['CHM641', { capture: at, s3: { ...short, secretKey: 'geheim-geheim' } }],
      ['CHM640', { capture: at, s3: { ...short, endpoint: 'http://127.0.0.1:1' } }],
      ['CHM640', { capture: at, state: folder(), s3: { ...short, endpoint: 'http://127.0.0.1:1' } }],
    ];
    for (const [code, job] of cases) {
      const e = await live(job).then(
        () => undefined,
        (x: ChimeraError) => x,
      );
      expect(e).toMatchObject({ code, help: expect.any(String) });
      for (const key of [s3.accessKey, s3.secretKey, 'geheim']) expect(e!.toString()).not.toContain(key);
    }
    const nothing = runJob({ pipeline: trend(), inputs: [`s3://${suite.bucket()}/x`], s3 });
    await expect(nothing).rejects.toMatchObject({ code: 'CHM642' });
  });

  it('is imported, listed, verified, queried, compacted and run over by the command line, which takes keys from the environment only', async () => {
    const env = {
      CHIMERA_S3_ENDPOINT: s3.endpoint,
      CHIMERA_S3_ACCESS_KEY: s3.accessKey,
      CHIMERA_S3_SECRET_KEY: s3.secretKey,
      CHIMERA_S3_CACHE: s3.cacheDir!,
    };
    const at = lake();
    const file = join(suite.dir, 'recording.txt');
    writeFileSync(
      file,
      recording({ lines: 3000 })
        .map((l) => `${l.text}\n`)
        .join(''),
    );
    const json = async (...argv: string[]) => {
      const { code, out, err } = await chimera([...argv, '--json'], env);
      expect([argv.join(' '), code, err]).toEqual([argv.join(' '), 0, '']);
      return JSON.parse(out) as Record<string, unknown>;
    };
    const imported = await json('lake', 'import', file, '--to', at);
    const rows = imported['rows'] as Record<string, number>;
    const listed = (await json('lake', 'ls', at))['datasets'] as { dataset: string; rows: number }[];
    expect(Object.fromEntries(listed.map((d) => [d.dataset, d.rows]))).toEqual(rows);
    expect(await json('lake', 'verify', at)).toMatchObject({ ok: true, problems: [] });
    expect(await json('lake', 'sql', at, 'SELECT count(*) AS n FROM trade')).toMatchObject({
      rows: [[rows['trade']]],
    });
    expect(await json('lake', 'compact', at)).toMatchObject({ ok: true });
    const local = join(suite.dir, 'top-local.csv');
    const away = join(suite.dir, 'top-s3.csv');
    const over = async (input: string, tap: string) => {
      const report = await json('run', 'pipelines/acceptance.yaml', '--input', input, '--tap', `book.top=${tap}`);
      return (report['taps'] as Record<string, { rows: number; sha256: string }>)['book.top']!;
    };
    const top = await over(at, away);
    expect(top.rows).toBeGreaterThan(100);
    expect(top).toEqual(await over(file, local));

    const refused = await chimera(['lake', 'ls', at, '--json'], { CHIMERA_S3_ENDPOINT: s3.endpoint });
    expect(JSON.parse(refused.out)).toMatchObject({ ok: false, error: { code: 'CHM644' } });
    const mistyped = await chimera(['lake', 'import', file, '--to', 's3:/bucket/lake', '--json'], env);
    expect(JSON.parse(mistyped.out)).toMatchObject({ ok: false, error: { code: 'CHM644' } });
  });
});
