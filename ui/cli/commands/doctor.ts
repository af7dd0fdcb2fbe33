import { connect } from 'node:net';
import type { Command } from 'commander';
import { action, describe } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../io.ts';
import { collect } from '../options.ts';
import { busUrl } from '../secrets.ts';
import { table } from '../table.ts';
import { version } from '../version.ts';
import { type Check, failure, good } from './doctor/check.ts';
import { machineChecks, stateChecks } from './doctor/machine.ts';

interface Options {
  bus?: string;
  prefix?: string;
  store?: string;
  lake?: string;
  state?: string;
  input?: string[];
  health?: string[];
  redis?: string;
  dir: string;
}

export function doctor(program: Command, context: Context): void {
  const command = program
    .command('doctor')
    .summary('check this machine, this installation, and what a run connects to')
    .description(
      'Checks what Chimera needs: Node, memory, disk, native packages, and on request the bus, the store, the lake, the state folder, recordings and running services. Says what is missing and what to do. Passwords come from CHIMERA_BUS_PASSWORD, CHIMERA_ARANGO_PASSWORD, CHIMERA_S3_ACCESS_KEY and CHIMERA_S3_SECRET_KEY, or from the files that the same names with _FILE name.',
    )
    .option('--bus <url>', 'check that this Redis can be the bus (redis://HOST:PORT, redis+cluster://…)')
    .option('--prefix <name>', 'the --prefix of the run on that bus')
    .option('--store <address>', 'check the database server (arango:http://USER@HOST:8529/DATABASE)')
    .option('--lake <address>', 'check that this lake can be read and written (a folder, or s3://BUCKET/PREFIX)')
    .option('--state <dir>', 'check the state folder of a run')
    .option('--input <path>', 'read this recording to its end; repeatable', collect)
    .option('--health <url>', 'ask a running service at the address of its metrics; repeatable', collect)
    .option('--redis <url>', 'check only that this Redis answers (redis://HOST:PORT)')
    .option('--dir <dir>', 'folder that will be written to', '.');
  describe(command, [
    'doctor',
    'doctor --lake lake --redis redis://127.0.0.1:6379',
    'doctor --bus redis://127.0.0.1:6379/0 --store arango:http://chimera@127.0.0.1:8529/chimera --lake s3://chimera/lake',
    'doctor --health http://127.0.0.1:9464 --json',
  ]).action(
    action(context, async (o: Options) => {
      const checks = await checksOf(o, context);
      const ok = checks.every((c) => c.ok);
      context.result({ ok, version: version(), checks }, () => text(checks, context));
      return ok ? EXIT.ok : EXIT.differs;
    }),
  );
}

async function checksOf(o: Options, { io }: Context): Promise<Check[]> {
  const checks = await machineChecks(o.dir);
  const { env } = io;
  if (o.state !== undefined) checks.push(...stateChecks(o.state));
  if (o.lake !== undefined) checks.push(...(await (await import('./doctor/stores.ts')).lakeChecks(o.lake, env)));
  if (o.store !== undefined) checks.push(...(await (await import('./doctor/stores.ts')).storeChecks(o.store, env)));
  if (o.redis !== undefined) checks.push(await redisAnswers(o.redis));
  if (o.bus !== undefined)
    checks.push(...(await (await import('./doctor/redis.ts')).busChecks(busUrl(o.bus, env), o.prefix)));
  if (o.input !== undefined) checks.push(...(await (await import('./doctor/recordings.ts')).recordingChecks(o.input)));
  if (o.health !== undefined) checks.push(...(await (await import('./doctor/services.ts')).serviceChecks(o.health)));
  return checks;
}

const MARKS = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' } as const;
const COLORS = { ok: 'green', warn: 'yellow', fail: 'red' } as const;
function text(checks: readonly Check[], context: Context): string {
  const findings = checks.filter((c) => c.status !== 'ok');
  return [
    table(checks.map((c) => [context.paint('stdout', COLORS[c.status], MARKS[c.status]), c.name, c.found])),
    ...findings.map((c) => `\n${c.code} ${c.name}: ${c.help}`),
    '',
    checks.some((c) => !c.ok)
      ? 'something is missing'
      : findings.length > 0
        ? 'everything is there; something is worth a look'
        : 'everything is there',
  ].join('\n');
}

/** One PING, by hand: no client library is needed to ask whether somebody answers. */
function redisAnswers(url: string): Promise<Check> {
  const help = 'start a Redis there, or name another with --redis redis://HOST:PORT';
  const away = (found: string): Check => failure('redis', 'CHM524', found, help);
  let at: URL;
  try {
    at = new URL(url);
  } catch {
    return Promise.resolve(away('is not an address'));
  }
  return new Promise((done) => {
    const socket = connect({ host: at.hostname, port: Number(at.port || 6379) });
    const end = (check: Check) => {
      socket.destroy();
      done(check);
    };
    socket.setTimeout(2000, () => end(away(`${at.host} does not answer`)));
    socket.once('error', (e) => end(away(e.message)));
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (d) => {
      // A server that wants a password answers, too.
      const redis = /^\+PONG|^-NOAUTH/.test(d.toString());
      end(redis ? good('redis', `${at.host} answers`) : away(`what answers at ${at.host} is no Redis`));
    });
  });
}
