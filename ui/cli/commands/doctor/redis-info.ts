import { troubleError, troubleOf } from '../../../../graph/bus/redis/trouble.ts';
import { type Check, failed, failure, good, warning } from './check.ts';

export type Info = ReadonlyMap<string, string>;
const MIB = 2 ** 20;

/** The answer to INFO: `name:value` lines in sections. */
export function parseInfo(text: string): Info {
  return new Map(
    text.split(/\r?\n/).flatMap((line): [string, string][] => {
      const colon = line.indexOf(':');
      return colon > 0 && !line.startsWith('#') ? [[line.slice(0, colon), line.slice(colon + 1)]] : [];
    }),
  );
}

/** What one server says of itself, against what a bus needs. `settings` as CONFIG GET gives them; undefined where that is forbidden. */
export function infoChecks(at: string, info: Info, settings: Info | undefined, protocol: number): Check[] {
  return [
    versionCheck(at, info, protocol),
    roleCheck(at, info),
    policyCheck(at, info),
    fileCheck(at, info, settings),
    memoryCheck(at, info),
  ].filter((c) => c !== undefined);
}

function versionCheck(at: string, info: Info, protocol: number): Check {
  const version = info.get('redis_version') ?? 'unknown';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const name = `${at} version`;
  if (major > 6 || (major === 6 && minor >= 2)) return good(name, `Redis ${version}, RESP${protocol}`);
  return failure(name, 'CHM520', `Redis ${version}`, 'use Redis 6.2 or newer');
}
function roleCheck(at: string, info: Info): Check | undefined {
  if (info.get('role') !== 'slave') return undefined;
  return failure(`${at} role`, 'CHM526', 'is a replica, which cannot be written to', 'name the primary');
}
function policyCheck(at: string, info: Info): Check {
  const policy = info.get('maxmemory_policy') ?? 'unknown';
  const name = `${at} eviction`;
  if (policy === 'noeviction') return good(name, policy);
  return failure(name, 'CHM520', policy, 'set maxmemory-policy noeviction: a bus keeps what it acknowledged');
}
function fileCheck(at: string, info: Info, settings: Info | undefined): Check {
  const name = `${at} persistence`;
  if (info.get('aof_enabled') !== '1')
    return warning(
      name,
      'CHM983',
      'no append-only file',
      'set `appendonly yes`, and `appendfsync always` or `everysec`',
    );
  if ((info.get('aof_last_write_status') ?? 'ok') !== 'ok' || (info.get('aof_last_bgrewrite_status') ?? 'ok') !== 'ok')
    return failure(name, 'CHM527', 'the append-only file cannot be written', 'make room on the disk of the server');
  const fsync = settings?.get('appendfsync');
  if (fsync === undefined) return good(name, 'append-only file (how it is synced is not shown to this user)');
  if (fsync === 'always') return good(name, 'append-only file, synced always');
  return warning(
    name,
    'CHM983',
    `append-only file, synced ${fsync}`,
    'after a crash of Redis runs may go back to an older commit; `appendfsync always` avoids that and costs time per commit',
  );
}
function memoryCheck(at: string, info: Info): Check {
  const used = Number(info.get('used_memory') ?? 0);
  const most = Number(info.get('maxmemory') ?? 0);
  const name = `${at} memory`;
  const found = `${mib(used)} of ${most === 0 ? 'no limit' : mib(most)}`;
  if (most === 0)
    return warning(
      name,
      'CHM984',
      found,
      'set maxmemory below the memory of the machine: the server then refuses writes instead of being ended',
    );
  if (used >= most) return failure(name, 'CHM525', found, 'raise maxmemory, or find the consumer that lags');
  if (used > 0.8 * most) return warning(name, 'CHM984', found, 'raise maxmemory, or find the consumer that lags');
  return good(name, found);
}
const mib = (bytes: number): string => `${(bytes / MIB).toFixed(bytes < 10 * MIB ? 1 : 0)} MiB`;

/** What a Cluster says of itself: CLUSTER INFO. */
export function clusterCheck(at: string, info: Info): Check {
  const name = `${at} cluster`;
  const slots = Number(info.get('cluster_slots_ok') ?? 0);
  const found = `${info.get('cluster_size')} primaries, ${slots} of 16384 slots served, state ${info.get('cluster_state')}`;
  if (info.get('cluster_state') === 'ok' && slots === 16_384) return good(name, found);
  return failure(
    name,
    'CHM528',
    found,
    'look at redis-cli cluster nodes: a primary is missing and has no replica, or is being replaced',
  );
}

/** Trouble met while asking, as the bus itself would name it. */
export const troubled = (name: string, e: unknown, shown: string): Check =>
  failed(name, troubleError(troubleOf(e, shown)), 'CHM524', 'check that the server runs');
