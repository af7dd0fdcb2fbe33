import { parseArgs } from 'node:util';
import { nextFloat, nextInt, seedRandom } from '../graph/math/index.ts';
import { type KeyInfo, KeyTable, Vec } from '../graph/schema/index.ts';
import { arrive, onBest, onLadder, onTrade } from '../venue/core/exchange.ts';
import { widen } from '../venue/core/narrow.ts';
import { createExchange, type Exchange, type Market, marketOf, type Rules } from '../venue/core/state.ts';
import { inChild, isMain } from './child.ts';
import { type Figure, figure, table } from './stats.ts';

/**
 * The venue's matching core alone: recorded ladders, best quotes and trades against 100 resting orders (50 a side), which are
 * placed anew as they fill, with a few cancels; what that costs is in the figure, only market events are counted.
 */
const RESTING = 50;
const LEVELS = 50;
const EVENTS = 1 << 13;
const MID = 600_000;
const STEP_US = 1_000;

/** The defaults of `venue.usdm`. */
const RULES: Rules = {
  maker: 20_000,
  taker: 50_000,
  liquidationFee: 1_250_000,
  bound: 5_000_000,
  orderLatencyUs: 0,
  responseLatencyUs: 0,
  markIntervalUs: 1_000_000,
  markTimeoutUs: 10_000_000,
  levels: LEVELS,
  leverage: 20,
  maxOrders: 200,
  maxStops: 200,
  algo: false,
  triggerProtect: 5_000_000,
  instruments: {},
};

type Kind = 'ladder' | 'best' | 'trade' | 'mixed';
const KINDS: readonly Kind[] = ['ladder', 'best', 'trade', 'mixed'];
/** Ticks behind the best price that orders are spread over. */
const PLACES = { 'over 25 prices': 25, 'all at the touch': 1 } as const;
type Place = keyof typeof PLACES;

interface Ladder {
  u: number;
  bid_px: Vec;
  bid_qty: Vec;
  ask_px: Vec;
  ask_qty: Vec;
}
/** What happens, in columns; it is played again and again, with update ids that go on. */
interface Stream {
  /** 0 ladder, 1 best quote, 2 trade. */
  readonly kind: Uint8Array;
  readonly bid: Float64Array;
  readonly bidQty: Float64Array;
  readonly askQty: Float64Array;
  readonly ladders: readonly (Ladder | undefined)[];
  /** Of a trade: by how many ticks it is beyond the touch. */
  readonly through: Float64Array;
  readonly qty: Float64Array;
  readonly taker: Int8Array;
}

/** One in so many events, each side's farthest order is cancelled and placed anew, or none would be near the touch in the end. */
const REQUOTE = 100;

/** A book one tick wide. Orders over many prices see its best price move by up to three ticks, those at the touch see it stand. */
function streamOf(kind: Kind, moves: boolean, seed: number): Stream {
  const r = seedRandom(seed, `matching/${kind}`);
  const s: Stream = {
    kind: new Uint8Array(EVENTS),
    bid: new Float64Array(EVENTS),
    bidQty: new Float64Array(EVENTS),
    askQty: new Float64Array(EVENTS),
    ladders: Array.from({ length: EVENTS }, () => undefined),
    through: new Float64Array(EVENTS),
    qty: new Float64Array(EVENTS),
    taker: new Int8Array(EVENTS),
  };
  const ladders = s.ladders as (Ladder | undefined)[];
  const columns = new Columns(kind === 'ladder' || kind === 'mixed' ? EVENTS : 0);
  const size = (): number => 2_000 + nextInt(r, 4_000);
  let bid = MID;
  let trades = 0;
  let qty = 20;
  let through = 0;
  for (let i = 0; i < EVENTS; i++) {
    // As in a recording of a busy hour: six best quotes and three trades to one ladder.
    const n = nextInt(r, 10);
    s.kind[i] = kind === 'ladder' ? 0 : kind === 'best' ? 1 : kind === 'trade' ? 2 : n < 1 ? 0 : n < 7 ? 1 : 2;
    if (moves && s.kind[i] !== 2 && nextFloat(r) < 0.2)
      bid = Math.max(MID - 3, Math.min(MID + 3, bid + (nextFloat(r) < 0.5 ? -1 : 1)));
    s.bid[i] = bid;
    s.bidQty[i] = size();
    s.askQty[i] = s.bidQty[i]!;
    // Buys and sells in turn, of the same quantities, and queues of the same length: the position stays small.
    if (s.kind[i] === 2) trades++;
    const taker = trades % 2 === 0 ? 1 : -1;
    s.taker[i] = taker;
    // Where the touch moves, one in ten is the end of a sweep, some ticks through it.
    if (taker < 0) through = moves && nextFloat(r) < 0.1 ? nextInt(r, 6) : 0;
    s.through[i] = through;
    if (taker < 0) qty = 1 + nextInt(r, 40);
    s.qty[i] = qty;
    if (s.kind[i] === 0) ladders[i] = columns.add(bid, s.bidQty[i]!, s.askQty[i]!, size);
  }
  return s;
}
/** Lists of ladders one behind the other, as blocks have them: one column for each field. */
class Columns {
  readonly #data: readonly Float64Array[];
  #rows = 0;
  constructor(rows: number) {
    this.#data = Array.from({ length: 4 }, () => new Float64Array(rows * LEVELS));
  }
  /** The best level is the last. */
  add(bid: number, bidQty: number, askQty: number, size: () => number): Ladder {
    const from = this.#rows++ * LEVELS;
    const column = (n: number, of: (level: number) => number): Vec => {
      const data = this.#data[n]!;
      for (let i = 0; i < LEVELS; i++) data[from + i] = of(LEVELS - 1 - i);
      return new Vec(data, from, from + LEVELS);
    };
    return {
      u: 0,
      bid_px: column(0, (l) => bid - l),
      bid_qty: column(1, (l) => (l === 0 ? bidQty : size())),
      ask_px: column(2, (l) => bid + 1 + l),
      ask_qty: column(3, (l) => (l === 0 ? askQty : size())),
    };
  }
}

class Desk {
  readonly #x: Exchange;
  readonly #key: KeyInfo;
  readonly #m: Market;
  readonly #depth: number;
  readonly #command = widen({
    action: 'place',
    client_id: '',
    side: 'buy',
    type: 'limit',
    tif: 'gtx',
    qty: 0,
    px: 0,
    stop_px: Number.NaN,
    working: 'last',
    reduce_only: false,
    close_position: false,
    intent_id: '',
    origin: 'entry',
  });
  #orders = 0;
  #u = 0;
  #now = 1_700_000_000_000_000;
  fills = 0;
  refused = 0;

  constructor(depth: number) {
    this.#x = createExchange(RULES, 50_000_000 * 1e8);
    this.#key = new KeyTable().declare('usdm:BTCUSDT', 1, 3);
    this.#m = marketOf(this.#x, this.#key)!;
    this.#depth = depth;
  }
  get position(): number {
    return this.#m.position.qty;
  }
  get resting(): number {
    return this.#m.buys.length + this.#m.sells.length;
  }
  /** Brings the orders of both sides back to their number. */
  #refill(bid: number): void {
    const m = this.#m;
    for (let tries = RESTING; m.buys.length < RESTING && tries > 0; tries--) this.#place('buy', bid);
    for (let tries = RESTING; m.sells.length < RESTING && tries > 0; tries--) this.#place('sell', bid + 1);
    this.#x.outbox.length = 0;
  }
  /** The farthest order of each side goes, and another is placed. */
  #requote(bid: number): void {
    const c = this.#command;
    c.action = 'cancel';
    for (const list of [this.#m.buys, this.#m.sells]) {
      c.client_id = list[RESTING - 1]!.clientId;
      arrive(this.#x, this.#key, c, this.#now);
    }
    c.action = 'place';
    this.#refill(bid);
  }
  #place(side: 'buy' | 'sell', touch: number): void {
    const c = this.#command;
    const n = this.#orders++;
    c.client_id = `o${n}`;
    c.side = side;
    c.qty = 10 + (n % 10);
    c.px = side === 'buy' ? touch - (n % this.#depth) : touch + (n % this.#depth);
    arrive(this.#x, this.#key, c, this.#now);
  }
  start(s: Stream): void {
    // A first ladder, so that each level has been seen.
    const ladder = new Columns(1).add(s.bid[0]!, s.bidQty[0]!, s.askQty[0]!, () => 4_000);
    ladder.u = ++this.#u;
    onLadder(this.#x, this.#m, ladder, this.#now);
    this.#refill(s.bid[0]!);
  }
  /** @param flip −1: takers are on the other side, so that what one playing leaves as a position the next takes off again */
  play(s: Stream, flip: number): void {
    const [x, m] = [this.#x, this.#m];
    const best = { u: 0, bid_px: 0, bid_qty: 0, ask_px: 0, ask_qty: 0 };
    for (let i = 0; i < EVENTS; i++) {
      this.#now += STEP_US;
      const now = this.#now;
      const bid = s.bid[i]!;
      const kind = s.kind[i];
      if (kind === 2) {
        const taker = s.taker[i]! * flip;
        onTrade(x, m, taker > 0 ? bid + 1 + s.through[i]! : bid - s.through[i]!, s.qty[i]!, taker, now);
      } else if (kind === 1) {
        best.u = ++this.#u;
        best.bid_px = bid;
        best.bid_qty = s.bidQty[i]!;
        best.ask_px = bid + 1;
        best.ask_qty = s.askQty[i]!;
        onBest(x, m, best, now);
      } else {
        const ladder = s.ladders[i]!;
        ladder.u = ++this.#u;
        onLadder(x, m, ladder, now);
      }
      const requote = i % REQUOTE === 0;
      if (x.outbox.length === 0 && !requote) continue;
      for (let k = 0; k < x.outbox.length; k++) {
        const o = x.outbox[k]!;
        if (o.port !== 'report') continue;
        if (o.values.exec === 'trade') this.fills++;
        else if (o.values.exec === 'rejected') this.refused++;
      }
      x.outbox.length = 0;
      if (m.buys.length < RESTING || m.sells.length < RESTING) this.#refill(bid);
      if (requote) this.#requote(bid);
    }
  }
}

export interface Matching {
  /** Events per CPU second, of each repetition. */
  events_s: number[];
  fills_per_event: number;
}
const WARM_UP = 20;
const ROUNDS = 60;

/** @throws Error when the work was not what it should be: orders missing, commands refused, nothing filled */
function measure(kind: Kind, place: Place, repeats: number): Matching {
  const stream = streamOf(kind, place === 'over 25 prices', 1);
  const desk = new Desk(PLACES[place]);
  desk.start(stream);
  for (let i = 0; i < WARM_UP; i++) desk.play(stream, i % 2 === 0 ? 1 : -1);
  const events_s: number[] = [];
  const before = desk.fills;
  for (let n = 0; n < repeats; n++) {
    const cpu = process.cpuUsage();
    for (let i = 0; i < ROUNDS; i++) desk.play(stream, i % 2 === 0 ? 1 : -1);
    const used = process.cpuUsage(cpu);
    events_s.push((ROUNDS * EVENTS * 1e6) / (used.user + used.system));
  }
  const fills = desk.fills - before;
  // Quotes alone fill only what they cross, and those at a touch that stands are never crossed.
  const fillable = kind === 'trade' || kind === 'mixed' || place === 'over 25 prices';
  if (desk.resting !== 2 * RESTING || desk.refused > 0 || (fillable && fills === 0))
    throw new Error(
      `${kind}, ${place}: ${desk.resting} orders rest, ${desk.refused} refused, ${fills} fills, position ${desk.position}`,
    );
  return { events_s, fills_per_event: fills / (repeats * ROUNDS * EVENTS) };
}

const PARTS = KINDS.flatMap((kind) => (Object.keys(PLACES) as Place[]).map((place) => ({ kind, place })));

/** Each part in a process of its own. */
export function benchMatching(repeats = 5): Figure[] {
  return PARTS.map(({ kind, place }, i) => {
    const m = inChild<Matching>(import.meta.url, ['--part', String(i), '--repeats', String(repeats)]);
    const name = `matching core, ${kind === 'mixed' ? 'mixed events' : `${kind} events`}, 100 orders ${place}`;
    return figure(`${name}, ${m.fills_per_event.toFixed(3)} fills an event`, 'events/CPU-s', m.events_s, {
      at_least: 500_000,
    });
  });
}

if (isMain(import.meta.url)) {
  const { values: v } = parseArgs({ options: { part: { type: 'string' }, repeats: { type: 'string', default: '5' } } });
  const part = v.part === undefined ? undefined : PARTS[Number(v.part)]!;
  if (part) process.stdout.write(`${JSON.stringify(measure(part.kind, part.place, Number(v.repeats)))}\n`);
  else {
    const figures = benchMatching(Number(v.repeats));
    process.stderr.write(`${table(figures)}\n`);
    process.stdout.write(`${JSON.stringify({ figures })}\n`);
  }
}
