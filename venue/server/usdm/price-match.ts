import { bestPx } from '../../core/book.ts';
import type { Market } from '../../core/state.ts';
import { ApiError } from '../contract.ts';

/** The price of an order that asks for one of the book's: the n-th level of the other side (OPPONENT) or its own (QUEUE). */
export function priceOf(m: Market, side: 1 | -1, match: string): number {
  const of = match.startsWith('OPPONENT') ? -side : side;
  const nth = Number(match.split('_')[1] ?? 1);
  const { book } = m;
  const px = of > 0 ? book.bidPx : book.askPx;
  const n = of > 0 ? book.nBid : book.nAsk;
  const found = nth === 1 ? bestPx(book, of) : nth <= n ? px[nth - 1]! : 0;
  if (found === 0) throw new ApiError(-5041, 'No depth matches this BBO order.');
  return found;
}
