import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { book, Desk, enter, exit, MS, opened, type Row, report, S } from './testing/desk.ts';

describe('the chase', () => {
  it('places a post-only order at the touch with an id that Binance accepts [RL.11]', () => {
    const v = new Desk();
    const [o] = v.send(S, { intent: [enter()] });
    expect(o).toMatchObject({
      action: 'place',
      type: 'limit',
      tif: 'gtx',
      side: 'buy',
      px: 10000,
      qty: 6,
      reduce_only: false,
      intent_id: 'i1',
      origin: 'entry',
    });
    expect(o!['client_id']).toMatch(/^[.A-Z:/a-z0-9_-]{1,36}$/);
    const [sell] = new Desk().send(S, { intent: [enter({ side: 'sell' })] });
    expect(sell!['px']).toBe(10010);
  });

  it('keeps its place while it is the best price, else follows, and takes the rest at the end [S4.6]', () => {
    const v = new Desk({ chase: { attempts: 3, reprice_after: '2s' } });
    const [a] = v.send(S, { intent: [enter()] });
    v.report(S + 5 * MS, a!, 'new');
    expect(v.advance(3 * S + 5 * MS)).toEqual([]);
    v.send(4 * S, { book: book(10020, 10030) });
    const [c] = v.advance(5 * S + 5 * MS);
    expect(c).toMatchObject({ action: 'cancel', client_id: a!['client_id'] });
    v.fill(5 * S + 6 * MS, a!, 2, 2);
    const [b] = v.report(5 * S + 10 * MS, a!, 'canceled', { cum_qty: 2 });
    expect(b).toMatchObject({ action: 'place', px: 10020, qty: 4, tif: 'gtx' });
    v.report(5 * S + 15 * MS, b!, 'new');
    const [c2] = v.advance(8 * S);
    expect(c2).toMatchObject({ action: 'cancel', client_id: b!['client_id'] });
    const [m] = v.report(8 * S + 5 * MS, b!, 'canceled');
    expect(m).toMatchObject({ type: 'market', qty: 4 });
    v.report(8 * S + 10 * MS, m!, 'new');
    v.fill(8 * S + 10 * MS, m!, 4, 4);
    expect(v.outcomes).toMatchObject([
      { intent_id: 'i1', result: 'filled', qty: 6, filled: 6, maker_qty: 2, orders: 3 },
    ]);
  });

  it('goes to the new touch after a post-only refusal, and takes when the attempts are used up', () => {
    const v = new Desk({ chase: { attempts: 2 } });
    const [a] = v.send(S, { intent: [enter()] });
    const [b] = v.send(S + 5 * MS, { book: book(9980, 9990), report: [report(a!, 'rejected', { code: -5022 })] });
    expect(b).toMatchObject({ type: 'limit', tif: 'gtx', px: 9980, qty: 6 });
    const [m] = v.report(S + 9 * MS, b!, 'rejected', { code: -5022 });
    expect(m).toMatchObject({ type: 'market', qty: 6 });
  });

  it('sends the rest again when a market order expires, and gives up after its attempts', () => {
    const v = new Desk({ entry: 'taker', taker: { attempts: 2 } });
    const [a] = v.send(S, { intent: [enter()] });
    v.fill(S + 1, a!, 1, 1);
    const [b] = v.report(S + 2, a!, 'expired').filter((o) => o['type'] === 'market');
    expect(b).toMatchObject({ type: 'market', qty: 5 });
    v.report(S + 3, b!, 'expired');
    expect(v.outcomes).toMatchObject([{ result: 'partial', filled: 1, qty: 6 }]);
  });

  it('ends an entry that the venue refuses, with the code', () => {
    const v = new Desk();
    const [a] = v.send(S, { intent: [enter()] });
    expect(v.report(S + 1, a!, 'rejected', { code: -2019, reason: 'Margin is insufficient.' })).toEqual([]);
    expect(v.outcomes).toMatchObject([{ result: 'refused', filled: 0, reason: '-2019 Margin is insufficient.' }]);
  });

  it('fills exactly the quantity of the intent, whatever the venue does [S4.6]', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('fill' as const), part: fc.double({ min: 0, max: 1, noNaN: true }) }),
      fc.record({ do: fc.constantFrom('new', 'expire', 'refuse', 'wait', 'move', 'duplicate', 'doubt') }),
    );
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 50 }),
        fc.boolean(),
        (steps, qty, twap) => {
          const v = new Desk({
            taker: { attempts: 20 },
            chase: { attempts: 5 },
            ...(twap ? { twap: { above_usdt: 0.0001, slices: 4, over: '20s' } } : {}),
          });
          let now = S;
          const orders: { o: Row; cum: number; open: boolean }[] = [];
          let filled = 0;
          let last: Row | undefined;
          const take = (commands: Row[]): void => {
            const queue = [...commands];
            for (let c = queue.shift(); c; c = queue.shift()) {
              if (c['close_position'] && c['action'] === 'place') queue.push(...v.report(now, c, 'new'));
              else if (c['action'] === 'place') orders.push({ o: c, cum: 0, open: true });
              else {
                const x = orders.find((y) => y.o['client_id'] === c!['client_id']);
                if (!x) continue;
                if (c['action'] === 'query') {
                  const status = !x.open ? 'canceled' : x.cum > 0 ? 'partially_filled' : 'new';
                  queue.push(...v.send(now, { report: [report(x.o, 'status', { status, cum_qty: x.cum })] }));
                  continue;
                }
                const out = x.open
                  ? report(x.o, 'canceled', { cum_qty: x.cum })
                  : report(x.o, 'rejected', { code: -2011 });
                x.open = false;
                queue.push(...v.send(now, { report: [out] }));
              }
            }
          };
          take(v.send(now, { intent: [enter({ qty })] }));
          for (const s of steps) {
            now += 500 * MS;
            expect(orders.filter((x) => x.open).length).toBeLessThanOrEqual(1);
            const x = orders.find((y) => y.open);
            if (s.do === 'move') take(v.send(now, { book: book(10000 + (now % 7) * 10, 10100) }));
            else if (s.do === 'duplicate' && last) take(v.send(now, { report: [last] }));
            else if (x && s.do === 'new') take(v.report(now, x.o, 'new'));
            else if (x && s.do === 'doubt') take(v.report(now, x.o, 'unknown', { status: 'new', cum_qty: x.cum }));
            else if (x && (s.do === 'expire' || s.do === 'refuse')) {
              x.open = false;
              take(
                v.report(now, x.o, s.do === 'expire' ? 'expired' : 'rejected', {
                  code: s.do === 'refuse' ? -5022 : 0,
                  cum_qty: x.cum,
                }),
              );
            } else if (x && s.do === 'fill') {
              const n = Math.min((x.o['qty'] as number) - x.cum, Math.ceil(s.part * 20));
              if (n <= 0) continue;
              x.cum += n;
              filled += n;
              x.open = x.cum < (x.o['qty'] as number);
              last = report(x.o, 'trade', { cum_qty: x.cum, last_qty: n, last_px: 10000, trade_id: 1000 + filled });
              take(v.send(now, { report: [last] }));
            } else take(v.advance(now));
            expect(filled).toBeLessThanOrEqual(qty);
            expect(v.d.state.pos).toBe(filled);
          }
          const o = v.outcomes;
          expect(o.length).toBe(v.d.state.work ? 0 : 1);
          if (o[0]) expect(o[0]['filled']).toBe(filled);
          if (o[0]?.['result'] === 'filled') expect(filled).toBe(qty);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('slices', () => {
  const config = { twap: { above_usdt: 0.01, slices: 4, over: '40s' } };
  it('are sent at the planned engine times and sum to the order [S4.7]', () => {
    const v = new Desk(config);
    const sent: [number, number][] = [];
    const take = (o: Row | undefined) => {
      if (!o) return;
      sent.push([v.now, o['qty'] as number]);
      const [guardian] = v.fill(v.now, o, o['qty'] as number, o['qty'] as number);
      if (guardian) v.report(v.now, guardian, 'new');
    };
    take(v.send(S, { intent: [enter({ qty: 10 })] })[0]);
    for (const t of [11, 21, 31]) {
      expect(v.advance(t * S - 1)).toEqual([]);
      take(v.advance(t * S)[0]);
    }
    expect(sent).toEqual([
      [1 * S, 2],
      [11 * S, 3],
      [21 * S, 2],
      [31 * S, 3],
    ]);
    expect(v.outcomes).toMatchObject([{ result: 'filled', filled: 10, orders: 4 }]);
  });

  it('that were missed go with the next one [S4.7]', () => {
    const v = new Desk({ ...config, ack_timeout: '1m' });
    const [a] = v.send(S, { intent: [enter({ qty: 10 })] });
    v.advance(25 * S);
    const [b] = v.fill(26 * S, a!, 2, 2).filter((o) => o['type'] === 'market');
    expect(b!['qty']).toBe(5);
  });
});

describe('an unknown outcome', () => {
  it('is never retried blindly: the venue is asked, and new risk is refused until it answers [S4.5]', () => {
    const v = new Desk({ ack_timeout: '3s' });
    const [a] = v.send(S, { intent: [enter()] });
    const [probe] = v.advance(4 * S);
    expect(probe).toMatchObject({ action: 'query', client_id: a!['client_id'] });
    const again = v.advance(7 * S);
    expect(again.every((c) => c['action'] === 'query')).toBe(true);
    expect(v.all('life').some((l) => l['event'] === 'unknown')).toBe(true);
    v.send(8 * S, { intent: [enter({ id: 'i2' })] });
    expect(v.outcomes).toMatchObject([{ intent_id: 'i2', result: 'refused', reason: 'an order is UNKNOWN' }]);
    const [b] = v.report(9 * S, a!, 'canceled');
    expect(b).toMatchObject({ action: 'place', qty: 6 });
    // The other answer that ends it: asked, and not there.
    const w = new Desk({ ack_timeout: '3s' });
    const [c] = w.send(S, { intent: [enter()] });
    w.advance(4 * S);
    expect(w.report(5 * S, c!, 'rejected', { code: -2011 })).toEqual([]);
    expect(w.report(5 * S, c!, 'rejected', { code: -2013 })).toMatchObject([{ action: 'place', qty: 6 }]);
  });

  it('counts a report that comes twice once, and one that comes late', () => {
    const { v } = opened();
    const o = v.all('order')[0]!;
    v.fill(3 * S, o, 6, 6, { trade_id: 100 });
    expect(v.d.state.pos).toBe(6);
    v.fill(4 * S, { ...o, client_id: 'autoclose-1', side: 'sell', type: 'liquidation' }, 6, 6, { trade_id: 105 });
    expect(v.d.state.pos).toBe(0);
  });
});

describe('the guardian', () => {
  it('rests at the venue after the first fill, on the mark price, closing the position [S4.9] [RISK.8]', () => {
    const v = new Desk({ guardian: { distance_bp: 100 } });
    const [o] = v.send(S, { intent: [enter()] });
    v.report(S + 1, o!, 'new');
    const [g] = v.fill(2 * S, o!, 1, 1);
    expect(g).toMatchObject({
      type: 'stop_market',
      side: 'sell',
      working: 'mark',
      close_position: true,
      qty: 0,
      stop_px: 9900,
      origin: 'guardian',
    });
    expect(v.fill(3 * S, o!, 6, 5)).toEqual([]);
  });

  it('stands at the stop of the intent, with the target as the other half of the pair', () => {
    const v = new Desk({ filters: { 'usdm:BTCUSDT': { tick: 0.1 } } });
    const [o] = v.send(S, { intent: [enter({ stop_px: 9951, target_px: 10099 })] });
    expect(v.fill(2 * S, o!, 6, 6).map((x) => [x['type'], x['stop_px'], x['working']])).toEqual([
      ['stop_market', 9960, 'mark'],
      ['take_profit_market', 10090, 'last'],
    ]);
  });

  it('is placed again when it is lost [S4.9]', () => {
    const { v, guardian } = opened();
    const [g2] = v.report(3 * S, guardian, 'canceled');
    expect(g2).toMatchObject({ type: 'stop_market' });
    expect(g2!['client_id']).not.toBe(guardian['client_id']);
  });

  it('closes the position when no stop rests within its limit [S4.9]', () => {
    const { v, guardian } = opened({ guardian: { missing_limit: '5s' } });
    v.report(3 * S, guardian, 'canceled');
    expect(v.advance(8 * S - 1).filter((c) => c['action'] !== 'query')).toEqual([]);
    expect(v.advance(8 * S)).toMatchObject([
      { type: 'market', side: 'sell', qty: 6, reduce_only: true, origin: 'guardian' },
    ]);
    expect(v.all('life').some((l) => l['event'] === 'guardian_exit')).toBe(true);
  });

  it('closes the position when the stop would trigger at once', () => {
    const v = new Desk();
    const [o] = v.send(S, { intent: [enter()] });
    const [g] = v.fill(2 * S, o!, 6, 6);
    expect(v.report(3 * S, g!, 'rejected', { code: -2021 })).toMatchObject([
      { type: 'market', side: 'sell', qty: 6, reduce_only: true },
    ]);
  });

  it('and the target end together: the fill of one cancels the other', () => {
    const { v, guardian } = opened({}, { stop_px: 9900, target_px: 10100 });
    const target = v.closers.find((o) => o['type'] === 'take_profit_market')!;
    v.report(3 * S, target, 'new');
    v.report(4 * S, target, 'triggered');
    expect(v.fill(4 * S, target, 6, 6, { status: 'filled' })).toMatchObject([
      { action: 'cancel', client_id: guardian['client_id'] },
    ]);
    expect(v.report(5 * S, guardian, 'canceled')).toEqual([]);
    expect(v.d.state.guardian.status).toBe('none');
  });

  it('cuts an entry that still works when it triggers', () => {
    const v = new Desk();
    const [o] = v.send(S, { intent: [enter()] });
    v.report(S + 1, o!, 'new');
    const [g] = v.fill(2 * S, o!, 2, 2);
    v.report(2 * S + 1, g!, 'new');
    expect(v.fill(2 * S + 2, g!, 2, 2, { status: 'filled' })).toMatchObject([
      { action: 'cancel', client_id: o!['client_id'] },
    ]);
    v.report(2 * S + 3, o!, 'canceled');
    expect(v.outcomes).toMatchObject([{ result: 'partial', filled: 2, reason: 'guardian triggered' }]);
  });
});

describe('exits', () => {
  it('take at once, reduce only, and the guardian is cancelled when flat', () => {
    const { v, guardian } = opened();
    const [o] = v.send(3 * S, { intent: [exit()] });
    expect(o).toMatchObject({ type: 'market', side: 'sell', qty: 6, reduce_only: true, origin: 'exit' });
    expect(v.fill(3 * S + 1, o!, 6, 6)).toMatchObject([{ action: 'cancel', client_id: guardian['client_id'] }]);
    expect(v.outcomes.at(-1)).toMatchObject({ intent_id: 'x1', result: 'filled', filled: 6 });
  });

  it('cut an entry that still works, and close what it has filled', () => {
    const v = new Desk();
    const [o] = v.send(S, { intent: [enter()] });
    v.report(S + 1, o!, 'new');
    v.fill(2 * S, o!, 2, 2);
    expect(v.send(3 * S, { intent: [exit()] })).toMatchObject([{ action: 'cancel' }]);
    v.fill(3 * S + 1, o!, 3, 1);
    const sent = v.report(3 * S + 2, o!, 'canceled', { cum_qty: 3 });
    expect(sent).toMatchObject([{ type: 'market', side: 'sell', qty: 3, reduce_only: true }]);
  });

  it('may chase too, but a stop never does', () => {
    const { v } = opened({ exit: 'maker_then_taker' });
    expect(v.send(3 * S, { intent: [exit()] })).toMatchObject([
      { type: 'limit', tif: 'gtx', px: 10010, reduce_only: true },
    ]);
    const again = opened({ exit: 'maker_then_taker' });
    expect(again.v.send(3 * S, { intent: [exit({ urgent: true })] })).toMatchObject([{ type: 'market' }]);
  });

  it('lose their patience when a stop is reached meanwhile', () => {
    const { v } = opened({ exit: 'maker_then_taker' });
    const [a] = v.send(3 * S, { intent: [exit()] });
    v.report(3 * S + 1, a!, 'new');
    expect(v.send(4 * S, { intent: [exit({ id: 'x2', urgent: true, reason: 'stop_roe' })] })).toMatchObject([
      { action: 'cancel', client_id: a!['client_id'] },
    ]);
    expect(v.report(4 * S + 1, a!, 'canceled')).toMatchObject([{ type: 'market', qty: 6 }]);
    expect(v.outcomes.at(-1)).toMatchObject({
      intent_id: 'x2',
      result: 'refused',
      reason: 'the exit under way takes the rest now',
    });
  });

  it('close a part of the position', () => {
    const { v } = opened();
    expect(v.send(3 * S, { intent: [exit({ action: 'reduce', qty: 2 })] })).toMatchObject([
      { qty: 2, side: 'sell', reduce_only: true },
    ]);
  });
});

describe('the kill switch', () => {
  it('refuses entries at the last gate, cuts what works, flattens, and keeps the guardian until flat', () => {
    const v = new Desk();
    const [o] = v.send(S, { intent: [enter()] });
    v.report(S + 1, o!, 'new');
    const [g] = v.fill(2 * S, o!, 2, 2);
    v.report(2 * S + 1, g!, 'new');
    expect(v.send(3 * S, { kill: { engaged: true, reason: 'drill' } })).toMatchObject([
      { action: 'cancel', client_id: o!['client_id'] },
    ]);
    const [flat] = v.report(3 * S + 1, o!, 'canceled', { cum_qty: 2 });
    expect(flat).toMatchObject({ type: 'market', side: 'sell', qty: 2, reduce_only: true, origin: 'operator' });
    expect(v.fill(3 * S + 2, flat!, 2, 2)).toMatchObject([{ action: 'cancel', client_id: g!['client_id'] }]);
    v.send(4 * S, { intent: [enter({ id: 'i9' })] });
    expect(v.outcomes.at(-1)).toMatchObject({
      intent_id: 'i9',
      result: 'refused',
      reason: 'the kill switch is engaged',
    });
    v.send(5 * S, { kill: { engaged: false, reason: '' } });
    expect(v.send(6 * S, { intent: [enter({ id: 'i10' })] })).toMatchObject([{ action: 'place' }]);
  });

  it('goes on until the position is flat', () => {
    const { v } = opened({ taker: { attempts: 1 } });
    const [a] = v.send(3 * S, { kill: { engaged: true, reason: '' } });
    const [b] = v.report(4 * S, a!, 'expired');
    expect(b).toMatchObject({ type: 'market', side: 'sell', qty: 6 });
  });
});

describe('what is kept of an order', () => {
  it('is its whole life: place, route, fill, report, with the book at each fill [S4.10] [S4.13]', () => {
    const { v } = opened();
    const o = v.all('order')[0]!;
    const rows = v
      .all('life')
      .filter((l) => l['intent_id'] === 'i1' && (l['client_id'] === o['client_id'] || l['stage'] === 'place'));
    expect(rows.map((r) => [r['stage'], r['event']])).toEqual([
      ['place', 'accepted'],
      ['route', 'maker'],
      ['report', 'new'],
      ['fill', 'trade'],
    ]);
    expect(rows[3]).toMatchObject({ bid_px: 10000, bid_qty: 500, ask_px: 10010, ask_qty: 700, cum_qty: 6, left: 0 });
  });

  it('is state, action and reward for every executed intent, with the rule policy [RL.15] [RL.16]', () => {
    const v = new Desk({ entry: 'taker' });
    const [o] = v.send(S, { intent: [enter()] });
    // Mid 100.05, filled at 100.10: 5 / 100.05 bp × 100; fee 0.05 % of the notional.
    v.fill(2 * S, o!, 6, 6, { last_px: 10010, fee: Math.round(0.006 * 100.1 * 0.0005 * 1e8) });
    const steps = v.all('step');
    expect(steps.map((r) => [r['step'], r['action'], r['done']])).toEqual([
      [0, 'PLACE_TAKER', false],
      [1, 'PLACE_TAKER', true],
    ]);
    expect(steps[0]).toMatchObject({ best_bid_qty: 0.5, best_ask_qty: 0.7, left: 1, probability: 1 });
    expect(steps[0]!['spread_bp']).toBeCloseTo((0.1 / 100.05) * 1e4, 9);
    expect(steps[1]!['slippage_bp']).toBeCloseTo((0.05 / 100.05) * 1e4, 9);
    expect(steps[1]!['fee_bp']).toBeCloseTo(5, 3);
    expect(steps[1]!['reward']).toBeCloseTo(-((0.05 / 100.05) * 1e4 + 5), 3);
  });

  it('gives the same ids for the same journal', () => {
    expect(opened().v.all('order')).toEqual(opened().v.all('order'));
  });
});
