import { ChimeraError } from '../../schema/error.ts';

export interface RedisAddress {
  readonly cluster: boolean;
  readonly tls: boolean;
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  readonly db: number;
  readonly username?: string;
  readonly password?: string;
  readonly protocol: 2 | 3;
  /** For people: the address without user and password. */
  readonly shown: string;
}

const FORM = /^(redis|rediss)(\+cluster)?:\/\/(?:([^@/]*)@)?([^/?@]*)(?:\/([^?]*))?(?:\?(.*))?$/;
const HELP =
  'write redis://[user:password@]host:port/0, rediss://… for TLS, or redis+cluster://host:port,host:port; ?protocol=2 for RESP2';

/**
 * Reads the address of a bus. A Cluster names some of its nodes, separated by commas.
 * @throws CHM520, without a word of what was written before the `@`
 */
export function parseRedisUrl(url: string): RedisAddress {
  const refuse = (why: string): ChimeraError =>
    new ChimeraError('CHM520', `the address of the bus cannot be used: ${why}`, { help: HELP });
  const m = FORM.exec(url.trim());
  if (!m) throw refuse('it is none that Redis has');
  const [, scheme, plus, credentials, hosts, path = '', query = ''] = m;
  const cluster = plus !== undefined;
  const nodes = hosts!.split(',').map((h) => {
    const node = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(h.trim());
    const port = Number(node?.[2] ?? 6379);
    if (!node || port < 1 || port > 65535) throw refuse(`"${h}" is not host:port`);
    return { host: node[1]!.replace(/^\[|\]$/g, ''), port };
  });
  if (!cluster && nodes.length > 1) throw refuse('several hosts make a Cluster, whose scheme is redis+cluster');
  if (!/^\d{0,4}$/.test(path)) throw refuse(`"/${path}" is not the number of a database`);
  if (cluster && Number(path) !== 0) throw refuse('a Cluster has database 0 only');
  let protocol: 2 | 3 = 3;
  for (const [name, value] of new URLSearchParams(query)) {
    if (name !== 'protocol') throw refuse(`there is no option "${name}"`);
    if (value !== '2' && value !== '3') throw refuse(`protocol is 2 or 3`);
    protocol = value === '2' ? 2 : 3;
  }
  const colon = credentials?.indexOf(':') ?? -1;
  let username: string | undefined;
  let password: string | undefined;
  try {
    username = decodeURIComponent(colon < 0 ? (credentials ?? '') : credentials!.slice(0, colon));
    password = colon < 0 ? undefined : decodeURIComponent(credentials!.slice(colon + 1));
  } catch {
    throw refuse('a % in user or password must be written as %25');
  }
  const where = nodes.map((n) => `${n.host.includes(':') ? `[${n.host}]` : n.host}:${n.port}`).join(',');
  return {
    cluster,
    tls: scheme === 'rediss',
    nodes,
    db: Number(path),
    protocol,
    shown: `${scheme}${plus ?? ''}://${where}${cluster ? '' : `/${Number(path)}`}`,
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
  };
}
