import type { DeadLetterReason, GivenBack, PutAside } from '../bus/bus.ts';
import type { DecodedBatch } from './batch.ts';
import { type InPart, InStream, type Range, type Unread } from './in-part.ts';

/** Records of an entry that was put aside, given back: their cycles are run from engine time `t` on, a microsecond apart. */
export interface Replay extends Range {
  readonly stream: string;
  readonly entry: string;
  /** The payload holds the cycles prev+1…last. */
  readonly prev: number;
  readonly t: number;
  readonly payload: Uint8Array;
}
/**
 * What a part has decided about entries that it could not read. Decisions are numbered from 1, and are in its commits before anything
 * depends on them: no later life decides otherwise.
 */
export type Decision =
  | { readonly n: number; readonly skip: Range & { readonly stream: string } }
  | { readonly n: number; readonly replay: Replay; readonly given: string }
  | { readonly n: number; readonly refused: string; readonly given: string };

/** Where decisions are kept outside the bus as well, for the day when it comes back empty. */
export interface DecisionLog {
  load(): Promise<readonly Decision[]>;
  /** Returns when they are on the disk. */
  append(decisions: readonly Decision[]): Promise<void>;
}

/** What a commit says about it. */
export interface PoisonState {
  /** Number of the last decision. */
  readonly decided: number;
  /** Cycles that are left out and have not been come to. */
  readonly skips: readonly (Range & { readonly stream: string })[];
  /** Not run to their end: `at` is the last cycle that was. */
  readonly replays: readonly (Replay & { readonly at: number })[];
  /** Dead letters that may not be on the bus yet. */
  readonly letters: readonly PutAside[];
  /** Decisions that may be in this commit alone. */
  readonly fresh: readonly Decision[];
  /** Streams with dead letters → the last one that was given back and taken. */
  readonly given: Readonly<Record<string, string>>;
}

interface Lane {
  readonly replay: Replay;
  readonly stream: InStream;
}

/** What becomes of entries that a part cannot read, under the policy `dead_letter`. */
export class Poison {
  /** What was given back, as if it were streams of one more part. */
  readonly lanes: { readonly streams: InStream[] } = { streams: [] };
  readonly #part: string;
  readonly #parts: readonly InPart[];
  readonly #declarations: readonly number[];
  #lanes: Lane[] = [];
  #letters: PutAside[] = [];
  #skips: (Range & { stream: string })[] = [];
  #given: Record<string, string> = {};
  #decided = 0;
  #fresh: readonly Decision[] = [];
  /** Replays whose streams are not known yet. */
  #waiting: (Replay & { at: number })[] = [];

  constructor(part: string, parts: readonly InPart[], declarations: readonly number[]) {
    this.#part = part;
    this.#parts = parts;
    this.#declarations = declarations;
  }

  /** Goes on from a commit, and from what was decided after it. */
  restore(state: PoisonState | undefined, later: readonly Decision[]): void {
    this.#decided = state?.decided ?? 0;
    this.#skips = [...(state?.skips ?? [])];
    this.#letters = [...(state?.letters ?? [])];
    this.#given = { ...state?.given };
    this.#waiting = [...(state?.replays ?? [])];
    this.#fresh = state?.fresh ?? [];
    for (const d of later) {
      if (d.n <= this.#decided) continue;
      this.#decided = d.n;
      if ('skip' in d) this.#skips.push(d.skip);
      else {
        const stream = 'replay' in d ? d.replay.stream : d.refused;
        if (d.given > (this.#given[stream] ?? '')) this.#given[stream] = d.given;
        if ('replay' in d) this.#waiting.push({ ...d.replay, at: d.replay.after });
      }
    }
    for (const { stream } of this.#skips) this.#given[stream] ??= '';
    this.settle();
  }
  /** Tells streams that have appeared what was decided about them. */
  settle(): void {
    for (const p of this.#parts)
      for (const s of p.streams) {
        if (s.skips.length > 0) continue;
        s.skips = this.#skips.filter(({ stream, last }) => stream === s.name && last > s.position);
        s.pass();
      }
    this.#waiting = this.#waiting.filter((r) => !this.#open(r));
  }

  /** Something arrived that cannot be read, and nobody has decided about it. */
  get undecided(): boolean {
    return this.#parts.some((p) => p.unread.length > 0 || p.streams.some((s) => s.unread.length > 0));
  }
  /** Parts whose frontier waits for such a decision. */
  get blocked(): InPart[] {
    return this.#parts.filter((p) => p.streams.some((s) => s.unread.length > 0));
  }
  /** Leaves out all that cannot be read. @returns the decisions, which count once they are committed; letters are made of them */
  leaveOut(): Decision[] {
    const made: Decision[] = [];
    for (const p of this.#parts) {
      // A message of a control stream holds no records: nothing depends on it.
      for (const u of p.unread.splice(0)) this.#letter(p.control, 'control', u);
      for (const s of p.streams)
        for (const u of [...s.unread]) {
          const schema = s.family.schemas.map((of) => `${of.name}@${of.version}`).join(' ');
          this.#letter(s.name, schema, u);
          const skip = { stream: s.name, after: u.after, last: u.last };
          this.#skips.push(skip);
          s.skip(skip);
          made.push({ n: ++this.#decided, skip });
        }
    }
    return made;
  }
  #letter(stream: string, schema: string, u: Unread): void {
    const entry = `${u.last}-0`;
    const { reason, error, prev, after, last, payload } = u;
    const mark = `${after}-${last}`;
    this.#letters.push({
      stream,
      entry,
      reason,
      error,
      prev,
      after,
      last,
      part: this.#part,
      schema,
      mark,
      ...(payload ? { payload } : {}),
    });
    this.#given[stream] ??= '';
  }

  /** Streams with dead letters, which may be given back. */
  get expected(): { stream: string; after: string }[] {
    return Object.entries(this.#given).map(([stream, after]) => ({ stream, after }));
  }
  /**
   * Takes what was given back, behind everything that is certain.
   * @param afterUs engine time that other parts may have heard of; undefined: the run has ended, nothing can be run any more
   */
  takeBack(given: readonly GivenBack[], afterUs: number | undefined): Decision[] {
    const made: Decision[] = [];
    let t = Math.max(afterUs ?? 0, ...this.#lanes.map(({ replay: r }) => r.t + r.last - r.after)) + 1;
    for (const { id, stream, entry, prev, after, last, payload } of given) {
      this.#given[stream] = id;
      const replay: Replay = { stream, entry, prev, after, last, payload: Uint8Array.from(payload), t };
      const refused =
        afterUs === undefined ? { reason: 'late' as const, error: 'the run had ended' } : this.#try(replay);
      if (refused === undefined) {
        t += last - after;
        made.push({ n: ++this.#decided, replay, given: id });
      } else {
        this.#again(replay, refused, id);
        made.push({ n: ++this.#decided, refused: stream, given: id });
      }
    }
    return made;
  }
  #try(replay: Replay): { reason: DeadLetterReason; error: string } | undefined {
    try {
      if (this.#open({ ...replay, at: replay.after })) return undefined;
      return { reason: 'failed', error: 'the part does not read this stream' };
    } catch (e) {
      const { reason, code = '', message } = e as { reason?: DeadLetterReason; code?: string; message: string };
      return { reason: reason ?? 'undecodable', error: `${code} ${message}`.trim() };
    }
  }
  /** Makes a lane of it. @returns whether its stream is known */
  #open(replay: Replay & { at: number }): boolean {
    const of = this.#parts.flatMap((p) => p.streams).find((s) => s.name === replay.stream);
    if (!of) return false;
    const lane = new InStream(replay.stream, of.family, of.key, replay.at, this.#declarations);
    lane.give(replay.prev, replay.last, replay.payload, (batch) => movedTo(batch, replay));
    this.#lanes.push({ replay, stream: lane });
    this.lanes.streams.push(lane);
    return true;
  }
  #again(
    { stream, entry, prev, after, last, payload }: Replay,
    why: { reason: DeadLetterReason; error: string },
    id: string,
  ): void {
    const mark = `given ${id}`;
    this.#letters.push({ stream, entry, ...why, prev, after, last, part: this.#part, schema: '', mark, payload });
  }
  /** The run has ended: what was given back and has not been run is put aside once more. */
  end(): void {
    for (const { replay, stream } of this.#lanes)
      if (stream.position < replay.last)
        this.#again(
          { ...replay, after: stream.position },
          { reason: 'late', error: 'the run ended before it' },
          `${replay.t} ${stream.position}`,
        );
    this.#lanes = [];
    this.lanes.streams.length = 0;
  }

  /** For commits. Forgets what is over. */
  state(): PoisonState | undefined {
    const position = new Map(this.#parts.flatMap((p) => p.streams.map((s) => [s.name, s.position] as const)));
    this.#skips = this.#skips.filter((s) => s.last > (position.get(s.stream) ?? 0));
    this.#lanes = this.#lanes.filter(({ replay, stream }) => stream.position < replay.last);
    this.lanes.streams.splice(0, Number.POSITIVE_INFINITY, ...this.#lanes.map((l) => l.stream));
    if (this.#decided === 0 && this.#letters.length === 0) return undefined;
    return {
      decided: this.#decided,
      skips: this.#skips,
      replays: [...this.#lanes.map(({ replay, stream }) => ({ ...replay, at: stream.position })), ...this.#waiting],
      letters: this.#letters,
      fresh: this.#fresh,
      given: this.#given,
    };
  }
  /** Made since they were last known to be wherever they have to be. */
  get fresh(): readonly Decision[] {
    return this.#fresh;
  }
  set fresh(decisions: readonly Decision[]) {
    this.#fresh = decisions;
  }
  get letters(): readonly PutAside[] {
    return this.#letters;
  }
  /** These letters are on the bus. */
  sent(letters: readonly PutAside[]): void {
    this.#letters = this.#letters.filter((l) => !letters.includes(l));
  }
}

/** The cycles of an entry at other times: the one behind `after` at `t`, the next a microsecond later. */
function movedTo(batch: DecodedBatch, { prev, after, t }: Replay): DecodedBatch {
  const first = after - prev;
  const times = Float64Array.from(batch.t, (_, i) => t + i - first);
  const stamps = new Map([...batch.stamps].map(([cycle, s]) => [cycle, { ...s, t: times[cycle]! }]));
  return { ...batch, t: times, stamps };
}
