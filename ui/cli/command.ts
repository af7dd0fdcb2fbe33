import type { Command } from 'commander';
import type { Context } from './context.ts';

/** A sub-command adds itself to the program; its action returns the exit code (nothing = 0). */
export type Register = (program: Command, context: Context) => void;

/** What every sub-command has: `--json`, `--verbose`, examples below its help. */
export function describe(command: Command, examples: readonly string[]): Command {
  return command
    .option('--json', 'print one JSON object on stdout and nothing else')
    .option('--verbose', 'stack traces with errors')
    .addHelpText('after', `\nExamples:\n${examples.map((e) => `  $ npx chimera ${e}`).join('\n')}`);
}

/** Runs an action with the common options taken into the context, and keeps its exit code. */
export function action<A extends unknown[]>(
  context: Context,
  // biome-ignore lint/suspicious/noConfusingVoidType: an action without a verdict of its own returns nothing.
  run: (...args: A) => Promise<number | void> | number | void,
): (...args: A) => Promise<void> {
  return async (...args) => {
    // Commander hands over arguments, then options, then the command.
    const options = args.at(-2) as { json?: boolean; verbose?: boolean };
    context.json = options.json === true;
    context.verbose = options.verbose === true;
    context.code = (await run(...args)) ?? 0;
  };
}
