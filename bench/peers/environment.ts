import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Everything that peers need lies here: virtual environments, generated inputs. Nothing of it is in the repository. */
export const cacheFolder = (): string =>
  process.env['CHIMERA_CACHE']
    ? resolve(process.env['CHIMERA_CACHE'], 'peers')
    : join(homedir(), '.cache/chimera/peers');

export const PEERS = resolve('bench/peers');

/**
 * The Python of a virtual environment that holds exactly what `locks/NAME.txt` says (versions and hashes); made when it is
 * not there, once per lock file. @returns its path, or why there is none
 */
export function environment(name: string): { python: string } | { failed: string } {
  const known = made.get(name) ?? make(name);
  made.set(name, known);
  return known;
}
const made = new Map<string, { python: string } | { failed: string }>();

function make(name: string): { python: string } | { failed: string } {
  const lock = join(PEERS, 'locks', `${name}.txt`);
  const hash = createHash('sha256').update(readFileSync(lock)).digest('hex').slice(0, 12);
  const dir = join(cacheFolder(), 'env', `${name}-${hash}`);
  const python = join(dir, 'bin/python');
  const done = join(dir, '.installed');
  if (existsSync(done)) return { python };
  process.stderr.write(`installing ${name} …\n`);
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const steps: [string, string[]][] = [
    [process.env['CHIMERA_PYTHON'] ?? 'python3', ['-m', 'venv', dir]],
    [
      python,
      ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '--require-hashes', '-r', lock],
    ],
  ];
  for (const [command, args] of steps) {
    const r = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
    if (r.status !== 0) return { failed: lastLines(r.stderr || String(r.error ?? '')) };
  }
  writeFileSync(done, '');
  return { python };
}

export const lastLines = (text: string, n = 4): string => text.trim().split('\n').slice(-n).join(' / ').slice(0, 600);
