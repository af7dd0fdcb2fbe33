import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Checkpoint } from '../../../graph/checkpoint/store.ts';
import type { Commit } from '../../../graph/runner/read-checkpoint.ts';
import { commitOf } from '../../../graph/runner/read-checkpoint.ts';

/** An older checkpoint, without its states. */
export interface Rung {
  readonly epoch: number;
  /** Hash of its graph, and how many changes of graphs lie before it. */
  readonly graph: string;
  readonly reloads: number;
  /** Engine time, µs. */
  readonly now: number;
  readonly cycles: number;
  readonly events: number;
  readonly offsets: Readonly<Record<string, number>>;
  readonly bytes: number;
  /** The last one of its graph: holds the states of nodes that went with it. */
  readonly last: boolean;
}
export interface LadderOptions {
  /** Least distance of two rungs in engine time, µs; default 10 s. */
  gapUs?: number;
  /** Bytes of all rungs together; default 256 MB. */
  maxBytes?: number;
}

const FOLDER = 'ladder';
const NAME = /^(\d{12})\.checkpoint$/;
/** Distance of neighbours over the age of what lies between: a question that far back runs this part of its age again. */
const RATIO = 1 / 8;
/** Last checkpoints of graphs that are kept whatever their age. */
const MOST_LAST = 32;

/**
 * Which rungs to give up: of three neighbours the middle one goes when the outer two are closer together than an eighth of their age,
 * so a run of any length keeps a number of rungs that grows with its logarithm. The first and the newest stay.
 */
export function thin(rungs: readonly Rung[], options: Required<LadderOptions>): Rung[] {
  const dropped: Rung[] = [];
  const kept = [...rungs];
  const drop = (i: number) => dropped.push(...kept.splice(i, 1));
  const newest = kept.at(-1)?.now ?? 0;
  const lasts = kept.filter((r) => r.last).slice(-MOST_LAST);
  const pinned = (r: Rung) => lasts.includes(r);
  for (let i = 1; i < kept.length - 1; ) {
    const span = kept[i + 1]!.now - kept[i - 1]!.now;
    const age = newest - kept[i + 1]!.now;
    if (!pinned(kept[i]!) && span <= Math.max(options.gapUs, age * RATIO)) drop(i);
    else i++;
  }
  // Too large all the same: every second one from the oldest on, until it fits.
  const bytes = () => kept.reduce((n, r) => n + r.bytes, 0);
  for (let i = 0; bytes() > options.maxBytes && kept.length > 2; ) {
    if (i >= kept.length - 1) i = 0;
    drop(i++);
  }
  return dropped;
}

/** Older checkpoints of a run as files in its state folder. Losing them loses nothing but speed of looking back. */
export class Ladder {
  readonly #dir: string;
  readonly #options: Required<LadderOptions>;
  #rungs: Rung[] = [];

  private constructor(dir: string, options: LadderOptions) {
    this.#dir = dir;
    this.#options = { gapUs: 10_000_000, maxBytes: 256 * 2 ** 20, ...options };
    this.refresh();
  }
  /** @param epoch commit that the run goes on from: what is behind it comes again */
  static open(state: string, epoch = Number.MAX_SAFE_INTEGER, options: LadderOptions = {}): Ladder {
    const dir = join(state, FOLDER);
    mkdirSync(dir, { recursive: true });
    const ladder = new Ladder(dir, options);
    for (const r of ladder.#rungs.filter((r) => r.epoch > epoch)) ladder.#drop(r);
    return ladder;
  }

  /** In order of epochs. */
  get rungs(): readonly Rung[] {
    return this.#rungs;
  }
  /** Looks for what a living run has kept and given up since. */
  refresh(): void {
    const known = new Map(this.#rungs.map((r) => [fileOf(r), r]));
    this.#rungs = readdirSync(this.#dir)
      .filter((name) => NAME.test(name))
      .sort()
      .flatMap((name) => known.get(name) ?? readHead(join(this.#dir, name)) ?? []);
  }
  /** After each commit; most commits are not kept. */
  keep(c: Checkpoint, commit: Commit, last: boolean): void {
    const newest = this.#rungs.at(-1);
    if (!last && newest && c.now - newest.now < this.#options.gapUs) return;
    const rung: Rung = {
      epoch: c.epoch,
      graph: c.graph,
      reloads: commit.reloads,
      now: c.now,
      cycles: commit.snapshot.cycles,
      events: commit.events,
      offsets: c.offsets,
      bytes: c.blob.length,
      last,
    };
    const head = Buffer.from(JSON.stringify(rung));
    const size = Buffer.alloc(4);
    size.writeUInt32LE(head.length);
    const path = this.#path(rung);
    try {
      writeFileSync(`${path}.new`, Buffer.concat([size, head, c.blob]));
      renameSync(`${path}.new`, path);
    } catch {
      // A full disk must not end a run that can do without.
      rmSync(`${path}.new`, { force: true });
      return;
    }
    this.#rungs.push(rung);
    for (const r of thin(this.#rungs, this.#options)) this.#drop(r);
  }
  /** @returns undefined when it is damaged or has just been given up */
  load(rung: Rung): Commit | undefined {
    try {
      const bytes = readFileSync(this.#path(rung));
      const blob = bytes.subarray(4 + bytes.readUInt32LE(0));
      return commitOf({
        pipeline: '',
        graph: rung.graph,
        epoch: rung.epoch,
        now: rung.now,
        offsets: rung.offsets,
        blob,
      });
    } catch {
      return undefined;
    }
  }

  #path(rung: Rung): string {
    return join(this.#dir, fileOf(rung));
  }
  #drop(rung: Rung): void {
    rmSync(this.#path(rung), { force: true });
    this.#rungs = this.#rungs.filter((r) => r !== rung);
  }
}

const fileOf = ({ epoch }: Rung): string => `${String(epoch).padStart(12, '0')}.checkpoint`;
/** Heads are a few hundred bytes. */
const MOST_HEAD = 16_384;
function readHead(path: string): Rung | undefined {
  try {
    const fd = openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(MOST_HEAD);
      const n = readSync(fd, bytes, 0, MOST_HEAD, 0);
      return JSON.parse(bytes.subarray(4, Math.min(n, 4 + bytes.readUInt32LE(0))).toString()) as Rung;
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}
