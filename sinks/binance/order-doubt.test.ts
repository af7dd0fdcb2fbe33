import { describe, expect, it } from 'vitest';
import type { Request } from './ledger-types.ts';
import { OrderLedger } from './order-ledger.ts';
import type { Command, LedgerOrder, OrderView, Report } from './order-state.ts';

const OPTIONS = { acceptMs: 3_000, settleMs: 750, riskAgeMs: 5_000, closeAgeMs: 60_000, attempts: 3 };
const SYMBOL = 'BTCUSDT';

/** A ledger whose requests wait for the test. */
class Bench {
  ms = 1_000_000;
  readonly reports: Report[] = [];
  readonly requests: Request[] = [];
  readonly refused: string[] = [];
  readonly ended: string[] = [];
  readonly ledger: OrderLedger;
  #n = 0;

  constructor(algo = true) {
    this.ledger = new OrderLedger(
      { ...OPTIONS, algo },
      {
        request: (r) => this.requests.push(r),
        report: (_key, v) => this.reports.push(v),
        refused: (intent, code) => this.refused.push(`${intent.id} ${code}`),
        ended: (intent) => this.ended.push(intent.id),
        began: () => {},
      },
    );
    const s = this.ledger.symbol(SYMBOL, 0);
    s.started = true;
  }
  intent(c: Partial<Command> & { client_id: string }) {
    const command = { ...COMMAND, ...c };
    return { id: `i${this.#n++}`, key: 0, command, madeMs: this.ms };
  }
  command(c: Partial<Command> & { client_id: string }): void {
    this.ledger.command(SYMBOL, this.intent(c), this.ms);
  }
  /** The next request, which is of this kind, at its time. */
  next<K extends 'place' | 'query' | 'cancel'>(kind: K): LedgerOrder {
    const r = this.requests.shift();
    expect(r?.kind).toBe(kind);
    this.ms = Math.max(this.ms, r!.atMs);
    return (r as { order: LedgerOrder }).order;
  }
  /** Places an order; the answer is what the test says. */
  sent(id: string): LedgerOrder {
    this.command({ client_id: id, qty: 5 });
    const o = this.next('place');
    expect(this.ledger.begin(o, this.ms)).toBe(true);
    return o;
  }
  query(answer: OrderView | undefined): LedgerOrder {
    const o = this.next('query');
    this.ledger.queried(o, answer ? { kind: 'found', view: answer } : { kind: 'not_found' }, this.ms, this.ms);
    return o;
  }
  get said(): string[] {
    return this.reports.splice(0).map((v) => `${v.client_id} ${v.exec}/${v.status}${v.code ? ` ${v.code}` : ''}`);
  }
}
const COMMAND: Command = {
  action: 'place',
  client_id: '',
  side: 'buy',
  type: 'limit',
  tif: 'gtx',
  qty: 5,
  px: 100,
  stop_px: Number.NaN,
  working: 'last',
  reduce_only: false,
  close_position: false,
  intent_id: '',
  origin: 'entry',
};
const view = (clientId: string, more: Partial<OrderView> = {}): OrderView => ({
  clientId,
  orderId: `9${clientId.length}`,
  conditional: false,
  status: 'new',
  side: 'buy',
  type: 'limit',
  tif: 'gtx',
  px: 100,
  stopPx: Number.NaN,
  qty: 5,
  cum: 0,
  reduceOnly: false,
  triggered: false,
  childId: '',
  code: 0,
  reason: '',
  timeMs: 1,
  ...more,
});

describe('an order whose send has an open outcome', () => {
  it('is told UNKNOWN before anything is asked, and then what a query found [S4.4]', () => {
    const b = new Bench();
    const o = b.sent('a');
    b.ledger.placed(o, { kind: 'unknown', reason: 'timed out' }, b.ms);
    expect(b.reports[0]).toMatchObject({ exec: 'unknown', status: 'new', reason: 'timed out', order_id: 0 });
    expect(b.said).toEqual(['a unknown/new']);
    b.query(view('a'));
    expect(b.said).toEqual(['a new/new']);
    expect(b.ledger.unknown).toBe(0);
  });

  it('is rejected by two answers that there is none, the second one asked after the list could catch up, and not by one', () => {
    const b = new Bench();
    const o = b.sent('a');
    o.attempts = OPTIONS.attempts;
    b.ledger.placed(o, { kind: 'unknown', reason: '' }, b.ms);
    const from = b.ms;
    let asked = 0;
    let first = 0;
    while (o.phase === 'unknown') {
      b.query(undefined);
      asked++;
      if (b.ms - from >= OPTIONS.acceptMs) first ||= b.ms;
    }
    // Before it could no longer be accepted no answer counts.
    expect(b.ms - from).toBeGreaterThanOrEqual(OPTIONS.acceptMs + OPTIONS.settleMs);
    expect(b.ms - first).toBeGreaterThanOrEqual(OPTIONS.settleMs);
    expect(asked).toBeGreaterThan(2);
    expect(b.said).toEqual(['a unknown/new', 'a rejected/rejected -1007']);
  });

  it('is told UNKNOWN too when the answer cannot be read or says that the id is taken, once each', () => {
    for (const outcome of [{ kind: 'accepted', view: undefined }, { kind: 'duplicate' }] as const) {
      const b = new Bench();
      b.ledger.placed(b.sent('a'), outcome, b.ms);
      expect(b.said).toEqual(['a unknown/new']);
    }
  });

  it('is UNKNOWN again when the program starts anew and nothing was written down of its end', () => {
    const b = new Bench();
    b.ledger.restore(SYMBOL, b.intent({ client_id: 'a' }), b.ms);
    expect(b.said).toEqual(['a unknown/new']);
    b.query(view('a', { status: 'canceled' }));
    expect(b.said).toEqual(['a new/new', 'a canceled/canceled']);
  });
});

describe('a question of the graph', () => {
  it('is answered by how the order stands at the exchange, asked for anew', () => {
    const b = new Bench();
    b.ledger.placed(b.sent('a'), { kind: 'accepted', view: view('a') }, b.ms);
    expect(b.said).toEqual(['a new/new']);
    b.command({ action: 'query', client_id: 'a' });
    expect(b.said).toEqual([]);
    b.query(view('a'));
    expect(b.said).toEqual(['a status/new']);
  });

  it('is answered behind the proof while the order is UNKNOWN, and at once when it has ended', () => {
    const b = new Bench();
    b.ledger.placed(b.sent('a'), { kind: 'unknown', reason: '' }, b.ms);
    b.command({ action: 'query', client_id: 'a' });
    b.query(view('a', { status: 'expired' }));
    expect(b.said).toEqual(['a unknown/new', 'a new/new', 'a expired/expired', 'a status/expired']);
    b.command({ action: 'query', client_id: 'a' });
    expect(b.said).toEqual(['a status/expired']);
    expect(b.requests).toEqual([]);
  });

  it('waits for the fills that the exchange counts', () => {
    const b = new Bench();
    b.ledger.placed(b.sent('a'), { kind: 'accepted', view: view('a') }, b.ms);
    b.command({ action: 'query', client_id: 'a' });
    b.query(view('a', { status: 'partially_filled', cum: 2 }));
    expect(b.said).toEqual(['a new/new']);
    const fill = { orderId: '91', tradeId: 7, px: 100, qty: 2, fee: 1, pnl: 0, maker: true, timeMs: 1 };
    const s = b.ledger.symbol(SYMBOL, 0);
    b.ledger.news(s, { what: 'trade', view: view('a', { cum: 2 }), fill, mayBeChild: false }, b.ms);
    expect(b.said).toEqual(['a trade/partially_filled', 'a status/partially_filled']);
  });

  it('about an order that nobody knows is answered with −2013, and about a stranger without telling its past', () => {
    const b = new Bench(false);
    b.command({ action: 'query', client_id: 'x' });
    b.query(undefined);
    expect(b.said).toEqual(['x rejected/rejected -2013']);
    b.command({ action: 'query', client_id: 'yy' });
    b.query(view('yy', { status: 'filled', cum: 5 }));
    expect(b.said).toEqual(['yy status/filled']);
  });
});

describe('an order that stood and is not known any more', () => {
  /** An order that the exchange has; a while has passed. */
  function standing(): Bench {
    const b = new Bench();
    b.ledger.placed(b.sent('a'), { kind: 'accepted', view: view('a') }, b.ms);
    b.reports.length = 0;
    b.ms += 10_000;
    return b;
  }

  it('is not gone by one answer, however late, and is found by the next', () => {
    const b = standing();
    b.command({ action: 'query', client_id: 'a' });
    b.query(undefined);
    expect(b.said).toEqual([]);
    b.query(view('a'));
    expect(b.said).toEqual(['a status/new']);
  });

  it('is not gone by two answers of the same moment: a list that is behind may still be so', () => {
    const b = standing();
    b.command({ action: 'query', client_id: 'a' });
    const from = b.ms;
    for (;;) {
      b.query(undefined);
      if (b.said.length > 0) break;
      expect(b.ms - from).toBeLessThan(20_000);
    }
    expect(b.ms - from).toBeGreaterThanOrEqual(OPTIONS.settleMs);
  });

  it('has expired when nobody asked to cancel it, and was cancelled when somebody did', () => {
    const ends = [false, true].map((wanted) => {
      const b = standing();
      if (wanted) {
        // The cancel was done; its answer and its report were lost.
        b.command({ action: 'cancel', client_id: 'a' });
        b.ledger.canceled(b.next('cancel'), { kind: 'unknown', reason: 'timed out' }, b.ms);
      } else b.command({ action: 'query', client_id: 'a' });
      while (b.ledger.symbol(SYMBOL, 0).orders[0]!.phase !== 'ended') b.query(undefined);
      return b.said[0];
    });
    expect(ends).toEqual(['a expired/expired', 'a canceled/canceled']);
  });
});

describe('a pair of which one cancels the other', () => {
  const stop = { client_id: 's', side: 'sell', type: 'stop_market', stop_px: 90, close_position: true } as const;
  const target = { ...stop, client_id: 't', type: 'take_profit_market', stop_px: 110 } as const;
  function pair(): Bench {
    const b = new Bench(false);
    b.ledger.pair(SYMBOL, b.intent(stop), b.intent(target), b.ms);
    return b;
  }

  it('goes out as one request, and stands as two orders [S4.8]', () => {
    const b = pair();
    const o = b.next('place');
    expect(b.requests).toEqual([]);
    expect(b.ledger.begin(o, b.ms)).toBe(true);
    const [s, t] = [view('s', { orderId: '1', side: 'sell' }), view('t', { orderId: '2', side: 'sell' })];
    b.ledger.placed(o, { kind: 'accepted', view: s, partner: t }, b.ms);
    expect(b.said).toEqual(['s new/new', 't new/new']);
  });

  it('is refused, withdrawn and UNKNOWN as one; each is asked for by itself, and neither goes out again alone', () => {
    const refused = pair();
    const o = refused.next('place');
    refused.ledger.begin(o, refused.ms);
    refused.ledger.placed(o, { kind: 'refused', code: -2010, reason: 'prices' }, refused.ms);
    expect(refused.said).toEqual(['s rejected/rejected -2010', 't rejected/rejected -2010']);

    const withdrawn = pair();
    withdrawn.command({ action: 'cancel', client_id: 't' });
    expect(withdrawn.said.sort()).toEqual(['s canceled/canceled', 't canceled/canceled']);
    expect(withdrawn.ledger.begin(withdrawn.next('place'), withdrawn.ms)).toBe(false);

    const b = pair();
    const lead = b.next('place');
    b.ledger.begin(lead, b.ms);
    b.ledger.placed(lead, { kind: 'unknown', reason: '' }, b.ms);
    expect(b.said).toEqual(['s unknown/new', 't unknown/new']);
    while (b.ledger.unknown > 0) b.query(undefined);
    expect(b.said.sort()).toEqual(['s rejected/rejected -1007', 't rejected/rejected -1007']);
    expect(b.requests).toEqual([]);
  });
});

describe('a client id that is in use', () => {
  it('is refused, written down and over with, in this run and in the next, and the first order stays as it is', () => {
    const b = new Bench();
    b.command({ client_id: 'a' });
    b.command({ client_id: 'a' });
    expect(b.said).toEqual(['a rejected/rejected -4116']);
    expect([b.refused, b.ended]).toEqual([['i1 -4116'], ['i1']]);

    const next = new Bench();
    const [first, second] = [next.intent({ client_id: 'a' }), next.intent({ client_id: 'a' })];
    next.ledger.restore(SYMBOL, first, next.ms);
    next.ledger.restore(SYMBOL, second, next.ms, { code: -4116, reason: '' });
    expect(next.said).toEqual(['a unknown/new', 'a rejected/rejected -4116']);
    expect([next.refused, next.ended]).toEqual([['i1 -4116'], ['i1']]);
    expect(next.ledger.unknown).toBe(1);
  });
});
