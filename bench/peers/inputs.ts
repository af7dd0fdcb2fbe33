import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, environment, lastLines, PEERS } from './environment.ts';

export interface InputFile {
  file: string;
  rows: number;
  sha256: string;
}

/** The files of an input, generated once and then kept: the same bytes for every engine and every later run. */
export function inputFiles(name: string): InputFile[] {
  const dir = join(cacheFolder(), 'inputs');
  const generator = join(PEERS, 'generate.py');
  const by = createHash('sha256').update(readFileSync(generator)).digest('hex').slice(0, 8);
  const list = join(dir, `${name}-${by}.json`);
  if (existsSync(list)) {
    const files = JSON.parse(readFileSync(list, 'utf8')) as InputFile[];
    if (files.every((f) => existsSync(f.file) && hashOf(f.file) === f.sha256)) return files;
  }
  process.stderr.write(`generating ${name} …\n`);
  const env = environment('inputs');
  if ('failed' in env) throw new Error(`the environment that generates inputs cannot be made: ${env.failed}`);
  const r = spawnSync(env.python, [generator, dir, name], { encoding: 'utf8' });
  if (r.status !== 0) throw new Error(`generate.py ${name}: ${lastLines(r.stderr)}`);
  const files = (JSON.parse(r.stdout) as Record<string, InputFile[]>)[name]!;
  writeFileSync(list, JSON.stringify(files));
  return files;
}
const hashOf = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');
