import { accessSync, constants, existsSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { cpus, freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { action, describe } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../io.ts';
import { registry } from '../registry.ts';
import { table } from '../table.ts';
import { home, version } from '../version.ts';

interface Check {
  name: string;
  ok: boolean;
  /** What was found. */
  found: string;
  help: string;
}
const GIB = 2 ** 30;

export function doctor(program: Command, context: Context): void {
  const command = program
    .command('doctor')
    .summary('check this machine and this installation')
    .description('Checks what Chimera needs: Node, memory, disk, native packages, and on request a lake and a Redis.')
    .option('--lake <dir>', 'check that this lake can be read')
    .option('--redis <url>', 'check that this Redis answers (redis://HOST:PORT)')
    .option('--dir <dir>', 'folder that will be written to', '.');
  describe(command, ['doctor', 'doctor --lake lake --redis redis://127.0.0.1:6379']).action(
    action(context, async (o: { lake?: string; redis?: string; dir: string }) => {
      const checks = [nodeVersion(), built(), memory(), disk(o.dir), writable(o.dir), types()];
      checks.push(
        await loads('duckdb', async () => {
          const { DuckDBInstance } = await import('@duckdb/node-api');
          const db = await DuckDBInstance.create(':memory:');
          const c = await db.connect();
          const rows = await (await c.runAndReadAll('SELECT version()')).getRows();
          c.closeSync();
          return String(rows[0]?.[0]);
        }),
      );
      checks.push(
        await loads('libsql', async () => {
          const { default: Database } = await import('libsql');
          const db = new Database(':memory:');
          const row = db.prepare('SELECT sqlite_version() AS v').get() as { v: string };
          db.close();
          return `SQLite ${row.v}`;
        }),
      );
      if (o.lake !== undefined) checks.push(await lakeReadable(o.lake));
      if (o.redis !== undefined) checks.push(await redisAnswers(o.redis));
      const ok = checks.every((c) => c.ok);
      context.result({ ok, version: version(), checks }, () =>
        [
          table(
            checks.map((c) => [
              c.ok ? context.paint('stdout', 'green', 'ok  ') : context.paint('stdout', 'red', 'FAIL'),
              c.name,
              c.found,
            ]),
          ),
          ...checks.filter((c) => !c.ok).map((c) => `\n${c.name}: ${c.help}`),
          '',
          ok ? 'everything is there' : 'something is missing',
        ].join('\n'),
      );
      return ok ? EXIT.ok : EXIT.differs;
    }),
  );
}

function nodeVersion(): Check {
  const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
  return {
    name: 'node',
    ok: major > 20 || (major === 20 && minor >= 19),
    found: `${process.versions.node} on ${process.platform} ${process.arch}, ${cpus().length} cores`,
    help: 'install Node 20.19 or newer',
  };
}
function built(): Check {
  const file = join(home(), 'dist', 'ui', 'cli', 'main.js');
  return {
    name: 'build',
    ok: existsSync(file),
    found: existsSync(file) ? `chimera ${version()}` : 'dist is missing',
    help: 'run `npm ci`, or `npm run build`',
  };
}
function memory(): Check {
  return {
    name: 'memory',
    ok: totalmem() >= 1.5 * GIB,
    found: `${(freemem() / GIB).toFixed(1)} of ${(totalmem() / GIB).toFixed(1)} GiB free`,
    help: 'runs need up to 500 MiB, queries over a lake more: 2 GiB are comfortable',
  };
}
function disk(dir: string): Check {
  try {
    const s = statfsSync(dir);
    const free = s.bavail * s.bsize;
    return {
      name: 'disk',
      ok: free >= GIB,
      found: `${(free / GIB).toFixed(1)} GiB free`,
      help: `free at least 1 GiB where ${dir} lies`,
    };
  } catch (e) {
    return { name: 'disk', ok: false, found: (e as Error).message, help: 'name an existing folder with --dir' };
  }
}
function writable(dir: string): Check {
  try {
    const probe = mkdtempSync(join(dir, '.chimera-'));
    writeFileSync(join(probe, 'probe'), 'x');
    rmSync(probe, { recursive: true });
    return { name: 'write', ok: true, found: `${dir} is writable`, help: '' };
  } catch (e) {
    return {
      name: 'write',
      ok: false,
      found: (e as Error).message,
      help: 'make the folder writable, or name another with --dir',
    };
  }
}
function types(): Check {
  const n = registry.names.length;
  return {
    name: 'node types',
    ok: n > 0,
    found: `${n} registered`,
    help: 'the installation is incomplete: run `npm ci` again',
  };
}
async function loads(name: string, probe: () => Promise<string>): Promise<Check> {
  try {
    return { name, ok: true, found: await probe(), help: '' };
  } catch (e) {
    return {
      name,
      ok: false,
      found: (e as Error).message.split('\n')[0]!,
      help: `the native package did not load: run \`npm ci\` on this machine (${process.platform} ${process.arch})`,
    };
  }
}
async function lakeReadable(dir: string): Promise<Check> {
  try {
    accessSync(dir, constants.R_OK);
    const { listLake } = await import('../../../lake/inspect.ts');
    const found = await listLake(dir);
    return {
      name: 'lake',
      ok: true,
      found: `${found.datasets.length} datasets, ${found.datasets.reduce((a, d) => a + d.rows, 0)} rows`,
      help: '',
    };
  } catch (e) {
    return {
      name: 'lake',
      ok: false,
      found: (e as Error).message,
      help: 'name a folder that `chimera lake import` or a capture has written',
    };
  }
}
/** One PING, by hand: no client library is needed to ask whether somebody answers. */
function redisAnswers(url: string): Promise<Check> {
  const help = 'start a Redis there, or name another with --redis redis://HOST:PORT';
  let at: URL;
  try {
    at = new URL(url);
  } catch {
    return Promise.resolve({ name: 'redis', ok: false, found: `${url} is not an address`, help });
  }
  return new Promise((done) => {
    const socket = connect({ host: at.hostname, port: Number(at.port || 6379) });
    const end = (ok: boolean, found: string) => {
      socket.destroy();
      done({ name: 'redis', ok, found, help });
    };
    socket.setTimeout(2000, () => end(false, `${at.host} does not answer`));
    socket.once('error', (e) => end(false, e.message));
    socket.once('connect', () => socket.write('PING\r\n'));
    // A server that wants a password answers, too.
    socket.once('data', (d) => end(/^\+PONG|^-NOAUTH/.test(d.toString()), `${at.host} answers`));
  });
}
