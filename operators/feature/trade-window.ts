/**
 * The trades of the last `window` µs of engine time, at most `most` of them, with exact running sums: quantities are
 * integers, so adding and taking away never drifts. A trade is [t, signed quantity]: positive when the taker bought.
 */
export interface TradeWindow {
  data: Float64Array;
  head: number;
  tail: number;
  buy: number;
  sell: number;
}
export const createTradeWindow = (): TradeWindow => ({
  data: new Float64Array(256),
  head: 0,
  tail: 0,
  buy: 0,
  sell: 0,
});
export const tradesIn = (w: TradeWindow): number => (w.tail - w.head) / 2;

export function addTrade(w: TradeWindow, now: number, qty: number, buy: boolean, window: number, most: number): void {
  if (w.tail === w.data.length) {
    const used = w.tail - w.head;
    const from = w.data;
    if (used * 2 > from.length) w.data = new Float64Array(used * 2);
    w.data.set(from.subarray(w.head, w.tail));
    w.head = 0;
    w.tail = used;
  }
  w.data[w.tail] = now;
  w.data[w.tail + 1] = buy ? qty : -qty;
  w.tail += 2;
  if (buy) w.buy += qty;
  else w.sell += qty;
  expire(w, now, window, most);
}
/** Drops what is `window` old or older, and the oldest beyond `most`. */
export function expire(w: TradeWindow, now: number, window: number, most: number): void {
  while (w.head < w.tail && (w.data[w.head]! <= now - window || (w.tail - w.head) / 2 > most)) {
    const q = w.data[w.head + 1]!;
    if (q > 0) w.buy -= q;
    else w.sell += q;
    w.head += 2;
  }
}
