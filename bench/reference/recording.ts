import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/**
 * Recorder files read in the plainest way, line by line with JSON.parse: what the program makes of the same files is compared
 * with this. Nothing of the lake's decoders is used here.
 */
export type Stream = 'trade' | 'book_ticker' | 'depth' | 'depth_snapshot' | 'mark_price' | 'kline';
export interface Frame {
  us: number;
  stream: Stream;
  /** `usdm:BTCUSDT` */
  key: string;
  // biome-ignore lint/suspicious/noExplicitAny: the exchange's own frame, as JSON.parse gives it.
  data: any;
}
export interface Recording {
  frames: Frame[];
  /** Lines that are no whole frame. */
  refused: number;
}

const STREAMS: Readonly<Record<string, Stream>> = {
  trade: 'trade',
  aggTrade: 'trade',
  bookTicker: 'book_ticker',
  depthUpdate: 'depth',
  markPriceUpdate: 'mark_price',
  kline: 'kline',
};

export function readRecording(paths: readonly string[]): Recording {
  const found: (Omit<Frame, 'key'> & { symbol: string })[] = [];
  let refused = 0;
  for (const path of paths) {
    let last = 0;
    for (const line of textOf(path).split('\n')) {
      const m =
        /^(\d{16,19}) (.*)$/.exec(line) ??
        /^(\d+\.\d+): (.*)$/.exec(line) ??
        /^https:\S+ -> (\d+\.\d+): (.*)$/.exec(line);
      if (!m) continue;
      const us = microseconds(m[1]!);
      let frame: Record<string, unknown>;
      try {
        frame = JSON.parse(m[2]!);
      } catch {
        refused++;
        continue;
      }
      // Within a file the order of the lines is law.
      last = Math.max(last, us);
      const data = (frame['data'] ?? frame) as Record<string, unknown>;
      const stream =
        data['lastUpdateId'] !== undefined
          ? 'depth_snapshot'
          : // A Spot book ticker says nothing of its kind.
            (STREAMS[String(data['e'])] ?? (/@bookTicker$/.test(String(frame['stream'])) ? 'book_ticker' : undefined));
      if (!stream) continue;
      const symbol = String(data['s'] ?? /symbol=(\w+)/.exec(line.slice(0, 200))?.[1] ?? '');
      found.push({ us: last, stream, symbol, data });
    }
  }
  // Stable: at one time the order of the files decides.
  found.sort((a, b) => a.us - b.us);
  const market = found.some((f) => f.data['pu'] !== undefined) ? 'usdm' : 'spot';
  const only = found.find((f) => f.symbol !== '')?.symbol ?? '';
  return {
    refused,
    frames: found.map(({ us, stream, symbol, data }) => ({ us, stream, key: `${market}:${symbol || only}`, data })),
  };
}

function textOf(path: string): string {
  const bytes = readFileSync(path);
  return (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString('utf8');
}
function microseconds(text: string): number {
  if (text.includes('.')) return Math.round(Number(text) * 1e6);
  return text.length === 19 ? Math.floor(Number(text.slice(0, 16))) : Number(text);
}

/** A decimal as whole units of 10^−digits. */
export function units(text: string, digits: number): number {
  const [whole, fraction = ''] = text.split('.');
  const rest = fraction.slice(digits);
  if (/[1-9]/.test(rest)) throw new Error(`${text} has more than ${digits} decimals`);
  return Number(whole + fraction.slice(0, digits).padEnd(digits, '0'));
}
/** Whole units as a plain decimal: no exponent, no trailing zeros. */
export function decimal(value: number | bigint, digits: number): string {
  const negative = value < 0;
  const text = String(negative ? -value : value).padStart(digits + 1, '0');
  const whole = text.slice(0, text.length - digits);
  const fraction = text.slice(text.length - digits).replace(/0+$/, '');
  return `${negative ? '-' : ''}${whole}${fraction ? `.${fraction}` : ''}`;
}
