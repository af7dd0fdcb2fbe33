import {
  type BadInput,
  type BlockReader,
  type InputQuality,
  type KeyTable,
  LARGE_BLOCK_ROWS,
} from '../../graph/schema/index.ts';
import { BlockFiller, type Cursor, type DecodedBlock } from './block-filler.ts';
import { NO_KEY } from './file-rows.ts';
import { canInterleave, Interleaved } from './interleave-rows.ts';
import { PORTS } from './row-store.ts';
import { DROPPED, type Track } from './run-keys.ts';
import type { SegmentHome } from './segment-home.ts';
import { Arena } from './spilled.ts';

/** Rows of one file in a row, below which it pays to take those of all files together. */
const SHORT_RUN = 8;

/** Merges decoded files by (t_avail, position, row) into blocks. */
export class MergedReader implements BlockReader {
  readonly ports = PORTS;
  readonly files: readonly string[];
  readonly quality: InputQuality;
  readonly #home: SegmentHome;
  readonly #cursors: Cursor[];
  readonly #out: BlockFiller;
  /** What `#alikePort` found, as long as no file opens another segment; and how far rows were taken by it. */
  #alike: number | undefined;
  #interleaved: Interleaved | undefined;
  #seq = 0;
  #closed = false;

  constructor(
    tracks: readonly Track[],
    home: SegmentHome,
    keys: KeyTable,
    quality: { bad_input: BadInput[]; out_of_order: number },
  ) {
    this.#home = home;
    this.files = tracks.map((t) => t.file);
    this.quality = quality;
    this.#cursors = tracks.map((track, position) => ({
      track,
      position,
      segment: -1,
      loaded: null,
      arena: new Arena(),
      i: 0,
      t: Number.POSITIVE_INFINITY,
      first: 0,
      nextLate: 0,
      portRow: new Int32Array(PORTS.length),
    }));
    this.#out = new BlockFiller(keys);
    this.#rewind();
  }

  async read(): Promise<DecodedBlock | null> {
    if (this.#closed) return null;
    this.#out.begin(this.#seq);
    const b = this.#out.block;
    while (b.n < LARGE_BLOCK_ROWS) {
      const c = this.#next();
      if (c === null) break;
      const run = this.#run(c, LARGE_BLOCK_ROWS - b.n);
      if (run < SHORT_RUN && this.#alikePort() >= 0) this.#interleave(this.#alike!);
      else {
        this.#interleaved = undefined;
        if (run > 0) this.#out.take(c, run);
        this.#advance(c, run);
      }
    }
    this.#seq += b.n;
    return b.n === 0 ? null : b;
  }

  async seek(seq: number): Promise<void> {
    this.#rewind();
    while (this.#seq <= seq) {
      const c = this.#next();
      if (c === null) break;
      const run = this.#run(c, seq + 1 - this.#seq);
      this.#advance(c, run);
      this.#seq += run;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const c of this.#cursors) c.loaded = null;
    this.#home.close();
  }

  #rewind(): void {
    this.#seq = 0;
    for (const c of this.#cursors) {
      c.segment = -1;
      c.first = 0;
      c.nextLate = 0;
      c.loaded = null;
      this.#openNext(c);
    }
  }
  /** The next segment is only loaded when its turn comes. */
  #openNext(c: Cursor): void {
    this.#alike = undefined;
    this.#interleaved = undefined;
    if (c.segment >= 0) c.first += c.track.segments[c.segment]!.n;
    c.segment++;
    c.loaded = null;
    c.i = 0;
    c.portRow.fill(0);
    c.t = c.track.segments[c.segment]?.t0 ?? Number.POSITIVE_INFINITY;
  }

  #runUntil = 0;
  #runTies = false;
  #next(): Cursor | null {
    let best: Cursor | null = null;
    let second: Cursor | null = null;
    const cursors = this.#cursors;
    for (let k = 0; k < cursors.length; k++) {
      const c = cursors[k]!;
      if (best === null || c.t < best.t) {
        second = best;
        best = c;
      } else if (second === null || c.t < second.t) second = c;
    }
    if (best === null || best.t === Number.POSITIVE_INFINITY) return null;
    this.#runUntil = second === null ? Number.POSITIVE_INFINITY : second.t;
    this.#runTies = second === null || best.position < second.position;
    best.loaded ??= best.track.load(best.segment, best.arena);
    return best;
  }

  /** How many rows from the cursor on come before any other file's, are wanted, and are no late refusals (0: skip one). */
  #run(c: Cursor, room: number): number {
    const s = c.loaded!;
    let end = Math.min(s.n, c.i + room);
    const late = c.track.lateRows[c.nextLate];
    if (late !== undefined) {
      const at = late - c.first;
      if (at === c.i) return 1;
      if (at < end) end = at;
    }
    let i = c.i;
    if (c.track.hasDropped && this.#isDropped(c, i)) return 0;
    if (this.#runUntil === Number.POSITIVE_INFINITY && !c.track.hasDropped) return end - i;
    const until = this.#runUntil;
    const ties = this.#runTies;
    do i++;
    while (
      i < end &&
      (s.t[i]! < until || (ties && s.t[i] === until)) &&
      !(c.track.hasDropped && this.#isDropped(c, i))
    );
    return i - c.i;
  }
  #isDropped(c: Cursor, i: number): boolean {
    const key = c.loaded!.key[i]!;
    return key !== NO_KEY && c.track.keyOf[key] === DROPPED;
  }

  /** The port that all files' next rows are of, when each holds one key and nothing is to be left out; −1 otherwise. */
  #alikePort(): number {
    if (this.#alike === undefined) {
      const ports = new Set<number>();
      let ok = this.#cursors.length > 1;
      for (const c of this.#cursors) {
        if (c.track.hasDropped || c.track.lateRows.length > 0) ok = false;
        if (!ok || c.t === Number.POSITIVE_INFINITY) continue;
        c.loaded ??= c.track.load(c.segment, c.arena);
        const { one } = c.loaded;
        if (one === null || one.key === NO_KEY) ok = false;
        else ports.add(one.port);
      }
      const [port] = ports;
      this.#alike = ok && ports.size === 1 && canInterleave(port!) ? port! : -1;
      this.#interleaved = undefined;
    }
    return this.#alike;
  }

  /** Takes rows of all files in order until the block is full or a segment ends: first the order, then column by column. */
  #interleave(port: number): void {
    const cursors = this.#cursors;
    this.#interleaved ??= new Interleaved(
      cursors.map((c) => (c.t === Number.POSITIVE_INFINITY ? null : { t: c.loaded!.t, i: c.i })),
    );
    const order = this.#interleaved;
    this.#out.takeInOrder(port, cursors, order);
    for (let k = 0; k < cursors.length; k++) {
      const count = order.count(k);
      if (count > 0) this.#advance(cursors[k]!, count);
    }
  }

  #advance(c: Cursor, run: number): void {
    const s = c.loaded!;
    const to = c.i + (run === 0 ? 1 : run);
    if (s.one !== null) c.portRow[s.one.port]! += to - c.i;
    else for (let i = c.i; i < to; i++) c.portRow[s.port[i]!]!++;
    if (c.track.lateRows[c.nextLate] === c.first + c.i) c.nextLate++;
    c.i = to;
    if (to === s.n) this.#openNext(c);
    else c.t = s.t[to]!;
  }
}
