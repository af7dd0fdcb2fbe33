import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { home } from '../../cli/version.ts';
import type { Bound, Kept } from '../ports.ts';
import { withDocuments } from './document-files.ts';
import { chimeraJson } from './run-child.ts';

/** The same parameters, and the profile of replays instead of the one of the exchange: nothing that is computed so reaches a venue. */
export function replayBound({ bound: { file, sets } }: Kept): Bound {
  const dir = join(home(), 'pipelines', 'profiles');
  // A pipeline of another market has profiles of its own.
  const own = join(dir, basename(file).replace(/\.ya?ml$/, ''), 'replay.yaml');
  const path = existsSync(own) ? own : join(dir, 'replay.yaml');
  const profile = { file: path, text: readFileSync(path, 'utf8') };
  return { file, profile, ...(sets ? { sets } : {}) };
}

/** What a run has heard up to its newest commit, as a lake that is gone when the work is done. */
export async function withPastLake<T>(
  { yaml, bound, state, capture }: Kept,
  signal: AbortSignal | undefined,
  work: (lake: string) => Promise<T>,
): Promise<T> {
  const lake = mkdtempSync(join(tmpdir(), 'chimera-work-lake-'));
  try {
    await withDocuments([yaml], bound, ({ dir, files, options }) =>
      chimeraJson({
        args: [
          ...['lake', 'take', ...files, ...options, '--state', state, '--out', lake],
          ...(capture === undefined ? [] : ['--capture', capture]),
        ],
        signal,
        hide: dir,
      }),
    );
    return await work(lake);
  } finally {
    rmSync(lake, { recursive: true, force: true });
  }
}
