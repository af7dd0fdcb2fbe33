import type { LiveProfile } from '../../graph/document/types.ts';
import type { Connection } from '../run/connection.ts';
import type { BusOptions } from './bus-options.ts';
import { chimera } from './commands/parity.ts';
import { jobOptions, publishing } from './commands/run.ts';
import type { Context } from './context.ts';
import { busUrl } from './secrets.ts';

/** The bus that the options name. @throws CHM524 when it cannot be reached */
export async function openBus(context: Context, options: BusOptions) {
  const { openRedisBus } = await import('../../graph/bus/redis/open-redis-bus.ts');
  return openRedisBus(busUrl(options.bus!, context.io.env), {
    ...(options.prefix === undefined ? {} : { prefix: `${options.prefix}:` }),
    log: (_, message, code) => context.note(code === undefined ? message : `${code} ${message}`),
  });
}

/** The world of a live run; a local venue is started unless there is one to join. */
export async function connect(context: Context, live: LiveProfile, o: BusOptions): Promise<Connection> {
  const { openConnection } = await import('../run/connection.ts');
  return openConnection(live, {
    command: chimera(),
    env: context.io.env,
    inputs: o.input ?? [],
    ...(o.seed === undefined ? {} : { seed: o.seed }),
    ...(o.rate === undefined ? {} : { rate: o.rate }),
    ...(o.faults === undefined ? {} : { faults: o.faults }),
    ...(o.connect === undefined ? {} : { ready: o.connect }),
    ...(o.keys === undefined ? {} : { keys: o.keys }),
    acceptLiveTrading: o.iAcceptLiveTrading === true,
  });
}

/** What services are told by the options of the command, in one process or in several. */
export function serviceJob({ io: { env } }: Context, options: BusOptions) {
  const { inputs, taps, tapAll, state, mode, seed, capture } = jobOptions(options, env) as ReturnType<
    typeof jobOptions
  > & {
    tapAll?: string;
    state?: string;
    seed?: number;
    capture?: string;
  };
  return {
    inputs,
    taps,
    mode,
    // Unless another Redis is named, the bus is where other programs hear of the run.
    publish: publishing(options.publish ?? options.bus!, options.prefix, env),
    ...(tapAll === undefined ? {} : { tapAll }),
    ...(state === undefined ? {} : { state }),
    ...(capture === undefined ? {} : { capture }),
    ...(seed === undefined ? {} : { seed }),
    ...(options.commitMs === undefined ? {} : { commitMs: options.commitMs }),
    ...(options.leaseMs === undefined ? {} : { ttlMs: options.leaseMs }),
  };
}

/**
 * Aborted by the terminal, or when whoever started this process is gone.
 * @param drain called when whoever started it asks it to come to its end
 */
export function ending(context: Context, withStdin: boolean, drain?: () => void): AbortSignal {
  const end = new AbortController();
  context.io.signal?.addEventListener('abort', () => end.abort(), { once: true });
  const { stdin } = context.io;
  if (withStdin && stdin) {
    if (drain)
      stdin.on?.('data', (d) => {
        if (Buffer.from(d).toString().includes('drain')) drain();
      });
    stdin.resume();
    stdin.once('end', () => end.abort());
    stdin.once('error', () => end.abort());
  }
  return end.signal;
}
