import { describe, expect, it } from 'vitest';
import { decode, encode } from '../../graph/codec/index.ts';
import { router } from './router.ts';
import { Desk, enter, exit, MS, opened, type Row, report, S } from './testing/desk.ts';

const actions = (list: Row[]): string[] => list.map((c) => `${c['action']} ${c['type']} ${c['qty']}`);

describe('an UNKNOWN order', () => {
  it('takes its word from the gateway, asks before it tries again, and goes on with what was found', () => {
    const v = new Desk({ ack_timeout: '3s', chase: { reprice_after: '2s' } });
    const [a] = v.send(S, { intent: [enter()] });
    expect(v.report(2 * S, a!, 'unknown', { status: 'new' })).toEqual([]);
    expect(v.all('doubt')).toMatchObject([{ orders: 1, since_us: 2 * S, client_id: a!['client_id'] }]);
    expect(v.advance(5 * S)).toMatchObject([{ action: 'query', client_id: a!['client_id'] }]);
    // It stands: the chase goes on from here, and nothing else is sent.
    expect(v.report(6 * S, a!, 'status', { status: 'new' })).toEqual([]);
    expect(v.all('doubt').at(-1)).toMatchObject({ orders: 0, client_id: '' });
    expect(v.fill(7 * S, a!, 6, 6).map((o) => o['origin'])).toEqual(['guardian']);
    expect(v.outcomes).toMatchObject([{ result: 'filled', filled: 6, orders: 1 }]);
  });

  it('is over when the answer says so, with what was filled until then', () => {
    const v = new Desk();
    const [a] = v.send(S, { intent: [enter()] });
    v.report(2 * S, a!, 'unknown');
    v.fill(3 * S, a!, 2, 2);
    const [b] = v
      .report(4 * S, a!, 'status', { status: 'canceled', cum_qty: 2 })
      .filter((o) => o['origin'] === 'entry');
    expect(b).toMatchObject({ action: 'place', qty: 4 });
  });

  it('holds up new risk of its instrument, whatever order it is, until the proof', () => {
    const { v, guardian } = opened();
    v.report(3 * S, guardian, 'unknown', { status: 'new' });
    v.send(4 * S, { intent: [enter({ id: 'i2' })] });
    expect(v.outcomes.at(-1)).toMatchObject({ intent_id: 'i2', result: 'refused', reason: 'an order is UNKNOWN' });
    v.report(5 * S, guardian, 'status', { status: 'new' });
    v.send(6 * S, { intent: [enter({ id: 'i3' })] });
    expect(v.outcomes.at(-1)).not.toMatchObject({ intent_id: 'i3' });
  });

  it('is an alert after its limit, once', () => {
    const v = new Desk({ unknown_limit: '10s' });
    const [a] = v.send(S, { intent: [enter()] });
    v.report(2 * S, a!, 'unknown');
    v.advance(12 * S - 1);
    expect(v.all('alert')).toEqual([]);
    v.advance(60 * S);
    expect(v.all('alert')).toMatchObject([
      { kind: 'unknown_order', intent_id: 'i1', client_id: a!['client_id'], since_us: 2 * S, qty: 6, origin: 'entry' },
    ]);
  });

  it('does not hold up an exit: its intent steps aside, and what the proof says is booked and ended there', () => {
    const v = new Desk({ ack_timeout: '3s' });
    const [a] = v.send(S, { intent: [enter()] });
    v.fill(2 * S, a!, 2, 2);
    v.report(3 * S, a!, 'unknown');
    const [x] = v.send(4 * S, { intent: [exit({ qty: 2 })] });
    expect(x).toMatchObject({ action: 'place', type: 'market', side: 'sell', qty: 2, reduce_only: true });
    v.fill(5 * S, x!, 2, 2);
    expect(v.outcomes).toMatchObject([{ intent_id: 'x1', result: 'filled' }]);
    // No new risk yet; it is asked for, and was there: what stands of it is cancelled.
    v.send(5 * S, { intent: [enter({ id: 'i2' })] });
    expect(v.outcomes.at(-1)).toMatchObject({ intent_id: 'i2', result: 'refused' });
    expect(actions(v.advance(7 * S)).filter((o) => o.startsWith('query'))).not.toEqual([]);
    const stands = v.report(8 * S, a!, 'status', { status: 'partially_filled', cum_qty: 2 });
    expect(stands.filter((o) => o['action'] !== 'query')).toMatchObject([
      { action: 'cancel', client_id: a!['client_id'] },
    ]);
    v.report(9 * S, a!, 'canceled', { cum_qty: 2 });
    expect(v.outcomes.at(-1)).toMatchObject({ intent_id: 'i1', result: 'partial', filled: 2, reason: 'an exit came' });
    expect(v.d.state).toMatchObject({ pos: 0, aside: [] });
  });

  it('lets an exit go that waits already when the word comes', () => {
    const v = new Desk();
    const [a] = v.send(S, { intent: [enter()] });
    v.report(S + MS, a!, 'new');
    v.fill(2 * S, a!, 2, 2);
    expect(v.send(3 * S, { intent: [exit({ qty: 2 })] })).toMatchObject([{ action: 'cancel' }]);
    expect(v.report(4 * S, a!, 'unknown')).toMatchObject([{ action: 'place', side: 'sell', qty: 2 }]);
    // A fill of the UNKNOWN order opens a position again: it gets its stop once the exit is done.
    v.fill(5 * S, a!, 5, 3);
    expect(v.d.state.pos).toBe(5);
  });

  it('lets an urgent exit past an exit that is UNKNOWN, and never sells more than is held', () => {
    const { v } = opened({ exit: 'taker' });
    const [x] = v.send(3 * S, { intent: [exit({ qty: 6 })] });
    v.report(4 * S, x!, 'unknown');
    v.send(5 * S, { intent: [exit({ id: 'x2', qty: 6 })] });
    expect(v.outcomes.at(-1)).toMatchObject({ intent_id: 'x2', result: 'refused' });
    const [u] = v.send(6 * S, { intent: [exit({ id: 'x3', qty: 6, urgent: true })] });
    expect(u).toMatchObject({ type: 'market', qty: 6, reduce_only: true });
    // The first one had been done after all: nothing is left for the other.
    v.fill(7 * S, x!, 6, 6);
    expect(v.d.state.pos).toBe(0);
    expect(actions(v.report(8 * S, u!, 'expired', { cum_qty: 0 }))).toEqual([]);
    expect(v.outcomes.slice(-2)).toMatchObject([
      { intent_id: 'x1', result: 'filled' },
      { intent_id: 'x3', result: 'unfilled', reason: 'flat' },
    ]);
  });

  it('does not hold up the kill switch', () => {
    const v = new Desk();
    const [a] = v.send(S, { intent: [enter()] });
    v.fill(2 * S, a!, 2, 2);
    v.report(3 * S, a!, 'unknown');
    expect(v.send(4 * S, { kill: { engaged: true, reason: 'test' } })).toMatchObject([
      { action: 'place', side: 'sell', qty: 2, origin: 'operator' },
    ]);
  });

  it('is carried by a checkpoint, and by the state of the version before', () => {
    const v = new Desk({ ack_timeout: '3s', unknown_limit: '10s' });
    const [a] = v.send(S, { intent: [enter()] });
    v.report(2 * S, a!, 'unknown');
    v.d.state = decode(encode(v.d.state)) as never;
    expect(v.advance(5 * S)).toMatchObject([{ action: 'query' }]);
    const old = structuredClone(v.d.state) as Record<string, Row>;
    for (const name of ['aside', 'dust', 'doubts', 'lookUs']) delete old[name];
    for (const name of ['doubtUs', 'alerted', 'askedUs']) delete (old['work']!['child'] as Row)[name];
    for (const k of ['guardian', 'target'])
      for (const name of ['doubtUs', 'alerted', 'askedUs', 'qty']) delete old[k]![name];
    const now = router.migrate!(old, 2);
    expect(now).toMatchObject({ aside: [], dust: 0, work: { child: { doubtUs: -1 } }, guardian: { qty: 0 } });
  });
});

describe('an UNKNOWN guardian', () => {
  it('is asked for, and counts as no stop: after missing_limit the position is closed, with an alert [S4.9]', () => {
    const { v, guardian } = opened({ ack_timeout: '3s', guardian: { missing_limit: '5s' } });
    v.report(3 * S, guardian, 'unknown', { status: 'new' });
    expect(v.advance(6 * S)).toMatchObject([{ action: 'query', client_id: guardian['client_id'] }]);
    const out = v.advance(8 * S);
    expect(out.at(-1)).toMatchObject({ type: 'market', side: 'sell', qty: 6, reduce_only: true, origin: 'guardian' });
    expect(v.all('alert')).toMatchObject([{ kind: 'no_guardian', qty: 6 }]);
  });

  it('rests again when it is found, and is placed anew when it is not', () => {
    const { v, guardian } = opened();
    v.report(3 * S, guardian, 'unknown', { status: 'new' });
    expect(v.report(4 * S, guardian, 'status', { status: 'new' })).toEqual([]);
    expect(v.d.state).toMatchObject({ nakedSince: -1, guardian: { status: 'open' } });
    v.report(5 * S, guardian, 'unknown', { status: 'new' });
    expect(v.report(6 * S, guardian, 'rejected', { code: -2013 })).toMatchObject([{ type: 'stop_market' }]);
    expect(v.all('alert')).toMatchObject([{ kind: 'guardian_lost' }]);
  });

  it('is asked for when no answer comes to it, or to its cancel', () => {
    const v = new Desk({ ack_timeout: '3s', guardian: { missing_limit: '1m' } });
    const [o] = v.send(S, { intent: [enter()] });
    const [g] = v.fill(2 * S, o!, 6, 6);
    expect(v.advance(5 * S)).toMatchObject([{ action: 'query', client_id: g!['client_id'] }]);
    v.report(6 * S, g!, 'new');
    v.send(7 * S, {
      report: [
        report({ client_id: 'x', side: 'sell', type: 'market' }, 'trade', {
          last_qty: 6,
          last_px: 1,
          cum_qty: 6,
          trade_id: 9,
        }),
      ],
    });
    expect(v.d.state.guardian.status).toBe('cancelling');
    expect(v.advance(10 * S)).toMatchObject([{ action: 'query', client_id: g!['client_id'] }]);
    // The cancel was lost: it is sent again.
    expect(v.report(11 * S, g!, 'status', { status: 'new' })).toMatchObject([{ action: 'cancel' }]);
  });
});
