import { describe, expect, it } from 'vitest';
import { type Command, type LedgerOrder, orderOf } from './order-state.ts';
import { closingQuantity } from './spot-closing.ts';
import { SymbolOrders } from './symbol-orders.ts';

const order = (c: Partial<Command>, more: Partial<LedgerOrder> = {}): LedgerOrder => {
  const command: Command = {
    action: 'place',
    client_id: `c${Math.trunc((c.qty ?? 0) + 1)}`,
    side: 'sell',
    type: 'market',
    tif: 'gtc',
    qty: 0,
    px: Number.NaN,
    stop_px: Number.NaN,
    working: 'last',
    reduce_only: false,
    close_position: false,
    intent_id: '',
    origin: 'exit',
    ...c,
  };
  return Object.assign(orderOf('BTCUSDT', { id: 'x', key: 0, command, madeMs: 0 }, false), { phase: 'open' }, more);
};
function closing(c: Partial<Command>, has: { lots: number; step?: number; free?: number }, others: LedgerOrder[] = []) {
  const s = new SymbolOrders('BTCUSDT', 0);
  const o = order(c, { phase: 'sending' });
  for (const other of [...others, o]) s.add(other);
  const r = closingQuantity(o, s, { lots: has.lots, step: has.step ?? 1, free: has.free });
  return r.kind === 'sell' ? r.qty : `${r.kind} ${r.code}`;
}

describe('an order that may only close, on Spot', () => {
  it('sells what it says and no more than is held, in whole steps', () => {
    expect(closing({ reduce_only: true, qty: 100 }, { lots: 149 })).toBe(100);
    expect(closing({ reduce_only: true, qty: 150 }, { lots: 149 })).toBe(149);
    expect(closing({ close_position: true }, { lots: 149 })).toBe(149);
    expect(closing({ reduce_only: true, qty: 155 }, { lots: 140, step: 10, free: 139 })).toBe(130);
    expect(closing({ close_position: true }, { lots: 140, step: 10, free: 9 })).toBe('refused -2010');
  });
  it('leaves to other open sell orders what they are to sell, and is refused when that is all', () => {
    const tp = order({ qty: 60 }, { cum: 20 });
    expect(closing({ close_position: true }, { lots: 149 }, [tp])).toBe(109);
    expect(closing({ close_position: true }, { lots: 149 }, [order({ qty: 149 })])).toBe('refused -2010');
    expect(closing({ close_position: true }, { lots: 149 }, [order({ qty: 149 }, { phase: 'ended' })])).toBe(149);
  });
  it('is refused with nothing held, and as a buy', () => {
    expect(closing({ reduce_only: true, qty: 5 }, { lots: 0 })).toBe('refused -2022');
    expect(closing({ reduce_only: true, qty: 5, side: 'buy' }, { lots: 149 })).toBe('refused -2022');
  });
  it('waits while it is not known what another order has done', () => {
    const goal = { cum: 5, status: 'filled' as const, reason: '', code: 0, timeMs: 0, sinceMs: 0 };
    for (const more of [{ phase: 'unknown' as const }, { phase: 'sending' as const }, { cancelWanted: true }, { goal }])
      expect(closing({ close_position: true }, { lots: 149 }, [order({ side: 'buy', qty: 5 }, more)])).toBe(
        'wait -2010',
      );
  });
});
