import { rm } from 'node:fs/promises';
import type { Schema } from '../graph/schema/index.ts';
import {
  type Commit,
  commitBytes,
  commitPath,
  conflict,
  type FileEntry,
  fold,
  type LakeView,
  putCommit,
  readCommits,
  schemaId,
} from './manifest.ts';
import { schemaToJson } from './schema.ts';
import type { ObjectStorage } from './storage.ts';

export interface StagedRoll {
  staged: { local: string; entry: FileEntry }[];
  keys: Commit['keys'];
  schemas: readonly Schema[];
  through: { seq: number; t: number };
}

/**
 * Brings a writer's finished files into the lake. One roll = one commit, in this order: intent (which names will
 * appear), files to their Hive paths, manifest (put-if-absent; from here on they count), intent away. A crash anywhere
 * leaves either the manifest, or an intent from which the next start removes exactly those files.
 */
export class LakeCommitter {
  readonly writer: string;
  readonly #storage: ObjectStorage;
  /** This writer's commits so far: those of earlier runs, then ours. */
  readonly #commits: Commit[];
  #others: LakeView;
  #n: number;
  #staged = 0;
  #queue: StagedRoll[] = [];
  readonly throughSeq: number;
  readonly throughT: number;

  private constructor(storage: ObjectStorage, writer: string, view: LakeView, resume: boolean) {
    this.writer = writer;
    this.#storage = storage;
    this.#commits = view.commits.filter((c) => c.writer === writer);
    this.#others = view;
    const last = resume ? this.#commits.at(-1) : undefined;
    this.#n = last ? last.n + 1 : 0;
    this.throughSeq = last?.through_seq ?? -1;
    this.throughT = last?.through_t_us ?? Number.NEGATIVE_INFINITY;
  }

  static async open(storage: ObjectStorage, writer: string, resume: boolean): Promise<LakeCommitter> {
    await recoverIntents(storage, writer);
    return new LakeCommitter(storage, writer, fold(await readCommits(storage)), resume);
  }

  /** Running number of a staging file. */
  nextStaged(): number {
    return this.#staged++;
  }
  /** Whether another writer has claimed this path, now or before a compaction. */
  taken(path: string): boolean {
    return this.#others.commits.some((c) => c.writer !== this.writer && c.add.some((f) => f.path === path));
  }
  stage(roll: StagedRoll): void {
    this.#queue.push(roll);
  }
  /** All files that this writer's commits up to ours have added. */
  files(): FileEntry[] {
    return this.#commits
      .slice(0, this.#n)
      .flatMap((c) => c.add)
      .sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  async publish(): Promise<void> {
    for (let roll = this.#queue.shift(); roll; roll = this.#queue.shift()) await this.#commit(roll);
  }

  async #commit(roll: StagedRoll): Promise<void> {
    const schemas: Commit['schemas'] = {};
    for (const s of roll.schemas) schemas[schemaId(s.name, s.version)] = schemaToJson(s);
    const commit: Commit = {
      chimera_manifest: 1,
      writer: this.writer,
      n: this.#n,
      kind: 'append',
      through_seq: roll.through.seq,
      through_t_us: roll.through.t,
      keys: roll.keys,
      schemas,
      add: roll.staged.map((s) => s.entry).sort((a, b) => (a.path < b.path ? -1 : 1)),
      remove: [],
    };
    const before = this.#commits[this.#n];
    if (before) await this.#repeat(before, commit, roll);
    else {
      const intent = intentPath(this.writer, this.#n);
      await this.#storage.delete(intent);
      await this.#storage.putIfAbsent(intent, Buffer.from(JSON.stringify(commit.add.map((f) => f.path))));
      for (const s of roll.staged) await this.#storage.putFile(s.local, s.entry.path);
      await putCommit(this.#storage, commit);
      await this.#storage.delete(intent);
      this.#commits.push(commit);
    }
    this.#n++;
  }

  /** The commit is there from an earlier run: it must be the same. Files that were lost are put back, those compacted away stay away. */
  async #repeat(before: Commit, commit: Commit, roll: StagedRoll): Promise<void> {
    if (Buffer.compare(commitBytes(before), commitBytes(commit)) !== 0)
      throw conflict(this.writer, this.#storage.url(commitPath(this.writer, commit.n)));
    for (const s of roll.staged) {
      const gone = this.#others.removed.has(`${s.entry.path}@${s.entry.sha256}`);
      if (!gone && (await this.#storage.size(s.entry.path)) !== s.entry.bytes)
        await this.#storage.putFile(s.local, s.entry.path);
      else await rm(s.local, { force: true });
    }
  }

  /** After the last commit: a repeated run must not stop short of what the earlier one wrote. */
  async finish(): Promise<void> {
    if (this.#n < this.#commits.length)
      throw conflict(this.writer, this.#storage.url(commitPath(this.writer, this.#n)));
    await this.#storage.clearStaging(encodeURIComponent(this.writer));
  }
  async discard(): Promise<void> {
    this.#queue = [];
    await this.#storage.clearStaging(encodeURIComponent(this.writer));
  }
}

const intentPath = (writer: string, n: number): string => `_intent/${encodeURIComponent(writer)}/${n}.json`;

/** Undoes what a crash left between a writer's intent and its manifest, and clears its staging folder. */
export async function recoverIntents(storage: ObjectStorage, writer: string): Promise<string[]> {
  const orphans: string[] = [];
  const intents = await storage.list(`_intent/${encodeURIComponent(writer)}`);
  if (intents.length > 0) {
    const view = fold(await readCommits(storage));
    const live = new Set(view.files.map((f) => f.path));
    for (const name of intents) {
      for (const path of JSON.parse(Buffer.from(await storage.get(name)).toString('utf8')) as string[]) {
        if (live.has(path)) continue;
        await storage.delete(path);
        orphans.push(path);
      }
      await storage.delete(name);
    }
  }
  await storage.clearStaging(encodeURIComponent(writer));
  return orphans;
}
