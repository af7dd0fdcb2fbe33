import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ChimeraError } from '../../graph/schema/index.ts';
import type { Io } from './io.ts';

/** Options of every command that loads a pipeline. */
export interface PipelineOptions {
  profile?: string;
  set?: string[];
}
/** Options of every command that runs one. */
export interface InputOptions extends PipelineOptions {
  input?: string[];
}
export interface CacheOptions {
  cache?: boolean;
}

export const pipelineOptions = (command: Command): Command =>
  command
    .option('--profile <name>', 'bind sources, venue and sinks as this profile says (a name, or a path)')
    .option('--set <name=value>', 'set a parameter of the pipeline, or preset=NAME; repeatable', collect);

export const inputOptions = (command: Command): Command =>
  pipelineOptions(command).addOption(
    new Option(
      '--input <path...>',
      'recorder files, archives, candles (CSV), Parquet files or a lake (a folder, or s3://bucket/prefix); repeatable',
    ).argParser(collect),
  );

/** For commands that read the same input again and again. */
export const cacheOption = (command: Command): Command =>
  command.option(
    '--no-cache',
    'neither use nor keep decoded inputs (in ~/.cache/chimera or CHIMERA_CACHE), by which later runs over them begin sooner',
  );
/** Where decoded inputs are kept from run to run; undefined when they are not to be. */
export function inputCache(options: CacheOptions, env: Io['env']): { dir: string } | undefined {
  if (options.cache === false) return undefined;
  return { dir: env['CHIMERA_CACHE'] || join(homedir(), '.cache', 'chimera') };
}

export function collect(value: string, previous: string[] | undefined): string[] {
  return [...(previous ?? []), value];
}

/** An integer in a range, for commander. */
export const integer =
  (min: number, max: number = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const n = Number(text);
    if (!/^-?\d+$/.test(text) || n < min || n > max)
      throw new InvalidArgumentError(
        max === Number.MAX_SAFE_INTEGER
          ? `An integer of at least ${min} is needed.`
          : `An integer from ${min} to ${max} is needed.`,
      );
    return n;
  };
export const positive = (text: string): number => {
  const n = Number(text);
  if (text.trim() === '' || !(n > 0) || n === Number.POSITIVE_INFINITY)
    throw new InvalidArgumentError('A number above zero is needed.');
  return n;
};

/** `NAME=VALUE` pairs; the last value of a name counts, except that a tap may be named once only. */
export function pairs(list: readonly string[] | undefined, option: string): Record<string, string> {
  const out: Record<string, string> = {};
  for (const pair of list ?? []) {
    const at = pair.indexOf('=');
    if (at <= 0)
      throw new ChimeraError('CHM911', `${option} ${pair} has no value`, { help: `write ${option} NAME=VALUE` });
    out[pair.slice(0, at)] = pair.slice(at + 1);
  }
  return out;
}
