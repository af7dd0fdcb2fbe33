import { equal } from 'node:assert/strict';
import type { MarketInterface, Order, OrderBook, Trade } from 'ccxt';
import { describe, expect, it } from 'vitest';
import { orderRules } from '../order.ts';
import { bookRules } from '../order-book.ts';
import { TRADE_STREAM, tradeRules } from '../trade.ts';
import { Contract, type Rules } from './contract.ts';

const market = { symbol: 'BTC/USDT', precision: { price: 0.1, amount: 0.001 } } as MarketInterface;
const time = { timestamp: 1_704_067_200_000, datetime: '2024-01-01T00:00:00.000Z' };
const book = {
  symbol: 'BTC/USDT',
  nonce: 7,
  bids: [
    [100, 1],
    [99.9, 2],
  ],
  asks: [
    [100.1, 1],
    [100.3, 3],
  ],
} as unknown as OrderBook;
const trade = { ...time, symbol: 'BTC/USDT', id: '5', price: 100, amount: 0.5, cost: 50, side: 'buy' } as Trade;
const order = {
  ...time,
  id: '9',
  clientOrderId: 'a-1',
  symbol: 'BTC/USDT',
  status: 'open',
  side: 'sell',
  timeInForce: 'GTC',
  amount: 2,
  filled: 0.5,
  remaining: 1.5,
  average: 100,
  cost: 50,
} as Order;

/** The rules that a value breaks. */
function brokenBy<T>(value: T, rules: Rules<T>): string[] {
  const c = new Contract();
  c.all('it', [value], rules);
  return [...c.broken.keys()].map((k) => k.slice(4));
}

describe('a contract', () => {
  it('counts a statement once, a rule once in all places, and neither when it is broken anywhere', () => {
    const c = new Contract();
    const rules: Rules<number> = { even: (n) => equal(n % 2, 0), 'below ten': (n) => equal(n < 10, true) };
    c.all('here', [2, 4], rules);
    c.all('there', [2], rules);
    c.claim('alone', () => {});
    c.claim('alone', () => {});
    expect([c.held, c.different, c.broken.size]).toEqual([5, 3, 0]);
    c.all('there', [3], rules);
    expect([c.held, c.different, [...c.broken.keys()]]).toEqual([4, 2, ['there: even']]);
  });
  it('tells at the end of a flow all that it broke, and forgets it when the flow is tried again', async () => {
    const c = new Contract();
    let right = false;
    const run = async (): Promise<void> => {
      c.claim('one', () => equal(right, true));
      c.claim('two', () => equal(right, true));
    };
    await c.flow('before', async () => c.claim('zero', () => {}));
    await expect(c.flow('here', run)).rejects.toThrow(/one[\s\S]*two/);
    await c.flow('after', async () => {});
    expect([c.held, c.different, c.broken.size]).toEqual([1, 1, 2]);
    right = true;
    await c.flow('here', run);
    expect([c.held, c.different, c.broken.size]).toEqual([3, 3, 0]);
  });
  it('holds nothing of a list that is empty', async () => {
    const c = new Contract();
    const run = async (): Promise<void> => c.all('nothing', [], tradeRules(market));
    await expect(c.flow('here', run)).rejects.toThrow('nothing came');
    expect(c.held).toBe(0);
  });
  it('takes a refusal by its class and its words, and nothing else', async () => {
    const c = new Contract();
    const refuse = (e: Error) => () => Promise.reject(e);
    await c.refuses('right', 'TypeError', /-1/, refuse(new TypeError('-1')));
    await c.refuses('another class', 'TypeError', /-1/, refuse(new RangeError('-1')));
    await c.refuses('other words', 'TypeError', /-1/, refuse(new TypeError('-2')));
    await c.refuses('accepted', 'TypeError', /-1/, () => Promise.resolve());
    expect([c.held, [...c.broken.keys()]]).toEqual([1, ['another class', 'other words', 'accepted']]);
  });
  it('passes on what is no assertion', () => {
    expect(() => new Contract().claim('a fault of the suite', () => (undefined as unknown as () => void)())).toThrow(
      TypeError,
    );
  });
});

describe('the rules of a structure find just what is wrong', () => {
  it('in a book', () => {
    const rules = bookRules(market);
    expect(brokenBy(book, rules)).toEqual([]);
    expect(brokenBy({ ...book, bids: [[100.1, 1]] } as OrderBook, rules)).toEqual([
      'the best bid is below the best ask',
    ]);
    expect(
      brokenBy(
        {
          ...book,
          asks: [
            [100.3, 1],
            [100.3, 1],
          ],
        } as unknown as OrderBook,
        rules,
      ),
    ).toEqual(['asks rise strictly']);
    expect(brokenBy({ ...book, bids: [[99.95, 1]] } as OrderBook, rules)).toEqual([
      'prices are ticks and quantities lots',
    ]);
    expect(brokenBy({ ...book, asks: [] } as unknown as OrderBook, rules)).toContain('it has both sides');
  });
  it('in a trade and in their order', () => {
    const rules = tradeRules(market);
    expect(brokenBy(trade, rules)).toEqual([]);
    expect(brokenBy({ ...trade, cost: 51 }, rules)).toEqual(['its cost is price times amount']);
    expect(brokenBy({ ...trade, datetime: '2024-01-01T00:00:01.000Z' }, rules)).toEqual([
      'time and text of the time agree',
    ]);
    expect(brokenBy({ ...trade, side: undefined } as unknown as Trade, rules)).toEqual(['its side is buy or sell']);
    expect(brokenBy([trade, trade], TRADE_STREAM)).toEqual(['ids rise strictly: none twice, none out of turn']);
  });
  it('in an order', () => {
    const rules = orderRules(market);
    expect(brokenBy(order, rules)).toEqual([]);
    expect(brokenBy({ ...order, remaining: 1.4 }, rules)).toEqual(['filled and remaining make the amount']);
    expect(brokenBy({ ...order, status: 'closed' }, rules)).toEqual(['it is closed exactly when nothing remains']);
    expect(brokenBy({ ...order, status: 'PENDING_NEW' } as Order, rules)).toEqual([
      'its status is one of a life cycle',
    ]);
    expect(brokenBy({ ...order, average: undefined } as unknown as Order, rules)).toContain(
      'an average price is there exactly when something was filled',
    );
  });
});
