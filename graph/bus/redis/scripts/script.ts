import type { Cluster, Redis } from 'ioredis';

export type Client = Redis | Cluster;

/** A Lua script: the server runs it as one step. Its header says what KEYS and ARGV it takes and what it answers. */
export interface Script {
  readonly name: string;
  readonly lua: string;
}

type Argument = string | number | Uint8Array;
type Call = (keys: number, ...args: readonly Argument[]) => Promise<unknown>;

/** Makes scripts known to a client: it sends EVALSHA, and the text where a server does not have it yet. */
export function defineScripts(client: Client, scripts: readonly Script[]): void {
  for (const { name, lua } of scripts) client.defineCommand(name, { lua });
}

/** Runs a script. Texts come back as Buffers, numbers as numbers. */
export function runScript(
  client: Client,
  script: Script,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<unknown> {
  // What defineCommand adds is not known to the types.
  const call = (client as unknown as Record<string, Call>)[`${script.name}Buffer`]!;
  return call.call(client, keys.length, ...keys, ...args);
}
