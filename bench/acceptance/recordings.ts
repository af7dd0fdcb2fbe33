import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeyTable } from '../../graph/schema/index.ts';
import { openBronzeWriter } from '../../lake/bronze-writer.ts';
import { type ImportReport, importFiles } from '../../lake/import.ts';
import { crossedBook } from '../../ui/run/crossed-book.ts';
import { readPipeline } from '../pipeline.ts';
import { tickBars, timeBars, volumeBars } from '../reference/bars.ts';
import { priceDigits, rebuildBook } from '../reference/book.ts';
import { type Frame, type Recording, readRecording } from '../reference/recording.ts';
import { parting, type Report, runTapped, type Tapped } from './tapped.ts';

const PORTS = [
  'book.top',
  'book.depth',
  'book.state',
  'agree.check',
  'bars_1s.bar',
  'bars_1m.bar',
  'bars_tick.bar',
  'bars_volume.bar',
  'klines.check',
];
const VOLUME_BAR = '5';

/**
 * One recording (one or several files) through `pipelines/acceptance.yaml` and through the importer, against a rebuild of
 * book, bars and counts from the same lines by JSON.parse.
 */
export async function checkRecording(name: string, files: readonly string[], report: Report): Promise<void> {
  const recording = readRecording(files);
  const pipeline = readPipeline('pipelines/acceptance.yaml', { volume_bar: VOLUME_BAR });
  const run = await runTapped(pipeline, files, PORTS);
  const keys = [...new Set(recording.frames.map((f) => f.key))].sort();
  checkBooks(name, keys, recording, run, report);
  checkBars(name, keys, recording, run, report);
  checkKlines(name, keys, recording, run, report);
  report(
    `${name}: nothing is late, dropped or dead-lettered beyond the lines that are no frame`,
    run.result.counters.late === 0 &&
      run.result.counters.dropped === 0 &&
      run.result.bad_input.length === recording.refused,
    `${run.result.counters.late} late, ${run.result.counters.dropped} dropped, ${run.result.bad_input.length} refused lines of ${recording.refused}`,
  );
  checkImport(name, recording, await importInto(files), report);
}

const of = (recording: Recording, key: string): Frame[] => recording.frames.filter((f) => f.key === key);

function checkBooks(name: string, keys: readonly string[], r: Recording, run: Tapped, report: Report): void {
  const total = { tops: 0, tickers: 0, agreeing: 0, crossed: 0, gaps: 0, told: 0, equal: 0 };
  let wrong: string | undefined;
  let states: string | undefined;
  for (const key of keys) {
    const frames = of(r, key);
    if (!frames.some((f) => f.stream === 'depth')) continue;
    const plain = rebuildBook(frames, priceDigits(frames));
    wrong ??= parting(run.rows('book.top', key), plain.top) ?? parting(run.rows('book.depth', key), plain.depth);
    const checks = run.rows('agree.check', key);
    total.tops += plain.top.length;
    total.tickers += plain.tickers;
    total.agreeing += plain.agreeing;
    total.crossed += plain.crossed;
    total.gaps += plain.gaps;
    total.told += checks.length;
    total.equal += checks.filter((c) => c.endsWith(',true')).length;
    const state = run.rows('book.state', key);
    const expected = plain.top.length > 0 ? 1 : 0;
    if (state.filter((s) => s.startsWith('live')).length !== expected || (expected === 1 && state.length !== 1))
      states ??= `${key}: ${state.join(' | ')}`;
  }
  report(
    `${name}: the book after every diff is that of a plain rebuild`,
    wrong === undefined && total.tops > 0 && total.crossed === 0 && total.gaps === 0,
    wrong ?? `${total.tops} books, ${total.crossed} crossed, ${total.gaps} gaps`,
  );
  report(
    `${name}: each book ticker that carries a diff's update id agrees in price and size`,
    total.equal === total.told && total.told === total.tickers && total.agreeing === total.tickers,
    `${total.equal} of ${total.told}; by the plain rebuild ${total.agreeing} of ${total.tickers}`,
  );
  report(
    `${name}: each book goes live once and stays so`,
    states === undefined,
    states ?? `${keys.length} instruments`,
  );
}

function checkBars(name: string, keys: readonly string[], r: Recording, run: Tapped, report: Report): void {
  const kinds: [string, (frames: Frame[]) => string[]][] = [
    ['bars_1s', (f) => timeBars(f, 1000)],
    ['bars_1m', (f) => timeBars(f, 60_000)],
    ['bars_tick', (f) => tickBars(f, 100)],
    ['bars_volume', (f) => volumeBars(f, VOLUME_BAR)],
  ];
  let wrong: string | undefined;
  const counts = kinds.map(([node, make]) => {
    let n = 0;
    for (const key of keys) {
      const expected = make(of(r, key));
      n += expected.length;
      const difference = parting(run.rows(`${node}.bar`, key), expected);
      if (difference) wrong ??= `${node} of ${key}: ${difference}`;
    }
    return `${n} ${node}`;
  });
  report(`${name}: bars are those of a plain loop over its trades`, wrong === undefined, wrong ?? counts.join(', '));
}

/** Every update of a minute that began inside the recording, and whose trades are all in it, must be met. */
function checkKlines(name: string, keys: readonly string[], r: Recording, run: Tapped, report: Report): void {
  if (!r.frames.some((f) => f.stream === 'kline')) return;
  let [met, expected] = [0, 0];
  let wrong: string | undefined;
  for (const key of keys) {
    const frames = of(r, key);
    const rows = run.rows('klines.check', key);
    met += rows.length;
    const bad = rows.find((c) => c.split(',')[4] !== 'true');
    if (bad) wrong ??= `${key}: ${bad}`;
    const began = Math.min(...frames.map((f) => Number(f.data.E ?? Number.POSITIVE_INFINITY)));
    for (const { stream, data } of frames) {
      if (stream !== 'kline' || data.k.i !== '1m' || data.k.t < began || data.k.n === 0) continue;
      const k = data.k;
      const inside = frames.filter((f) => f.stream === 'trade' && f.data.f >= k.f && f.data.l <= k.L);
      const trades = inside.reduce((n, f) => n + f.data.l - f.data.f + 1, 0);
      if (trades !== k.n) continue;
      expected++;
      const row = rows.find((c) => c.startsWith(`${k.t},${k.L},`));
      if (!row) wrong ??= `${key}: no row for the update of ${k.t} up to trade ${k.L}`;
      const prices = inside.map((f) => Number(f.data.p));
      const volume = inside.reduce((v, f) => v + Number(f.data.q), 0);
      const same =
        Math.max(...prices) === Number(k.h) &&
        Math.min(...prices) === Number(k.l) &&
        prices[0] === Number(k.o) &&
        prices.at(-1) === Number(k.c) &&
        Math.abs(volume - Number(k.v)) < 1e-6 * Number(k.v);
      if (!same) wrong ??= `${key}: the plain bar differs from the update of ${k.t} up to trade ${k.L}`;
    }
  }
  report(
    `${name}: kline updates of minutes that began inside are met by the bar of their trades`,
    wrong === undefined && met >= expected,
    wrong ?? `${met} updates met, ${expected} of them recomputed from whole trades`,
  );
}

export async function importInto(files: readonly string[]): Promise<ImportReport> {
  const to = mkdtempSync(join(tmpdir(), 'chimera-acceptance-'));
  try {
    const keys = new KeyTable();
    return await importFiles(files, { to, keys, openWriter: openBronzeWriter, bookCheck: crossedBook(keys) });
  } finally {
    rmSync(to, { recursive: true, force: true });
  }
}

/** `gaps duplicates out_of_order off_market crossed bad_input` */
export const qualityOf = (r: ImportReport): string =>
  [r.gaps.length, r.duplicates, r.out_of_order, r.off_market, r.crossed, r.bad_input.length].join(' ');

function checkImport(name: string, r: Recording, imported: ImportReport, report: Report): void {
  const found = qualityOf(imported);
  report(
    `${name}: the import's quality report is all zero but for the lines that are no frame`,
    found === `0 0 0 0 0 ${r.refused}`,
    `gaps, duplicates, out of order, off market, crossed, refused: ${found}`,
  );
  const plain: Record<string, number> = {};
  for (const f of r.frames) plain[f.stream] = (plain[f.stream] ?? 0) + 1;
  const rows = Object.entries(imported.rows).filter(([dataset, n]) => n > 0 && dataset !== 'dead_letter');
  const text = (o: Record<string, number>) => JSON.stringify(Object.entries(o).sort());
  const same = text(Object.fromEntries(rows)) === text(plain);
  report(
    `${name}: every frame is imported`,
    same,
    same ? `${r.frames.length} frames` : `${text(Object.fromEntries(rows))} instead of ${text(plain)}`,
  );
}
