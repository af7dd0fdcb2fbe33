import { nextFloat, nextInt, type RandomState, seedRandom } from '../../../graph/math/index.ts';
import type { Comparison } from '../comparison.ts';
import { Courier } from '../courier.ts';
import { OrderLimiter, USDM_ORDERS } from '../order-limiter.ts';
import type { Command, Intent, Report } from '../order-state.ts';
import { ReconcileDesk } from '../reconcile-desk.ts';
import { ToldTrades } from '../told-trades.ts';
import { isOpen, ModelExchange } from './model-exchange.ts';
import { VirtualTime } from './virtual-time.ts';

const OPTIONS = { acceptMs: 3_600, settleMs: 750, riskAgeMs: 10_000, closeAgeMs: 60_000, attempts: 3 };
const SYMBOL = 'BTCUSDT';

export interface FaultRun {
  exchange: ModelExchange;
  courier: Courier;
  commands: Command[];
  /** By life of the program; a crash begins the next. */
  reports: Report[][];
  crashes: number;
  maxUnknown: number;
  endMs: number;
  /** What the comparisons with the exchange found, over all lives, and the reconciler of the last. */
  comparisons: Comparison[];
  desk: ReconcileDesk;
}

/** One seeded session of a trader, a courier that crashes, and an exchange that answers badly, in virtual time. */
export function faultRun(seed: number, shape: (x: ModelExchange, r: RandomState) => void = () => {}): FaultRun {
  const time = new VirtualTime();
  const r = seedRandom(seed, 'orders under fault');
  const x = new ModelExchange(time, r);
  x.childNamedAsParent = nextFloat(r) < 0.5;
  shape(x, r);
  const chance = (p: number): boolean => nextFloat(r) < p;
  const startMs = time.ms;

  // What survives a crash: the write-ahead journal, what was committed, and the reports that the run had taken.
  const intents: Intent[] = [];
  const ended = new Set<string>();
  const refused = new Map<string, { code: number; reason: string }>();
  let committedEnded: string[] = [];
  let committedMark = -1;
  const committedTold = new ToldTrades();
  let told: number[] = [];
  const run: FaultRun = {
    exchange: x,
    courier: undefined as unknown as Courier,
    commands: [],
    reports: [],
    crashes: 0,
    maxUnknown: 0,
    endMs: 0,
    comparisons: [],
    desk: new ReconcileDesk(),
  };
  const alive = new Set<string>();
  let guardian = '';

  const start = (): Courier => {
    const reports: Report[] = [];
    run.reports.push(reports);
    const desk = new ReconcileDesk();
    run.desk = desk;
    const courier: Courier = new Courier(x, new OrderLimiter(USDM_ORDERS, 2400), time, OPTIONS, {
      report: (_key, values) => {
        reports.push(values);
        if (values.exec === 'trade') told.push(values.trade_id);
        onReport(values);
      },
      refused: (intent, code, reason) => {
        refused.set(intent.id, { code, reason });
      },
      began: (s) => {
        committedMark = Math.max(committedMark, s.mark);
      },
      ended: (intent) => {
        ended.add(intent.id);
      },
      held: (s) => desk.began(s.name),
      compared: (c, nowMs) => {
        run.comparisons.push(c);
        desk.compared(c, nowMs);
      },
    });
    const s = courier.ledger.symbol(SYMBOL, 0);
    s.mark = committedMark;
    told = [];
    s.told = ToldTrades.of(committedTold.state);
    const gone = new Set(committedEnded);
    // What ended and was not committed has not ended for a new life.
    ended.clear();
    for (const id of gone) ended.add(id);
    for (const i of intents) if (!gone.has(i.id)) courier.ledger.restore(SYMBOL, i, time.ms, refused.get(i.id));
    connect(courier);
    run.courier = courier;
    return courier;
  };
  const connect = (courier: Courier): void => {
    if (courier.closed) return;
    x.connect((e) => courier.ledger.news(courier.ledger.symbol(SYMBOL, 0), e, time.ms));
    courier.ledger.connected(time.ms);
  };
  x.onDisconnect = () => {
    const courier = run.courier;
    time.after(20 + nextInt(r, 500), () => connect(courier));
  };
  x.onCrash = () => {
    if (run.crashes >= 3 || x.quiet) return false;
    run.crashes++;
    run.courier.closed = true;
    x.stream = undefined;
    time.after(nextInt(r, 3000), () => start());
    return true;
  };

  const command = (c: Partial<Command> & { client_id: string }): void => {
    const full: Command = {
      action: 'place',
      side: 'buy',
      type: 'market',
      tif: 'gtc',
      qty: 0,
      px: Number.NaN,
      stop_px: Number.NaN,
      working: 'mark',
      reduce_only: false,
      close_position: false,
      intent_id: '',
      origin: 'entry',
      ...c,
    };
    run.commands.push(full);
    const intent: Intent = { id: `c${run.commands.length}`, key: 0, command: full, madeMs: time.ms };
    intents.push(intent);
    // A run that is down has written the command and will find it when it starts again.
    if (!run.courier.closed) run.courier.ledger.command(SYMBOL, intent, time.ms);
  };
  const onReport = (v: Report): void => {
    if (v.exec === 'new') return;
    const over =
      v.status === 'filled' ||
      v.exec === 'canceled' ||
      v.exec === 'expired' ||
      (v.exec === 'rejected' && v.code !== -2011);
    if (over) {
      alive.delete(v.client_id);
      if (guardian === v.client_id) guardian = '';
    }
  };

  let n = 0;
  const steps = 4 + nextInt(r, 5);
  const act = (): void => {
    if (x.quiet) return;
    if (n < steps && alive.size === 0) {
      const id = `o${n++}`;
      alive.add(id);
      const side = chance(0.5) ? 'buy' : 'sell';
      const reduce = chance(0.3);
      const limit = chance(0.5);
      command({
        client_id: id,
        side,
        qty: 1 + nextInt(r, 10),
        type: limit ? 'limit' : 'market',
        tif: limit ? 'gtx' : 'gtc',
        px: limit ? 100 : Number.NaN,
        reduce_only: reduce,
      });
      if (limit || chance(0.2))
        time.after(nextInt(r, 4000), () => {
          if (!alive.has(id)) return;
          command({ action: 'cancel', client_id: id, side });
          if (chance(0.3))
            time.after(nextInt(r, 2000), () => alive.has(id) && command({ action: 'cancel', client_id: id, side }));
        });
    }
    if (guardian === '' && x.position !== 0 && chance(0.5)) {
      guardian = `g${n}-${time.ms.toString(36)}`;
      command({
        client_id: guardian,
        side: x.position > 0 ? 'sell' : 'buy',
        type: 'stop_market',
        stop_px: 90,
        close_position: true,
        origin: 'guardian',
      });
    } else if (guardian !== '' && chance(0.05)) command({ action: 'cancel', client_id: guardian });
    if (chance(0.01)) command({ action: 'cancel_all', client_id: '' });
    if (chance(0.01)) command({ action: 'cancel', client_id: `nobody-${n}` });
    if (chance(0.01)) x.liquidate();
    if (chance(0.02)) x.disconnect();
    time.after(100 + nextInt(r, 400), act);
  };
  const tick = (): void => {
    if (!run.courier.closed) {
      run.courier.ledger.tick(time.ms);
      run.maxUnknown = Math.max(run.maxUnknown, run.courier.ledger.unknown);
    }
    time.after(100, tick);
  };
  const commit = (): void => {
    if (!run.courier.closed) {
      committedEnded = [...ended];
      for (const id of told) committedTold.add(id);
      committedMark = Math.max(committedMark, ...told);
      told = [];
    }
    time.after(500, commit);
  };
  /** The regular look whether all is as it should be. */
  const sweep = (): void => {
    if (!run.courier.closed) run.courier.ledger.connected(time.ms);
    time.after(3_000, sweep);
  };
  start();
  time.after(10, act);
  tick();
  commit();
  time.after(3_000, sweep);
  time.run(startMs + 25_000);
  // The storm is over: what is under way comes to its end, and nothing new begins.
  x.quiet = true;
  time.run(startMs + 45_000);
  run.endMs = time.ms;
  return run;
}

/** What is wrong with a run; empty = nothing. */
export function faultsOf(run: FaultRun, ordered = true): string[] {
  const { exchange: x, courier } = run;
  const wrong: string[] = [];
  const placed = run.commands.filter((c) => c.action === 'place');
  for (const [id, times] of x.accepted) if (times > 1) wrong.push(`${id} was accepted ${times} times`);
  const all = run.reports.flat();
  if (courier.ledger.unknown > 0) wrong.push('something is still UNKNOWN');
  // Fills: all of them, each once.
  const trades = new Map<number, Report>();
  for (const life of run.reports) {
    const seen = new Set<number>();
    let last = -1;
    for (const v of life) {
      if (v.exec !== 'trade') continue;
      if (seen.has(v.trade_id)) wrong.push(`trade ${v.trade_id} was reported twice`);
      seen.add(v.trade_id);
      if (ordered && v.trade_id < last) wrong.push(`trade ${v.trade_id} came behind ${last}`);
      last = Math.max(last, v.trade_id);
      trades.set(v.trade_id, v);
    }
  }
  let position = 0;
  for (const v of trades.values()) position += v.side === 'buy' ? v.last_qty : -v.last_qty;
  for (const f of x.fills) if (!trades.has(f.tradeId)) wrong.push(`trade ${f.tradeId} was not reported`);
  if (trades.size !== x.fills.length) wrong.push(`${trades.size} trades reported, ${x.fills.length} done`);
  if (position !== x.position) wrong.push(`position ${position}, at the exchange ${x.position}`);
  // Orders: none is lost, and what is said of each is so.
  for (const c of placed) {
    const told = all.filter((v) => v.client_id === c.client_id && !(v.exec === 'rejected' && v.code === -2011));
    const of = told.filter((v) => v.exec !== 'unknown' && v.exec !== 'status');
    const lastLife = run.reports.at(-1)!.filter((v) => v.client_id === c.client_id);
    if (lastLife.at(-1)?.exec === 'unknown') wrong.push(`${c.client_id} stayed UNKNOWN`);
    const there = x.orders.filter((o) => o.clientId === c.client_id);
    const own = there.find((o) => o.conditional === (c.type === 'stop_market'));
    const child = own?.childId ? x.orders.find((o) => o.id === own.childId) : undefined;
    const open = own !== undefined && isOpen(child ?? own);
    const finals = of.filter(
      (v) => v.exec === 'canceled' || v.exec === 'expired' || v.exec === 'rejected' || v.status === 'filled',
    );
    if (of.length === 0) wrong.push(`${c.client_id} was lost`);
    if (!own) {
      if (finals.length === 0 || finals.some((v) => v.exec !== 'rejected' && v.exec !== 'canceled'))
        wrong.push(`${c.client_id} is not at the exchange, and was reported ${of.map((v) => v.exec)}`);
      continue;
    }
    if (of.some((v) => v.exec === 'rejected'))
      wrong.push(`${c.client_id} was reported rejected and stands at the exchange`);
    if (open && finals.length > 0) wrong.push(`${c.client_id} is open, and was reported ${finals.map((v) => v.exec)}`);
    const fate = (child ?? own).status;
    const right = finals.some((v) => v.status === fate || (child && v.reason === `executed as order ${child.id}`));
    if (!open && !right) wrong.push(`${c.client_id} ended ${fate}, reported ${of.map((v) => `${v.exec}/${v.status}`)}`);
  }
  // A refused cancel comes behind the end of its order, never while a fill is still to be told.
  for (const life of run.reports)
    life.forEach((v, i) => {
      if (v.code === -2011 && life.slice(i + 1).some((w) => w.client_id === v.client_id && w.exec === 'trade'))
        wrong.push(`a fill of ${v.client_id} came behind the refusal of its cancel`);
    });
  return wrong;
}
