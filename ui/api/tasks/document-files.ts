import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bound } from '../ports.ts';

export interface DocumentFiles {
  /** Private to this user. */
  readonly dir: string;
  /** Path of each document, in order. */
  readonly files: readonly string[];
  /** `--profile` and `--set`, as the run is bound. */
  readonly options: readonly string[];
}

/** Documents as files for a process that reads them, with what they are bound to; they are gone when the work is done. */
export async function withDocuments<T>(
  yamls: readonly string[],
  bound: Bound,
  work: (files: DocumentFiles) => Promise<T>,
): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'chimera-work-'));
  try {
    const write = (name: string, text: string): string => {
      const path = join(dir, name);
      writeFileSync(path, text, { mode: 0o600 });
      return path;
    };
    const files = yamls.map((yaml, i) => write(`document-${i + 1}.yaml`, yaml));
    const profile = bound.profile && ['--profile', write('profile.yaml', bound.profile.text)];
    const sets = Object.entries(bound.sets ?? {}).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
    return await work({ dir, files, options: [...(profile ?? []), ...sets] });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
