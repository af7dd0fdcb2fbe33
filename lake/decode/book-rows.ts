import { FileKeys, SPOT, USDM } from './file-keys.ts';
import { type Frame, max } from './frame.ts';
import { PORT, type PortBuffer } from './row-store.ts';
import { ABSENT, ASKS, BIDS, LAST_UPDATE_ID, LEVELS, type Levels, NULL, PU } from './slots.ts';

const S_A = 97; // a
const S_AQ = 65; // A
const S_B = 98; // b
const S_BQ = 66; // B
const S_E = 101; // e
const S_EVENT = 69; // E
const S_FIRST_U = 85; // U
const S_T = 84; // T
const S_U = 117; // u

// Best bid and ask, diffs and snapshots of the book.
export function writeBookTicker(f: Frame, name: number, t: number, line: number, flags: number): boolean {
  const s = f.slots;
  const evidence = s.kind[S_E] === ABSENT ? SPOT : USDM;
  const u = f.id(S_U, 'u');
  const bid = f.px(S_B, 'b');
  const bidQty = f.qty(S_BQ, 'B');
  const ask = f.px(S_A, 'a');
  const askQty = f.qty(S_AQ, 'A');
  const time = f.timeOr(S_T, 'T');
  const event = f.timeOr(S_EVENT, 'E');
  if (f.fault !== null) return false;
  f.vote(evidence);
  if (f.skips(PORT.book_ticker)) return true;
  const key = FileKeys.key(name, evidence);
  const d = s.digits;
  f.keys.see(key, max(d[S_B]!, d[S_A]!), max(d[S_BQ]!, d[S_AQ]!), max(bid, ask), max(bidQty, askQty));
  const b = f.store.begin(PORT.book_ticker, key, t, line, flags);
  const r = b.n - 1;
  const n = b.numbers;
  n[0]![r] = u;
  n[1]![r] = bid;
  n[2]![r] = bidQty;
  n[3]![r] = ask;
  n[4]![r] = askQty;
  n[5]![r] = time;
  n[6]![r] = event;
  return true;
}

export function writeDepth(f: Frame, name: number, t: number, line: number, flags: number): boolean {
  const s = f.slots;
  const evidence = s.kind[PU] === ABSENT ? SPOT : USDM;
  const firstU = f.id(S_FIRST_U, 'U');
  const u = f.id(S_U, 'u');
  const pu = s.kind[PU] === ABSENT || s.kind[PU] === NULL ? Number.NaN : f.id(PU, 'pu');
  const time = f.timeOr(S_T, 'T');
  const event = f.timeOr(S_EVENT, 'E');
  side(f, S_B, 'b', s.bids);
  side(f, S_A, 'a', s.asks);
  if (f.fault === null && firstU > u) f.refuse('CHM655', 'the first update id "U" is above the last, "u"');
  if (f.fault !== null) return false;
  f.vote(evidence);
  if (f.skips(PORT.depth)) return true;
  const key = FileKeys.key(name, evidence);
  seeLevels(f, key);
  const b = f.store.begin(PORT.depth, key, t, line, flags);
  const r = b.n - 1;
  const n = b.numbers;
  n[0]![r] = firstU;
  n[1]![r] = u;
  n[2]![r] = pu;
  n[3]![r] = time;
  n[4]![r] = event;
  setLevels(f, b, r, 5);
  return true;
}

export function writeSnapshot(
  f: Frame,
  name: number,
  partial: boolean,
  t: number,
  line: number,
  flags: number,
): boolean {
  const s = f.slots;
  const time = f.timeOr(S_T, 'T');
  const event = f.timeOr(S_EVENT, 'E');
  const evidence = partial || s.kind[S_EVENT] !== ABSENT || s.kind[S_T] !== ABSENT ? USDM : SPOT;
  const u = partial ? f.id(S_U, 'u') : f.id(LAST_UPDATE_ID, 'lastUpdateId');
  side(f, partial ? S_B : BIDS, partial ? 'b' : 'bids', s.bids);
  side(f, partial ? S_A : ASKS, partial ? 'a' : 'asks', s.asks);
  if (f.fault !== null) return false;
  f.vote(evidence);
  if (f.skips(PORT.depth_snapshot)) return true;
  const key = FileKeys.key(name, evidence);
  seeLevels(f, key);
  const b = f.store.begin(PORT.depth_snapshot, key, t, line, flags);
  const r = b.n - 1;
  const n = b.numbers;
  n[0]![r] = u;
  n[1]![r] = time;
  n[2]![r] = event;
  setLevels(f, b, r, 3);
  return true;
}

function side(f: Frame, slot: number, field: string, levels: Levels): void {
  if (f.slots.kind[slot] !== LEVELS) f.wrong(slot, field);
  else if (levels.inexact) f.refuse('CHM658', `an amount in "${field}" has too many digits`);
  else if (levels.badPx) f.refuse('CHM656', `a price in "${field}" is not above zero`);
  else if (levels.badQty) f.refuse('CHM657', `a quantity in "${field}" is below zero`);
}

function seeLevels(f: Frame, key: number): void {
  const b = f.slots.bids;
  const a = f.slots.asks;
  f.keys.see(
    key,
    max(b.pxDigits, a.pxDigits),
    max(b.qtyDigits, a.qtyDigits),
    max(b.maxPx, a.maxPx),
    max(b.maxQty, a.maxQty),
  );
}

function setLevels(f: Frame, b: PortBuffer, r: number, at: number): void {
  const { bids, asks } = f.slots;
  b.lists[at]!.set(r, bids.px, 0, bids.n);
  b.lists[at + 1]!.set(r, bids.qty, 0, bids.n);
  b.lists[at + 2]!.set(r, asks.px, 0, asks.n);
  b.lists[at + 3]!.set(r, asks.qty, 0, asks.n);
}
