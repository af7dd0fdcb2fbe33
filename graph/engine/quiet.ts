import type { Quiet, QuietRows } from '../node.ts';
import { type Block, isNumberField, LARGE_BLOCK_ROWS } from '../schema/index.ts';
import type { Core } from './core.ts';
import type { Instance } from './instance.ts';

/** Fewer rows are run one by one: to look at them costs more than is saved. */
const LEAST = 4;
/** How many rows are passed over at most before rows are looked at again, when looking has brought nothing. */
const PATIENCE = 64;

interface Consumer {
  readonly node: number;
  readonly quiet: Quiet<unknown, unknown>;
}
/** The rows of one key in the stretch at hand. */
class Group implements QuietRows {
  key = 0;
  n = 0;
  /** Places in the block, ascending, and the rows there. */
  readonly places = new Int32Array(LARGE_BLOCK_ROWS);
  readonly rows = new Int32Array(LARGE_BLOCK_ROWS);
  readonly columns: Record<string, Float64Array>;
  from = 0;
  to = 0;
  constructor(columns: Record<string, Float64Array>) {
    this.columns = columns;
  }
}

/**
 * Passes over rows of one source port of which nothing comes: cycles that would run the port's consumers and change nothing but
 * their states. Afterwards all is as if each row had had its cycle: states, slots, the clock, numbers. A program whose consumers cannot
 * all tell what is quiet has none of this, nor has a port that somebody watches. The interpreter, the reference, does not know of it.
 */
export class QuietStretches {
  /** The row at which to look again. */
  next = 0;
  /** How many rows have been passed over. */
  rows = 0;
  readonly #core: Core;
  readonly #source: number;
  readonly #out: number;
  readonly #consumers: readonly Consumer[];
  readonly #columns: Record<string, Float64Array> = {};
  readonly #fields: readonly string[];
  readonly #groups: Group[] = [];
  readonly #byKey: (Group | undefined)[] = [];
  #used = 0;
  /** The rows of the block that the groups hold. */
  #start = 0;
  #end = 0;
  #wait = 1;

  private constructor(core: Core, source: number, out: number, consumers: readonly Consumer[]) {
    this.#core = core;
    this.#source = source;
    this.#out = out;
    this.#consumers = consumers;
    this.#fields = Object.keys(core.plan.nodes[source]!.outs[out]!.schema.fields);
  }

  /** Undefined when rows of the port have to be run one by one. */
  static of(core: Core, source: number, out: number): QuietStretches | undefined {
    const { nodes } = core.plan;
    const spec = nodes[source]!.outs[out]!;
    const port = nodes[source]!.node.out[spec.port]!;
    if (port.key === 'none' || spec.many || spec.successive || spec.keyed) return undefined;
    // A field that may have no value is taken out of the record when it has one: each row would have to be looked at.
    const maybe = (field: string) => {
      const f = spec.schema.fields[field]!;
      return isNumberField(f) && f.nullable === true;
    };
    if (spec.picks.some((p) => maybe(p.field))) return undefined;
    const consumers: Consumer[] = [];
    for (const { node, mode } of core.plan.emission(source, out, false).steps) {
      const plan = nodes[node]!;
      const direct = plan.inputs.filter((i) => i.from === source && i.out === out && !i.deferred);
      const waking = direct.filter((i) => !i.passive);
      if (waking.length === 0) continue;
      const [input] = waking;
      const { type } = plan.node;
      const quiet = type.kind === 'step' && type.quiet ? type.quiet[input!.port] : undefined;
      if (!quiet || direct.length > 1 || input!.rest || input!.pick >= 0 || mode === 'all') return undefined;
      consumers.push({ node, quiet });
    }
    // Rows that wake nobody cost next to nothing as they are.
    return consumers.length === 0 ? undefined : new QuietStretches(core, source, out, consumers);
  }

  /** A block is about to be run from `from` on; its rows may have been looked at before, but not these very bytes. */
  begin(from: number): void {
    this.next = from;
    this.#wait = 1;
    this.#start = 0;
    this.#end = 0;
  }

  /**
   * Passes over quiet rows from `i` on, which would be the next one to run; the caller has settled what comes before it.
   * @returns the first row that is not passed over
   */
  run(block: Block, i: number, limit: number): number {
    const { clock } = this.#core;
    if (i < this.#start || i >= this.#end) this.#look(block, i, limit);
    const bound = Math.min(this.#end, firstAt(block.t, i, this.#end, Math.min(limit, clock.due)));
    const stop = bound - i < LEAST ? i : this.#reach(i, bound);
    if (stop - i < LEAST) {
      for (let g = 0; g < this.#used; g++) this.#groups[g]!.to = this.#groups[g]!.from;
      // What is worth nothing here is likely to be worth nothing soon.
      this.next = i + this.#wait;
      if (this.#wait < PATIENCE) this.#wait *= 2;
      return i;
    }
    this.#wait = 1;
    this.next = stop + 1;
    this.#fold(block, i, stop);
    this.rows += stop - i;
    return stop;
  }

  /** Sorts the rows from `i` on by key, as far as they are rows of the port, one after the other, of keys with instances. */
  #look(block: Block, i: number, limit: number): void {
    const { columns } = block.ports[this.#out]!;
    for (let f = 0; f < this.#fields.length; f++) {
      const column = columns[f];
      if (column instanceof Float64Array) this.#columns[this.#fields[f]!] = column;
    }
    this.#start = i;
    this.#end = i;
    for (let g = 0; g < this.#used; g++) this.#byKey[this.#groups[g]!.key] = undefined;
    this.#used = 0;
    if (this.#core.isWatched(this.#source, this.#out)) return;
    const most = endOfRows(block, i, this.#out, limit, Math.min(block.n, i + LARGE_BLOCK_ROWS));
    for (let j = i; j < most; j = this.#end) {
      const group = this.#group(block.key[j]!);
      if (group === undefined) return;
      this.#end = this.#byKeys(block, group, j, most);
    }
  }
  /** Sorts the rows from `j` on as long as they are of keys with a group. @returns where that ends */
  #byKeys({ key, row }: Block, first: Group, j: number, most: number): number {
    const byKey = this.#byKey;
    let group: Group | undefined = first;
    let i = j;
    for (; i < most; i++) {
      const k = key[i]!;
      if (k !== group.key) {
        group = byKey[k];
        if (group === undefined) break;
      }
      group.places[group.n] = i;
      group.rows[group.n++] = row[i]!;
    }
    return i;
  }
  /** A key's group, empty; undefined when it has no instances. */
  #group(key: number): Group | undefined {
    if (key < 0 || this.#core.isLive[key] !== true) return undefined;
    if (this.#used === this.#groups.length) this.#groups.push(new Group(this.#columns));
    const group = this.#groups[this.#used++]!;
    this.#byKey[key] = group;
    group.key = key;
    group.n = 0;
    group.from = 0;
    group.to = 0;
    return group;
  }

  /** The first row of [i, bound) that somebody would make something of. */
  #reach(i: number, bound: number): number {
    let stop = bound;
    for (let g = 0; g < this.#used; g++) {
      const group = this.#groups[g]!;
      group.from = placeAt(group, i, group.to);
      group.to = placeAt(group, stop, group.from);
      for (const c of this.#consumers) {
        if (group.from === group.to) break;
        const instance = this.#core.instance(c.node, group.key)!;
        // One that was silenced is not woken.
        if (instance.quarantined) continue;
        const end = c.quiet.reach(instance.state, group, instance.config, group.key);
        if (end >= group.to) continue;
        stop = group.places[end]!;
        group.to = end;
      }
      if (stop - i < LEAST) break;
    }
    return stop;
  }

  #fold(block: Block, i: number, stop: number): void {
    const { clock } = this.#core;
    const n = clock.n - i + 1;
    const { now } = clock;
    let last: Group | undefined;
    for (let g = 0; g < this.#used; g++) {
      const group = this.#groups[g]!;
      // What another key's rows end earlier.
      while (group.to > group.from && group.places[group.to - 1]! >= stop) group.to--;
      if (group.from === group.to) continue;
      for (const c of this.#consumers) {
        const instance: Instance = this.#core.instance(c.node, group.key)!;
        if (!instance.quarantined) c.quiet.fold(instance.state, group, instance.config, group.key);
      }
      if (group.places[group.to - 1] === stop - 1) last = group;
      else this.#load(block, group, n, now);
    }
    // The last row of all comes last: lists over all keys end with it.
    this.#load(block, last!, n, now);
    clock.seq = block.seq0 + stop - 1;
  }
  /** The last row of a group into the source's slot, in the cycle that it would have had. */
  #load(block: Block, group: Group, n: number, now: number): void {
    const { clock, loaders } = this.#core;
    const place = group.places[group.to - 1]!;
    clock.n = n + place;
    clock.now = Math.max(now, block.t[place]!);
    const loader = loaders[this.#source]![this.#out]![group.key];
    (loader ?? this.#core.loader(this.#source, this.#out, group.key)).load(
      block.ports[this.#out]!.columns,
      group.rows[group.to - 1]!,
    );
  }
}

// Loops on their own: what V8 compiles while one runs may know nothing of what comes behind it, and would be taken back there.

/** Where the rows from `i` on end that are of one port, one after the other in it, and before `limit`. */
function endOfRows({ t, port, row }: Block, i: number, out: number, limit: number, most: number): number {
  const first = row[i]! - i;
  let j = i;
  while (j < most && port[j] === out && t[j]! < limit && row[j] === first + j) j++;
  return j;
}

/** The first of the ascending times [from, to) that is not before `t`, else `to`. */
function firstAt(times: Float64Array, from: number, to: number, t: number): number {
  if (to === from || times[to - 1]! < t) return to;
  let [low, high] = [from, to];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle]! < t) low = middle + 1;
    else high = middle;
  }
  return low;
}
/** How many rows of a group lie before `place`; at least `from` do. */
function placeAt(group: Group, place: number, from: number): number {
  const { places, n } = group;
  if (n === 0 || places[n - 1]! < place) return n;
  let [low, high] = [from, n];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (places[middle]! < place) low = middle + 1;
    else high = middle;
  }
  return low;
}
