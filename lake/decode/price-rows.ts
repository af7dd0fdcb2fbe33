import { FileKeys, NO_EVIDENCE, USDM } from './file-keys.ts';
import { type Frame, fitsMoney, max } from './frame.ts';
import { PORT } from './row-store.ts';
import { ABSENT, INT, NESTED, TEXT } from './slots.ts';

const S_BQUOTE = 81; // Q
const S_BV = 86; // V
const S_C = 99; // c
const S_CLOSED = 120; // x
const S_EVENT = 69; // E
const S_F = 102; // f
const S_H = 104; // h
const S_I = 105; // i
const S_ID = 116; // t
const S_K = 107; // k
const S_L = 108; // l
const S_LAST = 76; // L
const S_N = 110; // n
const S_O = 111; // o
const S_P = 112; // p
const S_Q = 113; // q
const S_R = 114; // r
const S_SETTLE = 80; // P
const S_T = 84; // T
const S_V = 118; // v

// Mark prices and klines.
export function writeMarkPrice(f: Frame, name: number, t: number, line: number, flags: number): boolean {
  const mark = f.px(S_P, 'p');
  const index = f.moneyOr(S_I, 'i');
  const settle = f.moneyOr(S_SETTLE, 'P');
  const rate = f.rateOr(S_R, 'r');
  const next = f.slots.kind[S_T] === INT && f.slots.val[S_T] === 0 ? Number.NaN : f.timeOr(S_T, 'T');
  const event = f.time(S_EVENT, 'E');
  if (f.fault === null && !fitsMoney(mark, f.slots.digits[S_P]!))
    f.refuse('CHM658', 'the mark price needs more than eight decimals or 2^53');
  if (f.fault !== null) return false;
  f.vote(USDM);
  if (f.skips(PORT.mark_price)) return true;
  const key = FileKeys.key(name, USDM);
  f.keys.see(key, 0, 0, 0, 0);
  const b = f.store.begin(PORT.mark_price, key, t, line, flags);
  const r = b.n - 1;
  const n = b.numbers;
  n[0]![r] = mark;
  n[1]![r] = index;
  n[2]![r] = settle;
  n[3]![r] = rate;
  n[4]![r] = next;
  n[5]![r] = event;
  return true;
}

export function writeKline(f: Frame, name: number, t: number, line: number, flags: number): boolean {
  const s = f.slots;
  if (s.kind[S_K] === ABSENT) return f.refuse('CHM654', 'field "k" is missing');
  const start = f.time(NESTED + S_ID, 'k.t');
  const end = f.time(NESTED + S_T, 'k.T');
  const open = f.px(NESTED + S_O, 'k.o');
  const high = f.px(NESTED + S_H, 'k.h');
  const low = f.px(NESTED + S_L, 'k.l');
  const close = f.px(NESTED + S_C, 'k.c');
  const volume = f.qty(NESTED + S_V, 'k.v');
  const quote = f.f64(NESTED + S_Q, 'k.q');
  const trades = f.id(NESTED + S_N, 'k.n');
  const buy = f.qty(NESTED + S_BV, 'k.V');
  const buyQuote = f.f64(NESTED + S_BQUOTE, 'k.Q');
  const first = f.tradeIdOr(NESTED + S_F, 'k.f');
  const last = f.tradeIdOr(NESTED + S_LAST, 'k.L');
  const closed = f.bool(NESTED + S_CLOSED, 'k.x');
  const event = f.timeOr(S_EVENT, 'E');
  if (s.kind[NESTED + S_I] !== TEXT || s.name[NESTED + S_I] === 0) f.wrong(NESTED + S_I, 'k.i');
  if (f.fault === null && (high < max(open, close) || low > Math.min(open, close) || high < low))
    f.refuse('CHM660', 'high and low do not enclose open and close');
  if (f.fault !== null) return false;
  if (f.skips(PORT.kline)) return true;
  const key = FileKeys.key(name, NO_EVIDENCE);
  const d = s.digits;
  f.keys.see(
    key,
    max(max(d[NESTED + S_O]!, d[NESTED + S_C]!), max(d[NESTED + S_H]!, d[NESTED + S_L]!)),
    max(d[NESTED + S_V]!, d[NESTED + S_BV]!),
    high,
    volume,
  );
  const b = f.store.begin(PORT.kline, key, t, line, flags);
  const r = b.n - 1;
  const n = b.numbers;
  n[0]![r] = start;
  n[1]![r] = end;
  b.texts[2]![r] = s.names.list[s.name[NESTED + S_I]!]!;
  n[3]![r] = open;
  n[4]![r] = high;
  n[5]![r] = low;
  n[6]![r] = close;
  n[7]![r] = volume;
  n[8]![r] = quote;
  n[9]![r] = trades;
  n[10]![r] = buy;
  n[11]![r] = buyQuote;
  n[12]![r] = first;
  n[13]![r] = last;
  n[14]![r] = closed;
  n[15]![r] = event;
  return true;
}
