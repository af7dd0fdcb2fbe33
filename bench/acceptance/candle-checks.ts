import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { readPipeline } from '../pipeline.ts';
import { bracket } from '../reference/bracket.ts';
import { emaCross } from '../reference/ema-cross.ts';
import { firstDifference, joined, type PlainFill } from '../reference/fills.ts';
import { atr, bollinger, ema, realisedVolatility, rsi } from '../reference/indicators.ts';
import { type Report, runTapped, type Tapped } from './tapped.ts';

/** `open_time, open, high, low, close, volume` by header. */
function readCandles(file: string) {
  const [header, ...lines] = gunzipSync(readFileSync(file)).toString('utf8').trim().split('\n');
  const names = header!.trim().split(',');
  const cells = lines.map((l) => l.split(','));
  const column = (name: string) => Float64Array.from(cells, (c) => Number(c[names.indexOf(name)]));
  return {
    time: column('open_time'),
    open: column('open'),
    high: column('high'),
    low: column('low'),
    close: column('close'),
  };
}

/** Streaming features and two strategies over real candles against plain loops. In these files an open is often not the close before it. */
export async function checkCandles(name: string, file: string, report: Report): Promise<void> {
  const c = readCandles(file);
  const close = [...c.close];
  const run = await runTapped(
    readPipeline('pipelines/acceptance-candles.yaml'),
    [file],
    ['ema20.value', 'rsi14.value', 'atr14.value', 'rv60.value', 'bb20.bands'],
  );
  const bands = bollinger(close, 20).map(
    (b) => b && [b.middle - 2 * b.deviation, b.middle, b.middle + 2 * b.deviation],
  );
  const expected: [string, (number[] | undefined)[]][] = [
    ['ema20.value', ema(close, 20).map((x) => [x])],
    ['rsi14.value', rsi(close, 14).map((x) => (x === undefined ? x : [x]))],
    ['atr14.value', atr([...c.high], [...c.low], close, 14).map((x) => (x === undefined ? x : [x]))],
    ['rv60.value', realisedVolatility(close, 60).map((x) => (x === undefined ? x : [x]))],
    ['bb20.bands', bands],
  ];
  for (const [port, values] of expected) {
    const rows = run.keys.flatMap((k) => run.rows(port, k)).map((r) => r.split(',').map(Number));
    const there = values.filter((v) => v !== undefined);
    let worst = 0;
    if (rows.length === there.length)
      there.forEach((v, i) => {
        v.forEach((x, k) => {
          worst = Math.max(worst, Math.abs(rows[i]![k]! - x) / Math.max(Math.abs(x), 1e-12));
        });
      });
    report(
      `${name}: ${port} equals its definition to 1e-9`,
      rows.length === there.length && worst <= 1e-9,
      `${rows.length} values of ${there.length}, largest relative difference ${worst.toExponential(1)}`,
    );
  }
  const gaps = c.open.reduce((n, x, i) => n + (i > 0 && x !== c.close[i - 1] ? 1 : 0), 0);
  for (const [strategy, plain] of [
    ['ema-cross', emaCross(c)],
    ['bracket', bracket(c)],
  ] as const) {
    const traded = await runTapped(readPipeline(`pipelines/bench/${strategy}.yaml`), [file], ['venue.report']);
    const fills = fillsOf(traded);
    const step = strategy === 'bracket' ? 1 / traded.pxScale : 0;
    const difference = firstDifference(joined(fills), joined(plain), step);
    report(
      `${name}: ${strategy} fills as a plain loop does`,
      difference === undefined && fills.length > 0,
      difference ?? `${fills.length} fills; ${gaps} opens are not the close before them`,
    );
  }
}

/** Trades among the venue's reports; fields by their place in the record. */
function fillsOf(run: Tapped): PlainFill[] {
  return run.keys
    .flatMap((k) => run.rows('venue.report', k))
    .map((r) => r.split(','))
    .filter((r) => r[2] === 'trade')
    .map((r) => ({
      side: r[6] as 'buy' | 'sell',
      px: Number(r[13]),
      qty: Number(r[14]),
      fee: Number(r[17]),
      time_ms: Number(r[21]),
    }));
}
