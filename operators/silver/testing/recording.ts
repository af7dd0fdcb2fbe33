import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Vec } from '../../../graph/schema/index.ts';

/**
 * A plain reader of recorder files for tests: JSON.parse and nothing clever, so that it shares no code with the lake's
 * reader. Recorded data is looked for in `CHIMERA_DATA`, or in `../shared/data` beside the repository.
 */
export const DATA = resolve(process.env['CHIMERA_DATA'] ?? resolve(import.meta.dirname, '../../../../shared/data'));
export const recordingPath = (name: string): string => resolve(DATA, name);
export const hasRecording = (name: string): boolean => existsSync(recordingPath(name));

export interface RecordedFrame {
  /** Receive time in µs. */
  t: number;
  symbol: string;
  port: 'trade' | 'book_ticker' | 'depth' | 'depth_snapshot' | 'kline';
  row: Record<string, unknown>;
}
export interface Recording {
  pxDigits: number;
  qtyDigits: number;
  frames: RecordedFrame[];
}
type Json = Record<string, unknown>;

/** Decodes the frames of one symbol (all, when not given). Snapshots of cryptofeed's separate files are merged by time. */
export function readRecording(names: readonly string[], symbol?: string): Recording {
  const raw: { t: number; data: Json; symbol: string }[] = [];
  for (const name of names) raw.push(...lines(name));
  raw.sort((a, b) => a.t - b.t);
  const wanted = raw.filter((r) => symbol === undefined || r.symbol === symbol);
  let pxDigits = 0;
  let qtyDigits = 0;
  for (const { data } of wanted) {
    const { px, qty } = amounts(data);
    for (const x of px) pxDigits = Math.max(pxDigits, decimals(x));
    for (const x of qty) qtyDigits = Math.max(qtyDigits, decimals(x));
  }
  const p = (x: unknown) => Math.round(Number(x) * 10 ** pxDigits);
  const q = (x: unknown) => Math.round(Number(x) * 10 ** qtyDigits);
  const frames: RecordedFrame[] = [];
  for (const { t, data, symbol: s } of wanted) {
    const f = frame(data, p, q);
    if (f) frames.push({ t, symbol: s, ...f });
  }
  return { pxDigits, qtyDigits, frames };
}

function lines(name: string): { t: number; data: Json; symbol: string }[] {
  const out: { t: number; data: Json; symbol: string }[] = [];
  const fromName = /(btcusdt|ethusdt)/.exec(name)?.[1]?.toUpperCase() ?? '';
  for (const line of gunzipSync(readFileSync(recordingPath(name)))
    .toString()
    .split('\n')) {
    const m = /^(\d+)(?:\.(\d+))?:? (\{.*)$/.exec(line) ?? /^http\S*symbol=(\w+)\S* -> ([\d.]+): (\{.*)$/.exec(line);
    if (!m) continue;
    try {
      const json = JSON.parse(m[3]!) as Json;
      if (line.startsWith('http')) out.push({ t: Math.round(Number(m[2]) * 1e6), data: json, symbol: m[1]! });
      else {
        const digits = m[1]!;
        const t =
          digits.length > 16
            ? Number(digits.slice(0, -3))
            : digits.length > 10
              ? Number(digits)
              : Number(`${digits}.${m[2] ?? 0}`) * 1e6;
        const data = (json['data'] ?? json) as Json;
        out.push({ t: Math.round(t), data, symbol: String(data['s'] ?? fromName) });
      }
    } catch {
      // A line cut short at the end of a recording.
    }
  }
  return out;
}

const decimals = (x: string): number => /\.(\d*?)0*$/.exec(x)?.[1]?.length ?? 0;
const pairs = (x: unknown): string[][] => (x ?? []) as string[][];

function amounts(d: Json): { px: string[]; qty: string[] } {
  if (Array.isArray(d['bids']) || d['e'] === 'depthUpdate') {
    const all = [...pairs(d['bids'] ?? d['b']), ...pairs(d['asks'] ?? d['a'])];
    return { px: all.map((x) => x[0]!), qty: all.map((x) => x[1]!) };
  }
  if (d['e'] === 'trade' || d['e'] === 'aggTrade') return { px: [d['p'] as string], qty: [d['q'] as string] };
  if (d['e'] === 'bookTicker' || d['e'] === undefined)
    return { px: [d['b'] as string, d['a'] as string], qty: [d['B'] as string, d['A'] as string] };
  return { px: [], qty: [] };
}

function frame(
  d: Json,
  p: (x: unknown) => number,
  q: (x: unknown) => number,
): Pick<RecordedFrame, 'port' | 'row'> | undefined {
  const n = (x: unknown) => (x === undefined ? Number.NaN : Number(x));
  const list = (xs: string[][], i: 0 | 1) => new Vec(Float64Array.from(xs, (x) => (i === 0 ? p(x[0]) : q(x[1]))));
  const sides = (b: unknown, a: unknown) => ({
    bid_px: list(pairs(b), 0),
    bid_qty: list(pairs(b), 1),
    ask_px: list(pairs(a), 0),
    ask_qty: list(pairs(a), 1),
  });
  const times = { time_ms: n(d['T']), event_ms: n(d['E']) };
  if (Array.isArray(d['bids']))
    return { port: 'depth_snapshot', row: { u: n(d['lastUpdateId']), ...times, ...sides(d['bids'], d['asks']) } };
  switch (d['e']) {
    case 'depthUpdate':
      return {
        port: 'depth',
        row: { first_u: n(d['U']), u: n(d['u']), pu: n(d['pu']), ...times, ...sides(d['b'], d['a']) },
      };
    case 'trade':
    case 'aggTrade': {
      const id = n(d['t'] ?? d['a']);
      const agg = d['e'] === 'aggTrade';
      const row = { id, px: p(d['p']), qty: q(d['q']), side: d['m'] ? 'sell' : 'buy', ...times, agg };
      const ids = { first_id: agg ? n(d['f']) : id, last_id: agg ? n(d['l']) : id };
      return { port: 'trade', row: { ...row, ...ids, on_market: d['X'] === undefined || d['X'] === 'MARKET' } };
    }
    case 'kline': {
      const k = d['k'] as Json;
      const ohlc = { open: p(k['o']), high: p(k['h']), low: p(k['l']), close: p(k['c']) };
      const volumes = { volume: q(k['v']), quote: n(k['q']), buy_volume: q(k['V']), buy_quote: n(k['Q']) };
      const ids = { first_id: n(k['f']), last_id: n(k['L']), trades: n(k['n']) };
      const row = { start_ms: n(k['t']), end_ms: n(k['T']), interval: k['i'], closed: k['x'], event_ms: n(d['E']) };
      return { port: 'kline', row: { ...row, ...ohlc, ...volumes, ...ids } };
    }
    case 'bookTicker':
    case undefined:
      if (d['u'] === undefined || d['B'] === undefined) return undefined;
      return {
        port: 'book_ticker',
        row: { u: n(d['u']), bid_px: p(d['b']), bid_qty: q(d['B']), ask_px: p(d['a']), ask_qty: q(d['A']), ...times },
      };
    default:
      return undefined;
  }
}
