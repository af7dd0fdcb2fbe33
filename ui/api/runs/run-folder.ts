import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';
import type { Graph, Run } from '../contract/records.ts';
import type { Bound, RuleNode } from '../ports.ts';

/** What a run leaves in its folder under the home, as `run.json`: paths are relative to it. */
export interface RunFile {
  readonly chimera_run: 1;
  readonly run: Run;
  readonly graph: Graph;
  readonly rules: readonly RuleNode[];
  readonly bound: Bound;
  /** Folder with journals, checkpoints and the embedded store of documents. */
  readonly state?: string;
  /** Lake that the run captured: a folder, or an address. */
  readonly capture?: string;
  /** Report without its extension. */
  readonly report?: string;
  /** Decisions and bars. */
  readonly observed?: string;
}
const NAME = 'run.json';

export function writeRunFile(dir: string, file: RunFile): void {
  mkdirSync(dir, { recursive: true });
  const kept: RunFile = {
    ...file,
    ...(file.state === undefined ? {} : { state: within(dir, file.state) }),
    ...(file.capture === undefined ? {} : { capture: lakeWithin(dir, file.capture) }),
    ...(file.report === undefined ? {} : { report: within(dir, file.report) }),
    ...(file.observed === undefined ? {} : { observed: within(dir, file.observed) }),
  };
  const path = join(dir, NAME);
  // Whole or not there: the page may read it at any time.
  writeFileSync(`${path}.new`, `${JSON.stringify(kept)}\n`);
  renameSync(`${path}.new`, path);
}
/** A path as the folder knows it: its own files move with it, others stay where they are. */
function within(dir: string, path: string): string {
  const inside = relative(resolve(dir), resolve(path));
  return inside.startsWith('..') || isAbsolute(inside) ? resolve(path) : inside;
}

const isAddress = (lake: string): boolean => /^\w+:\/\//.test(lake);
const lakeWithin = (dir: string, lake: string): string => (isAddress(lake) ? lake : within(dir, lake));

/** The run of a folder; undefined when there is none, or it is none of ours. */
export function readRunFile(dir: string): RunFile | undefined {
  try {
    const file = JSON.parse(readFileSync(join(dir, NAME), 'utf8')) as RunFile;
    if (file.chimera_run !== 1) return undefined;
    const at = (path: string | undefined) => path !== undefined && { path: resolve(dir, path) };
    const [state, report, observed] = [at(file.state), at(file.report), at(file.observed)];
    const { capture } = file;
    return {
      ...file,
      ...(state ? { state: state.path } : {}),
      ...(capture === undefined ? {} : { capture: isAddress(capture) ? capture : resolve(dir, capture) }),
      ...(report ? { report: report.path } : {}),
      ...(observed ? { observed: observed.path } : {}),
    };
  } catch {
    return undefined;
  }
}
/** When the file was last written, to read it again only then; 0 = there is none. */
export function runFileTime(dir: string): number {
  const path = join(dir, NAME);
  return existsSync(path) ? statSync(path).mtimeMs : 0;
}
