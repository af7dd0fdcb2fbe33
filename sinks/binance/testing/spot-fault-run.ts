import { nextFloat, nextInt, type RandomState, seedRandom } from '../../../graph/math/index.ts';
import { KeyTable } from '../../../graph/schema/index.ts';
import { Courier } from '../courier.ts';
import type { Holding } from '../intent-log.ts';
import { OrderLimiter, SPOT_ORDERS } from '../order-limiter.ts';
import type { Command, Intent, Report } from '../order-state.ts';
import { closingQuantity } from '../spot-closing.ts';
import { SpotHolding } from '../spot-holding.ts';
import { ToldTrades } from '../told-trades.ts';
import { isOpen, SpotModelExchange } from './spot-model-exchange.ts';
import { VirtualTime } from './virtual-time.ts';

const OPTIONS = { acceptMs: 3_600, settleMs: 750, riskAgeMs: 10_000, closeAgeMs: 60_000, attempts: 3, algo: false };
const SYMBOL = 'BTCUSDT';

export interface SpotFaultRun {
  exchange: SpotModelExchange;
  courier: Courier;
  /** What the last life of the program holds. */
  holding: SpotHolding;
  commands: Command[];
  /** By life of the program; a crash begins the next. */
  reports: Report[][];
  crashes: number;
  maxUnknown: number;
  /** Pairs sent, by the graph. */
  pairs: number;
}

/** One seeded session of a trader on Spot: buys, closing sells, stops and pairs of stop and target, in virtual time. */
export function spotFaultRun(
  seed: number,
  shape: (x: SpotModelExchange, r: RandomState) => void = () => {},
): SpotFaultRun {
  const time = new VirtualTime();
  const r = seedRandom(seed, 'Spot orders under fault');
  const x = new SpotModelExchange(time, r);
  shape(x, r);
  const key = new KeyTable().declare('spot:BTCUSDT', 2, 5);
  const chance = (p: number): boolean => nextFloat(r) < p;
  const startMs = time.ms;

  // What survives a crash.
  const intents: (Intent | [Intent, Intent])[] = [];
  const ended = new Set<string>();
  const refused = new Map<string, { code: number; reason: string }>();
  let committed: { ended: string[]; mark: number; holding: Holding } = {
    ended: [],
    mark: -1,
    holding: { base: 0, cost: 0 },
  };
  const committedTold = new ToldTrades();
  let told: number[] = [];
  const run: SpotFaultRun = {
    exchange: x,
    courier: undefined as unknown as Courier,
    holding: new SpotHolding(key, 1),
    commands: [],
    reports: [],
    crashes: 0,
    maxUnknown: 0,
    pairs: 0,
  };
  /** Orders whose end has not been told, by what they are for. */
  const entries = new Set<string>();
  const exits = new Set<string>();
  const guards = new Set<string>();

  const start = (): void => {
    const reports: Report[] = [];
    run.reports.push(reports);
    const own = new SpotHolding(key, 1);
    own.restore(committed.holding);
    run.holding = own;
    const courier: Courier = new Courier(x, new OrderLimiter(SPOT_ORDERS, 6000), time, OPTIONS, {
      report: (_key, values, trade) => {
        if (trade?.own) own.trade(values.side, trade.fill);
        reports.push(values);
        if (values.exec === 'trade') told.push(values.trade_id);
        onReport(values);
      },
      refused: (intent, code, reason) => {
        refused.set(intent.id, { code, reason });
      },
      began: (s) => {
        committed = { ...committed, mark: Math.max(committed.mark, s.mark) };
      },
      ended: (intent) => {
        ended.add(intent.id);
      },
    });
    const { ledger } = courier;
    const s = ledger.symbol(SYMBOL, 0);
    s.mark = committed.mark;
    told = [];
    s.told = ToldTrades.of(committedTold.state);
    x.closing = (o) => closingQuantity(o, s, { lots: own.lots, step: 1, free: undefined });
    const gone = new Set(committed.ended);
    // What ended and was not committed has not ended for a new life.
    ended.clear();
    for (const id of gone) ended.add(id);
    for (const i of intents.flat()) if (!gone.has(i.id)) ledger.restore(SYMBOL, i, time.ms, refused.get(i.id));
    run.courier = courier;
    connect(courier);
  };
  const connect = (courier: Courier): void => {
    if (courier.closed) return;
    x.connect((e) => courier.ledger.news(courier.ledger.symbol(SYMBOL, 0), e, time.ms));
    courier.ledger.connected(time.ms);
  };
  x.onDisconnect = () => {
    const { courier } = run;
    time.after(20 + nextInt(r, 500), () => connect(courier));
  };
  x.onCrash = () => {
    if (run.crashes >= 3 || x.quiet) return false;
    run.crashes++;
    run.courier.closed = true;
    x.stream = undefined;
    time.after(nextInt(r, 3000), start);
    return true;
  };

  const intentOf = (c: Partial<Command> & { client_id: string }): Intent => {
    const command: Command = {
      action: 'place',
      side: 'buy',
      type: 'market',
      tif: 'gtc',
      qty: 0,
      px: Number.NaN,
      stop_px: Number.NaN,
      working: 'last',
      reduce_only: false,
      close_position: false,
      intent_id: '',
      origin: 'entry',
      ...c,
    };
    run.commands.push(command);
    return { id: `c${run.commands.length}`, key: 0, command, madeMs: time.ms };
  };
  const command = (c: Partial<Command> & { client_id: string }): void => {
    const intent = intentOf(c);
    intents.push(intent);
    if (!run.courier.closed) run.courier.ledger.command(SYMBOL, intent, time.ms);
  };
  const pair = (a: Partial<Command> & { client_id: string }, b: Partial<Command> & { client_id: string }): void => {
    const both: [Intent, Intent] = [intentOf(a), intentOf(b)];
    intents.push(both);
    run.pairs++;
    if (!run.courier.closed) run.courier.ledger.pair(SYMBOL, ...both, time.ms);
  };
  const onReport = (v: Report): void => {
    if (!isEnd(v)) return;
    for (const set of [entries, exits, guards]) set.delete(v.client_id);
  };

  let n = 0;
  const act = (): void => {
    if (x.quiet) return;
    const id = `${n}`;
    if (n < 9 && entries.size + exits.size === 0) {
      n++;
      const closes = run.holding.lots > 0 && chance(0.5);
      if (!closes) {
        const limit = chance(0.5);
        entries.add(`e${id}`);
        command({
          client_id: `e${id}`,
          qty: 100 + nextInt(r, 900),
          type: limit ? 'limit' : 'market',
          tif: limit ? 'gtx' : 'gtc',
          px: limit ? 100 : Number.NaN,
        });
        if (limit)
          time.after(nextInt(r, 4000), () => {
            if (entries.has(`e${id}`)) command({ action: 'cancel', client_id: `e${id}` });
          });
      } else {
        // What holds the asset goes first, most of the time.
        if (chance(0.8)) for (const g of guards) command({ action: 'cancel', client_id: g, side: 'sell' });
        time.after(nextInt(r, 1500), () => {
          exits.add(`x${id}`);
          const part = chance(0.4);
          command({
            client_id: `x${id}`,
            side: 'sell',
            qty: part ? 1 + nextInt(r, 400) : 0,
            reduce_only: part,
            close_position: !part,
            origin: 'exit',
          });
        });
      }
    }
    if (guards.size === 0 && run.holding.lots > 0 && chance(0.4)) {
      const leg = { side: 'sell', close_position: true, origin: 'guardian' } as const;
      const [stop, target] = [`s${time.ms.toString(36)}`, `t${time.ms.toString(36)}`];
      guards.add(stop);
      if (chance(0.6)) {
        guards.add(target);
        pair(
          { ...leg, client_id: stop, type: 'stop_market', stop_px: 90 },
          { ...leg, client_id: target, type: 'take_profit_market', stop_px: 110 },
        );
      } else command({ ...leg, client_id: stop, type: 'stop_market', stop_px: 90 });
    } else if (guards.size > 0 && chance(0.05)) command({ action: 'cancel', client_id: [...guards][0]!, side: 'sell' });
    if (chance(0.01)) command({ action: 'cancel_all', client_id: '' });
    if (chance(0.01)) command({ action: 'cancel', client_id: `nobody-${n}` });
    if (chance(0.03)) command({ action: 'query', client_id: run.commands[nextInt(r, run.commands.length)]!.client_id });
    if (chance(0.02)) x.disconnect();
    time.after(100 + nextInt(r, 400), act);
  };
  const every = (ms: number, work: () => void): void => {
    const again = (): void => {
      if (!run.courier.closed) work();
      time.after(ms, again);
    };
    time.after(ms, again);
  };
  start();
  time.after(10, act);
  every(100, () => {
    run.courier.ledger.tick(time.ms);
    run.maxUnknown = Math.max(run.maxUnknown, run.courier.ledger.unknown);
  });
  every(500, () => {
    for (const id of told) committedTold.add(id);
    const mark = Math.max(committed.mark, ...told);
    told = [];
    committed = { ended: [...ended], mark, holding: run.holding.state };
  });
  every(3_000, () => run.courier.ledger.connected(time.ms));
  time.run(startMs + 25_000);
  // The storm is over: what is under way comes to its end, and nothing new begins.
  x.quiet = true;
  time.run(startMs + 45_000);
  return run;
}

const isEnd = (v: Report): boolean =>
  v.exec !== 'status' &&
  v.exec !== 'unknown' &&
  v.code !== -2011 &&
  v.code !== -2013 &&
  (v.status === 'filled' || v.exec === 'canceled' || v.exec === 'expired' || v.exec === 'rejected');

/** What is wrong with a run; empty = nothing. */
export function spotFaultsOf(run: SpotFaultRun): string[] {
  const { exchange: x, courier } = run;
  const wrong: string[] = [];
  for (const [id, times] of x.accepted) if (times > 1) wrong.push(`${id} was accepted ${times} times`);
  if (courier.ledger.unknown > 0) wrong.push('something is still UNKNOWN');
  if (x.base < 0 || x.locked > x.base) wrong.push(`the exchange holds ${x.base}, of it ${x.locked} locked`);

  // Fills: all of them, each once in a life, and what is held by them.
  const trades = new Map<number, Report>();
  for (const life of run.reports) {
    const seen = new Set<number>();
    let last = -1;
    for (const v of life) {
      if (v.exec !== 'trade') continue;
      if (seen.has(v.trade_id)) wrong.push(`trade ${v.trade_id} was reported twice`);
      if (v.trade_id < last) wrong.push(`trade ${v.trade_id} came behind ${last}`);
      last = v.trade_id;
      seen.add(v.trade_id);
      trades.set(v.trade_id, v);
    }
  }
  for (const f of x.fills) {
    const told = trades.get(f.tradeId);
    if (!told) wrong.push(`trade ${f.tradeId} was not reported`);
    else if (!Object.is(told.base_fee, f.baseFee ?? Number.NaN))
      wrong.push(`trade ${f.tradeId} has another commission`);
  }
  if (trades.size !== x.fills.length) wrong.push(`${trades.size} trades reported, ${x.fills.length} done`);
  if (run.holding.base !== x.base) wrong.push(`held ${run.holding.base}, at the exchange ${x.base}`);

  // Orders: none is lost, and what is said of each is so.
  for (const c of run.commands) {
    if (c.action !== 'place') continue;
    const ends = run.reports.flatMap((life) => life.filter((v) => v.client_id === c.client_id && isEnd(v)));
    for (const life of run.reports) {
      const of = life.filter((v) => v.client_id === c.client_id);
      if (of.filter(isEnd).length > 1)
        wrong.push(`the end of ${c.client_id} was told ${of.filter(isEnd).length} times`);
    }
    const doubts = run.reports.at(-1)!.findLastIndex((v) => v.client_id === c.client_id && v.exec === 'unknown');
    const after = run.reports.at(-1)!.slice(doubts + 1);
    if (doubts >= 0 && !after.some((v) => v.client_id === c.client_id)) wrong.push(`${c.client_id} stayed UNKNOWN`);
    const at = x.orders.find((o) => o.clientId === c.client_id);
    if (!at) {
      if (ends.length === 0) wrong.push(`${c.client_id} was lost`);
      else if (ends.some((v) => v.exec !== 'rejected' && v.exec !== 'canceled'))
        wrong.push(`${c.client_id} is not at the exchange, and was told ${ends.map((v) => v.exec)}`);
      continue;
    }
    if (isOpen(at)) {
      if (ends.length > 0) wrong.push(`${c.client_id} is open, and was told ${ends.map((v) => v.exec)}`);
    } else if (!ends.some((v) => v.status === at.status) || ends.some((v) => v.status !== at.status))
      wrong.push(`${c.client_id} ended ${at.status}, told ${ends.map((v) => `${v.exec}/${v.status}`)}`);
  }
  return wrong;
}
