import { ChimeraError } from '../../schema/error.ts';

/** What an error of the client or the server means to the bus. `passing`: the same call may succeed later. */
export interface Trouble {
  readonly code: string;
  readonly message: string;
  readonly passing: boolean;
}

const HELP: Record<string, string> = {
  CHM520: 'check user, password and the rights (ACL) of the user on the server',
  CHM524: 'check that the server runs, its address, and the network between',
  CHM525: 'raise maxmemory, or find the consumer that lags: streams are trimmed behind the slowest one',
  CHM526: 'name the primary, not a replica',
  CHM527: 'make room on the disk of the server',
  CHM528: 'look at redis-cli cluster info and cluster nodes',
  CHM529: 'see the message of the server',
};

/** Known beginnings of what servers answer; `Too many Cluster redirections. Last error: …` carries one inside. */
const KINDS: readonly (readonly [pattern: RegExp, code: string, says: string, passing: boolean])[] = [
  [/\b(NOAUTH|WRONGPASS|NOPERM)\b|invalid password/i, 'CHM520', 'refuses the user or password', false],
  [/\bOOM\b/, 'CHM525', 'is out of memory', true],
  [/\bREADONLY\b|NOREPLICAS/, 'CHM526', 'is read-only', true],
  [/\bMISCONF\b/, 'CHM527', 'cannot write to its disk', true],
  [/\b(LOADING|MASTERDOWN|BUSY)\b/, 'CHM524', 'is not ready yet', true],
  [
    /\b(CLUSTERDOWN|TRYAGAIN|MOVED|ASK|UNBLOCKED)\b|Cluster isn't ready|Failed to refresh slots|None of startup nodes|Cluster is ended|Cluster redirections/,
    'CHM528',
    'lacks a part of its Cluster',
    true,
  ],
  [
    /ECONN|ETIMEDOUT|EPIPE|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|Connection is closed|connection close|isn't writeable|timed out|timeout|max retries per request|socket hang up|Stream was destroyed/i,
    'CHM524',
    'cannot be reached',
    true,
  ],
];

/** `shown` is the address without its secrets. The words of the server are kept only where they cannot hold any. */
export function troubleOf(error: unknown, shown: string): Trouble {
  const text = error instanceof Error ? error.message : String(error);
  for (const [pattern, code, says, passing] of KINDS)
    if (pattern.test(text)) return { code, message: `Redis at ${shown} ${says}`, passing };
  return { code: 'CHM529', message: `Redis at ${shown} answered: ${text.slice(0, 200)}`, passing: false };
}

export function troubleError(trouble: Trouble): ChimeraError {
  return new ChimeraError(trouble.code, trouble.message, { help: HELP[trouble.code] ?? '' });
}
