import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { KeyTable } from '../graph/schema/index.ts';
import { openBronzeWriter } from '../lake/bronze-writer.ts';
import { importFiles } from '../lake/import.ts';
import { lakeSql } from '../lake/sql.ts';
import { runJob } from '../ui/run/run.ts';
import { play, ROOT, type Row, readPipeline, trend } from './testing/play.ts';

const root = mkdtempSync(join(tmpdir(), 'chimera-bronze-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const GOLDEN = readFileSync(join(ROOT, 'pipelines/golden/btcusdt-nine-seconds.txt'), 'utf8').trimEnd().split('\n');
const START_MS = 1_723_161_600_000;
const REPLAY = { file: 'pipelines/profiles/replay.yaml', text: readPipeline('profiles/replay.yaml') };
const pipeline = () => trend({ symbols: '[BTCUSDT]', interval: '1s', margin_usdt: '20' }, REPLAY);

/** Milliseconds since the start at which a line arrived. */
const arrived = (line: string) => Number(line.slice(0, 16)) / 1000 - START_MS;
const frame = (line: string) =>
  JSON.parse(line.slice(line.indexOf(' ') + 1)) as { stream?: string; data: Record<string, string | number> };
const kind = (line: string) => frame(line).stream?.split('@')[1] ?? 'snapshot';
function write(name: string, lines: readonly string[]): string {
  const file = join(root, name);
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

it('captures every frame of a feed that breaks off, once and unchanged; the gap is a recorded fact, and it goes on by itself [S1.4]', async () => {
  // Nothing arrives from 3 s to 4 s; the snapshot that heals the book is asked for at 5.1 s.
  const lines = GOLDEN.filter((l) => arrived(l) < 3000 || arrived(l) >= 4000);
  const heal = `${(START_MS + 5105) * 1_000_000} {"lastUpdateId":1055,"E":${START_MS + 5100},"T":${START_MS + 5099},"bids":[["60040.0","5.000"]],"asks":[["60040.1","4.000"],["61000.0","10.000"]]}`;
  lines.splice(
    lines.findIndex((l) => arrived(l) > 5105),
    0,
    heal,
  );
  const file = write('broken.txt', lines);
  const lake = join(root, 'lake');
  await runJob({
    pipeline: pipeline(),
    inputs: [file],
    tapAll: join(root, 'live'),
    capture: lake,
    state: join(root, 'state'),
  });

  const served = (name: string) => lines.filter((l) => kind(l).startsWith(name)).map((l) => frame(l).data);
  const stored = async (sql: string) => (await lakeSql(lake, sql)).rows.map((r) => r.map(String));
  const trades = await stored('SELECT id, px, qty, side, time_ms FROM bronze.trade ORDER BY seq');
  expect(trades.map(([id, px, qty, side]) => [Number(id), Number(px), Number(qty), side])).toEqual(
    served('trade').map((d) => [d['t'], Number(d['p']), Number(d['q']), d['m'] ? 'sell' : 'buy']),
  );
  const tickers = await stored('SELECT u, bid_px, bid_qty, ask_px, ask_qty FROM bronze.book_ticker ORDER BY seq');
  expect(tickers.map((r) => r.map(Number))).toEqual(
    served('bookTicker').map((d) => [d['u'], Number(d['b']), Number(d['B']), Number(d['a']), Number(d['A'])]),
  );
  const diffs = await stored('SELECT first_u, u, pu FROM bronze.depth ORDER BY seq');
  expect(diffs.map((r) => r.map(Number))).toEqual(served('depth').map((d) => [d['U'], d['u'], d['pu']]));
  const counts = await stored(
    'SELECT (SELECT count(*) FROM bronze.mark_price), (SELECT count(*) FROM bronze.depth_snapshot), (SELECT count(*) FROM (SELECT seq FROM bronze.trade UNION SELECT seq FROM bronze.book_ticker UNION SELECT seq FROM bronze.depth UNION SELECT seq FROM bronze.mark_price UNION SELECT seq FROM bronze.depth_snapshot))',
  );
  expect(counts[0]!.map(Number)).toEqual([served('markPrice').length, 2, lines.length]);

  // The break, where it is a fact: in the quality report of the file, and in the state of the book.
  const keys = new KeyTable();
  const report = await importFiles([file], { to: join(root, 'imported'), keys, openWriter: openBronzeWriter });
  expect(report.gaps).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ dataset: 'depth', key: 'usdm:BTCUSDT', kind: 'depth_chain' }),
      expect.objectContaining({ dataset: 'trade', key: 'usdm:BTCUSDT', kind: 'trade_id' }),
    ]),
  );
  const states = readFileSync(join(root, 'live/book.state.csv'), 'utf8').trimEnd().split('\n').slice(1);
  expect(states.map((l) => l.split(',').slice(2, 5))).toEqual([
    [String((START_MS + 205) * 1000), 'usdm:BTCUSDT', 'live'],
    [String((START_MS + 4205) * 1000), 'usdm:BTCUSDT', 'resync'],
    [String((START_MS + 5205) * 1000), 'usdm:BTCUSDT', 'live'],
  ]);
});

it('gives the same features for a feed with duplicates, frames out of order and prints off the market, and counts what it refuses [S2.4]', async () => {
  const noisy: string[] = [];
  let injected = 0;
  let stale: string | undefined;
  for (const [i, line] of GOLDEN.entries()) {
    const time = line.slice(0, 19);
    const what = kind(line);
    noisy.push(line);
    const inject = (l: string) => {
      noisy.push(l);
      injected++;
    };
    if (what === 'trade') {
      inject(line);
      // Far from the market, and not of it.
      inject(
        line
          .replace('"MARKET"', '"INSURANCE_FUND"')
          .replace(/"p":"[\d.]+"/, '"p":"70000.0"')
          .replace(/"t":\d+/, `"t":${9000 + i}`),
      );
    }
    if (what === 'bookTicker') {
      inject(line);
      if (stale !== undefined) inject(time + stale.slice(19));
      stale = line;
    }
    if (what.startsWith('depth') && arrived(line) > 1000) inject(line);
  }
  // Two trades of one second change places.
  const [a, b] = [noisy.findIndex((l) => l.includes('"t":116,')), noisy.findIndex((l) => l.includes('"t":117,'))];
  const [first, second] = [noisy[a]!, noisy[b]!];
  noisy[a] = first.slice(0, 19) + second.slice(19);
  noisy[b] = second.slice(0, 19) + first.slice(19);

  const clean = await play(pipeline(), { inputs: [write('clean.txt', GOLDEN)] });
  const dirty = await play(pipeline(), { inputs: [write('noisy.txt', noisy)] });
  const values = (rows: Row[]) => rows.map(({ t, key, values: v }) => ({ t, key, v }));
  expect(clean.on('features.features').length).toBeGreaterThan(2);
  for (const port of ['bars.bar', 'quotes.best', 'book.top', 'top_imbalance.value', 'features.features'])
    expect(values(dirty.on(port)), port).toEqual(values(clean.on(port)));
  expect(clean.result.counters).toMatchObject({ filtered: 0, late: 0 });
  expect(dirty.result.counters.filtered).toBe(injected);
  expect(dirty.result.events_in).toBe(clean.result.events_in + injected);
});
