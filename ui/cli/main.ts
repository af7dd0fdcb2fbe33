import { Command, CommanderError } from 'commander';
import { ChimeraError } from '../../graph/schema/index.ts';
import type { Register } from './command.ts';
import { audit } from './commands/audit.ts';
import { backtest } from './commands/backtest.ts';
import { diff } from './commands/diff.ts';
import { dlq } from './commands/dlq.ts';
import { docs } from './commands/docs.ts';
import { doctor } from './commands/doctor.ts';
import { dryRun } from './commands/dry-run.ts';
import { explain } from './commands/explain.ts';
import { graph } from './commands/graph.ts';
import { kill } from './commands/kill.ts';
import { lake } from './commands/lake.ts';
import { lint } from './commands/lint.ts';
import { list } from './commands/list.ts';
import { parity } from './commands/parity.ts';
import { recompute } from './commands/recompute.ts';
import { replay } from './commands/replay.ts';
import { run } from './commands/run.ts';
import { serve } from './commands/serve.ts';
import { start } from './commands/start.ts';
import { sweep } from './commands/sweep.ts';
import { test } from './commands/test.ts';
import { venue } from './commands/venue.ts';
import { Context } from './context.ts';
import { exitCode } from './exit-code.ts';
import { EXIT, type Io } from './io.ts';
import { version } from './version.ts';

/** All commands, in the order of the help text. */
export const COMMANDS: readonly Register[] = [
  start,
  run,
  backtest,
  sweep,
  replay,
  parity,
  serve,
  audit,
  venue,
  test,
  lint,
  diff,
  dryRun,
  recompute,
  graph,
  list,
  explain,
  kill,
  lake,
  dlq,
  doctor,
  docs,
];

/**
 * The `chimera` command, in process: everything it says goes to the given streams.
 * @param argv arguments without program and script
 * @returns the exit code (see docs: 0, 1, 2, 3, 70)
 */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const context = new Context(io);
  const program = new Command('chimera')
    .description('One declarative graph, live and offline: the same bytes.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .showHelpAfterError('(add --help for the options)')
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({
      writeOut: (s) => void io.stdout.write(s),
      writeErr: (s) => void io.stderr.write(s),
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => io.stderr.columns ?? 100,
      getOutHasColors: () => context.color('stdout'),
      getErrHasColors: () => context.color('stderr'),
      outputError: (text, write) => write(context.paint('stderr', 'red', text)),
    })
    .addHelpText(
      'after',
      `
Exit codes: 0 done and all holds, 1 something does not hold, 2 wrong usage or a pipeline that does not lint,
3 an input is unusable, 70 a fault of Chimera.`,
    );
  for (const register of COMMANDS) register(program, context);
  try {
    if (argv.length === 0) {
      program.outputHelp();
      return EXIT.ok;
    }
    await program.parseAsync([...argv], { from: 'user' });
    return context.code;
  } catch (e) {
    context.json ||= argv.includes('--json');
    if (e instanceof CommanderError) {
      if (e.exitCode === 0) return EXIT.ok;
      sayAsJson(context, EXIT.usage, { code: 'CHM911', message: e.message.replace(/^error: /, '') });
      return EXIT.usage;
    }
    return fail(e, context, argv.includes('--verbose'));
  }
}

/** A program that reads `--json` finds one object whatever happened. */
function sayAsJson(context: Context, exit_code: number, error: object): void {
  if (context.json) context.result({ ok: false, exit_code, error }, () => '');
}

function fail(e: unknown, context: Context, verbose: boolean): number {
  const code = exitCode(e);
  const text =
    e instanceof ChimeraError
      ? e.toString()
      : `error CHM799 a fault of Chimera: ${e instanceof Error ? e.message : String(e)}\n  help: run it again with --verbose, and report what it prints`;
  context.note(context.paint('stderr', 'red', text));
  sayAsJson(
    context,
    code,
    e instanceof ChimeraError
      ? { code: e.code, message: e.message, ...e.where, help: e.help ?? null }
      : { code: 'CHM799', message: e instanceof Error ? e.message : String(e) },
  );
  if (verbose && e instanceof Error) context.note(stack(e));
  return code;
}

const stack = (e: Error): string =>
  `${e.stack ?? ''}${e.cause instanceof Error ? `\ncaused by ${stack(e.cause)}` : ''}`;
