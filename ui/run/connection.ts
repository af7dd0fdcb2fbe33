import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { LiveProfile } from '../../graph/document/types.ts';
import { EngineClock } from '../../graph/runner/engine-clock.ts';
import { ChimeraError } from '../../graph/schema/index.ts';

const Address = z.object({ rest: z.string(), ws: z.string() });
/** The start-up line of `chimera venue`. */
const Ready = z.object({
  ready: z.literal(true),
  usdm: Address,
  spot: Address,
  api_key: z.string(),
  secret: z.string(),
  /** How fast the played market moves. */
  rate: z.number().optional(),
});
export type Ready = z.output<typeof Ready>;
const Keys = z.strictObject({ api_key: z.string().min(1), secret: z.string().min(1) });

export interface ConnectOptions {
  /** Starts this program once more. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Options of the local venue. */
  readonly seed?: number;
  readonly rate?: number;
  readonly balanceUsdt?: number;
  readonly inputs?: readonly string[];
  readonly faults?: string;
  /** `none`: nobody is refused for asking too often. */
  readonly limits?: 'binance' | 'none';
  /** The start-up line of a venue that runs already, as a file. */
  readonly ready?: string;
  /** File with `{"api_key": …, "secret": …}` for testnet and live. */
  readonly keys?: string;
  readonly acceptLiveTrading?: boolean;
}

/** What a live run needs of the world: addresses and secrets for the outer ends, and engine time. */
export interface Connection {
  readonly access: Readonly<Record<string, unknown>>;
  readonly clock: EngineClock;
  /** The local venue, when there is one. */
  readonly venue?: Ready;
  /** Ends what the connection started. */
  close(): Promise<void>;
}

const wallUs = (): number => performance.now() * 1000;

/**
 * Opens the connection that a profile names: `local` starts a venue of our own as a process (or joins one that runs), `testnet`
 * and `live` take keys from the environment or a private file.
 * @throws CHM921 unknown connection, CHM922 keys missing or readable by others, CHM923 live trading not accepted,
 * CHM924 the venue did not start
 */
export async function openConnection(live: LiveProfile, o: ConnectOptions): Promise<Connection> {
  if (live.connection === 'local') return openLocal(live, o);
  if (live.connection !== 'testnet' && live.connection !== 'live')
    throw new ChimeraError('CHM921', `there is no connection ${live.connection}`, {
      help: 'the profile may name local, testnet or live under `live: { connection: … }`',
    });
  if (live.connection === 'live' && o.acceptLiveTrading !== true)
    throw new ChimeraError('CHM923', 'this profile trades with real money', {
      help: 'if that is what you want, say so: --i-accept-live-trading',
    });
  const { api_key: apiKey, secret } = readKeys(o);
  return {
    access: { binance: { kind: live.connection, apiKey, secret } },
    clock: new EngineClock(wallUs, Date.now() * 1000, live.rate),
    close: () => Promise.resolve(),
  };
}

function readKeys(o: ConnectOptions): z.output<typeof Keys> {
  const missing = (why: string, file?: string): ChimeraError =>
    new ChimeraError('CHM922', why, {
      ...(file === undefined ? {} : { file }),
      help: 'set CHIMERA_BINANCE_API_KEY and CHIMERA_BINANCE_SECRET, or name a file of mode 600 with {"api_key": …, "secret": …} as --keys',
    });
  if (o.keys === undefined) {
    const read = Keys.safeParse({ api_key: o.env['CHIMERA_BINANCE_API_KEY'], secret: o.env['CHIMERA_BINANCE_SECRET'] });
    if (!read.success) throw missing('there are no keys for the exchange');
    return read.data;
  }
  let text: string;
  try {
    const mode = statSync(o.keys).mode;
    if ((mode & 0o077) !== 0)
      throw missing(`${o.keys} can be read by others (mode ${(mode & 0o777).toString(8)})`, o.keys);
    text = readFileSync(o.keys, 'utf8');
  } catch (e) {
    if (e instanceof ChimeraError) throw e;
    throw missing(`${o.keys} cannot be read`, o.keys);
  }
  // What is wrong with it is not shown: the text holds the secret.
  const read = Keys.safeParse(jsonOf(text));
  if (!read.success) throw missing(`${o.keys} does not hold the two keys`, o.keys);
  return read.data;
}
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function openLocal(live: LiveProfile, o: ConnectOptions): Promise<Connection> {
  const child = o.ready === undefined ? startVenue(live, o) : undefined;
  const close = (): Promise<void> => child?.stop() ?? Promise.resolve();
  try {
    const venue = child ? await child.ready : readReady(readFile(o.ready!), o.ready!);
    const marketUs = live.clock === 'venue' ? await marketTime(venue) : undefined;
    return {
      access: {
        binance: { kind: 'local', usdm: venue.usdm, spot: venue.spot, apiKey: venue.api_key, secret: venue.secret },
      },
      clock:
        marketUs === undefined
          ? new EngineClock(wallUs, Date.now() * 1000, live.rate)
          : new EngineClock(wallUs, marketUs, venue.rate ?? live.rate),
      venue,
      close,
    };
  } catch (e) {
    await close();
    throw e;
  }
}

/** Where the market of the venue is now, µs; undefined = it does not say. */
async function marketTime(venue: Ready): Promise<number | undefined> {
  try {
    const answer = await fetch(`${venue.usdm.rest}/chimera/status`);
    const { market_us } = (await answer.json()) as { market_us?: unknown };
    return typeof market_us === 'number' ? market_us : undefined;
  } catch (cause) {
    throw new ChimeraError('CHM924', `no venue answers at ${venue.usdm.rest}`, {
      help: 'start it again with `chimera venue`, and keep its first line',
      cause,
    });
  }
}
function readFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ChimeraError('CHM910', `${file} cannot be read`, { file, help: 'name the file as --connect', cause });
  }
}

function readReady(text: string, where: string): Ready {
  const read = Ready.safeParse(jsonOf(text.split('\n')[0] ?? ''));
  if (!read.success)
    throw new ChimeraError('CHM924', `${where} is not the start-up line of a venue`, {
      help: 'keep the first line that `chimera venue` prints in a file',
    });
  return read.data;
}

/** A venue as a process of its own: its work does not stand in the engine's way, and it can be killed like the real one fails. */
function startVenue(live: LiveProfile, o: ConnectOptions): { ready: Promise<Ready>; stop(): Promise<void> } {
  const [program, ...args] = o.command;
  const options = [
    'venue',
    '--until-stdin-ends',
    ...(o.seed === undefined ? [] : ['--seed', String(o.seed)]),
    '--rate',
    String(o.rate ?? live.rate),
    ...(o.balanceUsdt === undefined ? [] : ['--balance-usdt', String(o.balanceUsdt)]),
    ...(o.limits === undefined ? [] : ['--limits', o.limits]),
    // A recording is heard from its first event on.
    ...(o.inputs?.length ? ['--hold-streams', '1'] : []),
    ...(o.inputs ?? []).flatMap((i) => ['--input', i]),
    ...(o.faults === undefined ? [] : ['--faults', o.faults]),
  ];
  const child = spawn(program!, [...args, ...options], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => {});
  let stderr = '';
  child.stderr.on('data', (d: Buffer) => {
    stderr = (stderr + d.toString()).slice(-4000);
  });
  const ended = new Promise<void>((done) => {
    child.once('close', () => done());
    child.once('error', () => done());
  });
  const first = new Promise<string>((done) => {
    createInterface({ input: child.stdout }).once('line', done);
  });
  const ready = Promise.race([first, ended.then(() => undefined)]).then((line) => {
    if (line !== undefined) return readReady(line, 'what the venue printed');
    throw new ChimeraError('CHM924', `the local venue did not start: ${stderr.trim().split('\n').at(-1) ?? ''}`, {
      help: 'try `chimera venue` by itself',
    });
  });
  return { ready, stop: () => stop(child, ended) };
}
const GRACE_MS = 3000;
async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  await ended;
  clearTimeout(timer);
}
