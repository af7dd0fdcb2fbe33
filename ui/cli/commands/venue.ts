import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { ChimeraError } from '../../../graph/schema/index.ts';
import { action, describe } from '../command.ts';
import type { Context } from '../context.ts';
import { collect, integer, positive } from '../options.ts';

interface Options {
  seed: number;
  input?: string[];
  symbol?: string[];
  usdmPort: number;
  spotPort: number;
  rate: number;
  faults?: string;
  allowFaultControl?: boolean;
  host: string;
  expose?: boolean;
  balanceUsdt: number;
  apiKey?: string;
  secret?: string;
  limits: 'binance' | 'none';
  orderLatencyMs?: number;
  holdStreams?: number;
  jsonLog?: boolean;
  untilStdinEnds?: boolean;
}

export function venue(program: Command, context: Context): void {
  const command = program
    .command('venue')
    .summary('the exchange to trade against: Binance’s own API for Spot and USD-M, served locally')
    .description(
      'Serves a market as Binance’s REST and websocket API, for Spot and for USD-M futures, until Ctrl-C. The first line on stdout is one JSON object with the addresses and the credentials of its one account. Without inputs it plays a seeded synthetic market.',
    )
    .option('--seed <n>', 'seed of the synthetic market', integer(0), 1)
    .addOption(
      new Option('--input <path...>', 'recorder files, archives, Parquet files or a lake folder; repeatable').argParser(
        collect,
      ),
    )
    .addOption(new Option('--symbol <symbol...>', 'only these, e.g. BTCUSDT; repeatable').argParser(collect))
    .option('--usdm-port <port>', 'port of USD-M futures; 0 takes a free one', integer(0, 65_535), 0)
    .option('--spot-port <port>', 'port of Spot; 0 takes a free one', integer(0, 65_535), 0)
    .option('--rate <rate>', 'seconds of the market per second of the clock', positive, 1)
    .option('--faults <file>', 'scenario of faults (YAML; see docs/VENUE.md)')
    .option('--allow-fault-control', 'take faults at run time, at /chimera/faults')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--expose', 'listen also where other machines reach it')
    .option('--balance-usdt <n>', 'USDT in each wallet at the start', positive, 10_000)
    .option('--api-key <key>', 'key of the account; one is made without it')
    .option('--secret <secret>', 'secret of the account; one is made without it')
    .addOption(
      new Option('--limits <which>', 'the exchange’s limits on requests, orders and connections, or none')
        .choices(['binance', 'none'])
        .default('binance'),
    )
    .option('--order-latency-ms <ms>', 'from the arrival of an order to its effect, market time', integer(0, 60_000))
    .option('--hold-streams <n>', 'the market begins when so many streams have a reader', integer(1, 10_000))
    .addOption(new Option('--until-stdin-ends', 'end with the process that started this one').hideHelp())
    .option('--json-log', 'connections, faults and errors on stderr, a JSON object a line');
  describe(command, [
    'venue',
    'venue --seed 7 --rate 5',
    'venue --input recording.gz --usdm-port 8443 --spot-port 8444',
  ]).action(
    action(context, async (o: Options) => {
      const { loadScenario, startVenue } = await import('../../../venue/server/index.ts');
      const faults = o.faults === undefined ? undefined : loadScenario(read(o.faults), o.faults);
      const log = await logger(o.jsonLog === true, context);
      const running = await startVenue({
        seed: o.seed,
        usdmPort: o.usdmPort,
        spotPort: o.spotPort,
        rate: o.rate,
        host: o.host,
        balanceUsdt: o.balanceUsdt,
        limits: o.limits,
        log,
        ...(o.input ? { inputs: o.input } : {}),
        ...(o.symbol ? { symbols: o.symbol } : {}),
        ...(faults ? { faults } : {}),
        ...(o.allowFaultControl ? { allowFaultControl: true } : {}),
        ...(o.expose ? { expose: true } : {}),
        ...(o.apiKey === undefined ? {} : { apiKey: o.apiKey }),
        ...(o.secret === undefined ? {} : { secret: o.secret }),
        ...(o.orderLatencyMs === undefined ? {} : { orderLatencyMs: o.orderLatencyMs }),
        ...(o.holdStreams === undefined ? {} : { holdStreams: o.holdStreams }),
      });
      try {
        // A program reads this line, with and without --json.
        context.io.stdout.write(`${JSON.stringify(running.ready)}\n`);
        await ended(context, o.untilStdinEnds === true);
      } finally {
        await running.close();
      }
    }),
  );
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ChimeraError('CHM910', `${file} cannot be read`, { file, help: 'check the path of --faults', cause });
  }
}

/** Errors of the venue are always said; the rest is for `--json-log`. */
async function logger(all: boolean, context: Context): Promise<(event: object) => void> {
  if (!all)
    return (event) => {
      const { level, what, code, error } = event as Record<string, string | undefined>;
      if (level === 'error') context.note(`error ${code ?? ''} ${what}: ${error}`.replace(/ {2,}/g, ' '));
    };
  const { pino } = await import('pino');
  const log = pino({ level: 'debug', base: null }, { write: (line) => void context.io.stderr.write(line) });
  return (event) => {
    const { level, what, ...rest } = event as { level: 'debug' | 'info' | 'error'; what: string };
    log[level](rest, what);
  };
}

/** By signal; and, if asked for, when the other end of stdin is gone: a killed parent cannot end its venue otherwise. */
function ended({ io }: Context, withStdin: boolean): Promise<void> {
  const { signal, stdin } = io;
  return new Promise<void>((done) => {
    if (!signal || signal.aborted) done();
    else signal.addEventListener('abort', () => done(), { once: true });
    if (!withStdin || !stdin) return;
    stdin.once('end', () => done());
    stdin.once('error', () => done());
    stdin.resume();
  }).finally(() => stdin?.pause());
}
