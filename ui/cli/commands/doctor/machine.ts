import { existsSync, mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { cpus, freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import { registry } from '../../registry.ts';
import { home, version } from '../../version.ts';
import { type Check, failure, good } from './check.ts';

const GIB = 2 ** 30;
const NODE = [20, 19] as const;

/** This machine and this installation, by what every run needs. */
export async function machineChecks(dir: string): Promise<Check[]> {
  return [nodeVersion(), built(), memory(), ...folderChecks(dir), types(), await duckdb(), await libsql()];
}

function nodeVersion(): Check {
  const { node } = process.versions;
  const [major, minor] = node.split('.').map(Number) as [number, number];
  const found = `${node} on ${process.platform} ${process.arch}, ${cpus().length} cores`;
  if (major > NODE[0] || (major === NODE[0] && minor >= NODE[1])) return good('node', found);
  return failure('node', 'CHM980', found, `install Node ${NODE.join('.')} or newer`);
}
function built(): Check {
  const file = join(home(), 'dist', 'ui', 'cli', 'main.js');
  if (existsSync(file)) return good('build', `chimera ${version()}`);
  return failure('build', 'CHM985', 'dist is missing', 'run `npm ci`, or `npm run build`');
}
function memory(): Check {
  const found = `${(freemem() / GIB).toFixed(1)} of ${(totalmem() / GIB).toFixed(1)} GiB free`;
  if (totalmem() >= 1.5 * GIB) return good('memory', found);
  const help = 'runs need up to 500 MiB, queries over a lake more: 2 GiB are comfortable';
  return failure('memory', 'CHM985', found, help);
}
function types(): Check {
  const n = registry.names.length;
  if (n > 0) return good('node types', `${n} registered`);
  return failure('node types', 'CHM985', 'none', 'the installation is incomplete: run `npm ci` again');
}

/** A folder that will be written to: `write` tries it, `disk` looks at the room that it has. */
export function folderChecks(dir: string, label = ''): Check[] {
  const name = (of: string): string => (label === '' ? of : `${label} ${of}`);
  return [disk(dir, name('disk')), writable(dir, name('write'))];
}
function disk(dir: string, name: string): Check {
  try {
    const s = statfsSync(dir);
    const free = s.bavail * s.bsize;
    const found = `${(free / GIB).toFixed(1)} GiB free`;
    return free >= GIB ? good(name, found) : failure(name, 'CHM982', found, `free at least 1 GiB where ${dir} lies`);
  } catch (e) {
    return failure(name, 'CHM982', (e as Error).message, 'name an existing folder');
  }
}
function writable(dir: string, name: string): Check {
  try {
    const probe = mkdtempSync(join(dir, '.chimera-'));
    writeFileSync(join(probe, 'probe'), 'x');
    rmSync(probe, { recursive: true });
    return good(name, `${dir} is writable`);
  } catch (e) {
    return failure(name, 'CHM982', (e as Error).message, 'make the folder writable, or name another');
  }
}
/** A folder that a run makes itself when it is not there. */
export function stateChecks(dir: string): Check[] {
  try {
    mkdirSync(dir, { recursive: true });
  } catch (e) {
    return [failure('state write', 'CHM982', (e as Error).message, 'name a folder that can be made, with --state')];
  }
  return folderChecks(dir, 'state');
}

const duckdb = (): Promise<Check> =>
  loads('duckdb', async () => {
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const db = await DuckDBInstance.create(':memory:');
    const c = await db.connect();
    const rows = await (await c.runAndReadAll('SELECT version()')).getRows();
    c.closeSync();
    return String(rows[0]?.[0]);
  });
const libsql = (): Promise<Check> =>
  loads('libsql', async () => {
    const { default: Database } = await import('libsql');
    const db = new Database(':memory:');
    const row = db.prepare('SELECT sqlite_version() AS v').get() as { v: string };
    db.close();
    return `SQLite ${row.v}`;
  });
async function loads(name: string, probe: () => Promise<string>): Promise<Check> {
  try {
    return good(name, await probe());
  } catch (e) {
    const help = `the native package did not load: run \`npm ci\` on this machine (${process.platform} ${process.arch})`;
    return failure(name, 'CHM981', (e as Error).message.split('\n')[0]!, help);
  }
}
