import { join } from 'node:path';
import type { Command } from 'commander';
import { ChimeraError } from '../../graph/schema/index.ts';
import type { ApiThread } from '../api/api-thread.ts';
import type { Context } from './context.ts';
import { integer } from './options.ts';
import { webhookAccess } from './secrets.ts';
import { home as programHome } from './version.ts';

export interface ServingOptions {
  /** Undefined: with a terminal. */
  serve?: boolean;
  home?: string;
  servePort?: number;
}

/** `--serve`, `--no-serve` and what goes with them. */
export const servingOptions = (command: Command): Command =>
  command
    .option('--serve', 'serve the operations page while it runs (the default with a terminal)')
    .option('--no-serve', 'do not serve the page')
    .option('--serve-port <port>', 'port of the page; 0 = a free one', integer(0, 65_535));

/** Where the page listens unless told otherwise. */
const PORT = 8092;

/**
 * Starts the page in a thread of its own, and says where it is. A port that was not asked for and is taken is no reason not to trade:
 * a free one is taken then.
 * @returns undefined when it is not to be served
 */
export async function startServing(context: Context, options: ServingOptions): Promise<ApiThread | undefined> {
  const wanted = options.serve ?? (context.io.stdout.isTTY === true && !context.json);
  if (!wanted) return undefined;
  const { ApiThread } = await import('../api/api-thread.ts');
  const start = (port: number) =>
    ApiThread.start({
      home: options.home ?? 'runs',
      port,
      page: join(programHome(), 'dist', 'web'),
      ...webhookAccess(context.io.env),
      env: { CHIMERA_LOG: context.io.env['CHIMERA_LOG'] },
    });
  let api: ApiThread;
  try {
    api = await start(options.servePort ?? PORT);
  } catch (e) {
    const taken = e instanceof ChimeraError && e.code === 'CHM1131' && options.servePort === undefined;
    if (!taken) throw e;
    api = await start(0);
  }
  context.note(`page     ${context.paint('stderr', 'cyan', api.url)}`);
  if (api.code !== undefined)
    context.note(`code     ${context.paint('stderr', 'bold', api.code)}   makes the first administrator, once`);
  return api;
}

/** `trend-20240101-093000`: when it began, so that runs of one pipeline lie side by side. */
export function newRunId(pipeline: string, now = new Date()): string {
  const [day, time] = now.toISOString().split('T') as [string, string];
  return `${pipeline.replace(/[^\w.-]/g, '-')}-${day.replaceAll('-', '')}-${time.slice(0, 8).replaceAll(':', '')}`;
}
