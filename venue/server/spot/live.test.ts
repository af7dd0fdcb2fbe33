import { describe, expect, it } from 'vitest';
import { levels } from '../../core/book.ts';
import type { LiveBook, LiveOwner } from '../../core/liquidity.ts';
import { Client } from './testing.ts';

/** A limit book of others with one level a side, that writes down what the account does in it. */
class Book implements LiveBook {
  owner: LiveOwner | undefined;
  readonly did: string[] = [];
  readonly px = { 1: 4_999_000, [-1]: 5_000_000 };
  #id = 0;
  bestPx = (side: number): number => this.px[side as 1 | -1];
  takeable(side: number, limit: number, want: number): number {
    const px = this.bestPx(side);
    levels.n = (px - limit) * side >= 0 ? 1 : 0;
    levels.px[0] = px;
    levels.qty[0] = want;
    return levels.n * want;
  }
  take(side: number, px: number, qty: number): void {
    this.did.push(`take ${side} ${px} ${qty}`);
  }
  add(_side: number, px: number, qty: number): number {
    this.did.push(`add ${px} ${qty}`);
    return ++this.#id;
  }
  cancel(id: number): void {
    this.did.push(`cancel ${id}`);
  }
  reduce(id: number, qty: number): void {
    this.did.push(`reduce ${id} ${qty}`);
  }
  ahead = (): number => 0;
  reaches = (): boolean => true;
}
function client(): { c: Client; book: Book } {
  const book = new Book();
  const live = (_key: unknown, owner: LiveOwner): LiveBook => {
    book.owner = owner;
    return book;
  };
  return { book, c: new Client({ live }).trade(50_000, 1) };
}

describe('a Spot account in the book of a simulated market', () => {
  it('takes there, rests there and is filled by others', () => {
    const { c, book } = client();
    c.market('BUY', '0.05');
    c.limit('BUY', '0.1', '49000', { newClientOrderId: 'a' });
    c.call('PUT', '/api/v3/order/amend/keepPriority', {
      origClientOrderId: 'a',
      newQty: '0.08',
      newClientOrderId: 'a',
    });
    // A recorded trade through its price is somebody else's.
    c.trade(48_000, 1, -1);
    expect(c.status('a')).toBe('NEW');
    book.owner!.onFill(1, 4_900_000, 3000, c.nowUs);
    expect(c.status('a')).toBe('PARTIALLY_FILLED');
    c.call('DELETE', '/api/v3/order', { origClientOrderId: 'a' });
    expect(book.did).toEqual(['take 1 5000000 5000', 'add 4900000 10000', 'reduce 1 2000', 'cancel 1']);
    // 10,000 − 0.05 × 50,000 − 0.03 × 49,000
    expect(c.balance('USDT')).toBe('6030.00000000/0.00000000');
  });

  it('places what a fill sets off with the next event of the market, when the book is not at work', () => {
    const { c, book } = client();
    c.call('POST', '/api/v3/orderList/oto', {
      workingType: 'LIMIT',
      workingSide: 'BUY',
      workingPrice: '49000',
      workingQuantity: '0.1',
      workingTimeInForce: 'GTC',
      pendingType: 'LIMIT',
      pendingSide: 'SELL',
      pendingPrice: '51000',
      pendingQuantity: '0.09',
      pendingTimeInForce: 'GTC',
      pendingClientOrderId: 'next',
    });
    book.owner!.onFill(1, 4_900_000, 10_000, c.nowUs);
    expect(c.status('next')).toBe('PENDING_NEW');
    expect(book.did).toEqual(['add 4900000 10000']);
    c.trade(49_000, 0.1, -1);
    expect(c.status('next')).toBe('NEW');
    expect(book.did).toEqual(['add 4900000 10000', 'add 5100000 9000']);
  });
});
