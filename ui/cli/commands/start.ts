import type { Command } from 'commander';
import { action, describe } from '../command.ts';
import type { Context } from '../context.ts';

export function start(program: Command, context: Context): void {
  const command = program.command('start').summary('the tour: a market, live and replayed').description('x');
  describe(command, ['start', 'start --once']).action(action(context, () => undefined));
}
