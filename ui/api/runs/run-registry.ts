import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { RunHandle, RunList } from '../ports.ts';
import { PastRun } from './past-run.ts';
import { readRunFile, runFileTime } from './run-folder.ts';

/** The runs of this process, and those whose folders lie under the home. */
export class RunRegistry implements RunList {
  readonly #home: string | undefined;
  readonly #own = new Map<string, RunHandle>();
  readonly #past = new Map<string, { time: number; run: PastRun }>();
  constructor(home: string | undefined) {
    this.#home = home;
  }
  add(run: RunHandle): void {
    this.#own.set(run.id, run);
  }
  list(): RunHandle[] {
    const names = this.#home !== undefined && existsSync(this.#home) ? readdirSync(this.#home) : [];
    const past = names.flatMap((n) => (this.#own.has(n) ? [] : (this.#read(n) ?? [])));
    return [...this.#own.values(), ...past];
  }
  get(id: string): RunHandle | undefined {
    return this.#own.get(id) ?? this.#read(id);
  }
  async close(): Promise<void> {
    for (const { run } of this.#past.values()) await run.close();
    this.#past.clear();
  }
  #read(name: string): PastRun | undefined {
    // The name comes from an address: it is one of the home's folders, and no way to elsewhere.
    if (this.#home === undefined || !FOLDER.test(name) || name.includes('..')) return undefined;
    const dir = join(this.#home, name);
    const time = runFileTime(dir);
    const known = this.#past.get(name);
    if (known && known.time === time) return known.run;
    const file = time === 0 ? undefined : readRunFile(dir);
    if (!file) return undefined;
    void known?.run.close();
    const run = new PastRun(name, file);
    this.#past.set(name, { time, run });
    return run;
  }
}
const FOLDER = /^[\w][\w.:@+-]{0,199}$/;
