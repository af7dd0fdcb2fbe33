import { FileKeys, NO_EVIDENCE, SPOT, USDM } from './file-keys.ts';
import { type Frame, max } from './frame.ts';
import { PORT, type PortBuffer } from './row-store.ts';
import { ABSENT, AP, NESTED, TEXT } from './slots.ts';

const S_AGG = 97; // a
const S_BEST = 77; // M
const S_EVENT = 69; // E
const S_F = 102; // f
const S_ID = 116; // t
const S_L = 108; // l
const S_M = 109; // m
const S_O = 111; // o
const S_P = 112; // p
const S_Q = 113; // q
const S_SIDE = 83; // S
const S_T = 84; // T
const S_X = 88; // X
const S_Z = 122; // z

// Trades, aggregated trades and liquidations.
export function writeTrade(f: Frame, name: number, t: number, line: number, flags: number): boolean {
  const s = f.slots;
  const evidence = s.kind[S_X] !== ABSENT ? USDM : s.kind[S_BEST] !== ABSENT ? SPOT : NO_EVIDENCE;
  const id = f.id(S_ID, 't');
  const px = f.px(S_P, 'p');
  const qty = f.traded(S_Q, 'q');
  const time = f.time(S_T, 'T');
  const event = f.timeOr(S_EVENT, 'E');
  const maker = f.bool(S_M, 'm');
  const market = onMarket(f);
  if (f.fault !== null) return false;
  f.vote(evidence);
  if (f.skips(PORT.trade)) return true;
  const key = FileKeys.key(name, evidence);
  f.keys.see(key, s.digits[S_P]!, s.digits[S_Q]!, px, qty);
  tradeRow(f.store.begin(PORT.trade, key, t, line, flags), id, px, qty, maker, time, event, market, 0, id, id);
  return true;
}

export function writeAggTrade(f: Frame, name: number, t: number, line: number, flags: number): boolean {
  const s = f.slots;
  const evidence = s.kind[S_BEST] !== ABSENT ? SPOT : USDM;
  const id = f.id(S_AGG, 'a');
  const px = f.px(S_P, 'p');
  const qty = f.traded(S_Q, 'q');
  const time = f.time(S_T, 'T');
  const event = f.timeOr(S_EVENT, 'E');
  const maker = f.bool(S_M, 'm');
  const first = f.id(S_F, 'f');
  const last = f.id(S_L, 'l');
  const market = onMarket(f);
  if (f.fault !== null) return false;
  f.vote(evidence);
  if (f.skips(PORT.trade)) return true;
  const key = FileKeys.key(name, evidence);
  f.keys.see(key, s.digits[S_P]!, s.digits[S_Q]!, px, qty);
  tradeRow(f.store.begin(PORT.trade, key, t, line, flags), id, px, qty, maker, time, event, market, 1, first, last);
  return true;
}

function tradeRow(
  b: PortBuffer,
  id: number,
  px: number,
  qty: number,
  maker: number,
  time: number,
  event: number,
  market: number,
  agg: number,
  first: number,
  last: number,
): void {
  const r = b.n - 1;
  const n = b.numbers;
  n[0]![r] = id;
  n[1]![r] = px;
  n[2]![r] = qty;
  n[3]![r] = maker; // the buyer is the maker: the taker sells, which is index 1
  n[4]![r] = time;
  n[5]![r] = event;
  n[6]![r] = market;
  n[7]![r] = agg;
  n[8]![r] = first;
  n[9]![r] = last;
}

function onMarket(f: Frame): number {
  const kind = f.slots.kind[S_X];
  if (kind === ABSENT) return 1;
  if (kind !== TEXT) f.wrong(S_X, 'X');
  return f.slots.name[S_X] === f.market ? 1 : 0;
}

export function writeLiquidation(f: Frame, name: number, t: number, line: number, flags: number): boolean {
  const s = f.slots;
  const o = (code: number): number => NESTED + code;
  if (s.kind[S_O] === ABSENT) return f.refuse('CHM654', 'field "o" is missing');
  const side =
    s.kind[o(S_SIDE)] !== TEXT ? -1 : s.name[o(S_SIDE)] === f.buy ? 0 : s.name[o(S_SIDE)] === f.sell ? 1 : -1;
  if (side < 0) f.wrong(o(S_SIDE), 'o.S');
  const px = f.px(o(S_P), 'o.p');
  const avg = s.kind[o(AP)] === ABSENT ? px : f.px(o(AP), 'o.ap');
  const qty = f.traded(o(S_Q), 'o.q');
  const filled = s.kind[o(S_Z)] === ABSENT ? qty : f.qty(o(S_Z), 'o.z');
  const time = f.time(o(S_T), 'o.T');
  const event = f.timeOr(S_EVENT, 'E');
  if (f.fault !== null) return false;
  f.vote(USDM);
  if (f.skips(PORT.liquidation)) return true;
  const key = FileKeys.key(name, USDM);
  const d = s.digits;
  f.keys.see(
    key,
    max(d[o(S_P)]!, s.kind[o(AP)] === ABSENT ? 0 : d[o(AP)]!),
    max(d[o(S_Q)]!, s.kind[o(S_Z)] === ABSENT ? 0 : d[o(S_Z)]!),
    max(px, avg),
    max(qty, filled),
  );
  const b = f.store.begin(PORT.liquidation, key, t, line, flags);
  const r = b.n - 1;
  const n = b.numbers;
  n[0]![r] = side;
  n[1]![r] = px;
  n[2]![r] = avg;
  n[3]![r] = qty;
  n[4]![r] = filled;
  n[5]![r] = time;
  n[6]![r] = event;
  return true;
}
