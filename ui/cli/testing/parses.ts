import { Command } from 'commander';
import { Context } from '../context.ts';
import { COMMANDS } from '../main.ts';

/** Parses a command line with the program's own parser and runs nothing. @returns what is wrong with it, or undefined */
export async function parses(argv: readonly string[]): Promise<string | undefined> {
  const said: string[] = [];
  const write = (s: string): void => void said.push(s);
  const program = new Command('chimera');
  const context = new Context({ stdout: { write }, stderr: { write }, env: {} });
  for (const register of COMMANDS) register(program, context);
  let understood = false;
  const silence = (command: Command): void => {
    command.exitOverride().configureOutput({ writeErr: write, writeOut: write });
    if (command.commands.length === 0)
      command.action(() => {
        understood = true;
      });
    command.commands.forEach(silence);
  };
  silence(program);
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (e) {
    return (e as Error).message;
  }
  return understood ? undefined : `no command: ${said.join('').slice(0, 200)}`;
}
