import { ChimeraError } from '../../../graph/schema/index.ts';

/** Where a database lies: what people write as `arango:http://user@host:8529/chimera`. */
export interface ArangoAddress {
  /** Scheme, host and port. */
  readonly url: string;
  readonly database: string;
  readonly user: string;
}

const DEFAULT = { database: 'chimera', user: 'root' };
/** What a server takes without the option for extended names. */
const DATABASE_NAME = /^[a-zA-Z][a-zA-Z0-9_-]{0,63}$/;

/**
 * Parses an address; `arango:` in front may be left out, user and database have defaults. @throws CHM854
 * A password in it is refused and not repeated: addresses are shown in logs, lists of processes and reports.
 */
export function parseArangoAddress(text: string, given: { database?: string; user?: string } = {}): ArangoAddress {
  const help = 'write arango:http://user@host:8529/database, https where the server has a certificate';
  let url: URL;
  try {
    url = new URL(text.replace(/^arango:/, ''));
  } catch {
    throw new ChimeraError('CHM854', 'the address of the database server is not a URL', { help });
  }
  if (url.password !== '')
    throw new ChimeraError('CHM854', `the address of ${url.host} has a password in it`, {
      help: 'take it out and give the password by environment or by a file that only its owner can read',
    });
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new ChimeraError('CHM854', `${url.protocol}//${url.host} is not spoken over HTTP`, { help });
  const path = decodeURIComponent(url.pathname.replace(/^\/|\/$/g, ''));
  const database = given.database ?? (path === '' ? DEFAULT.database : path);
  if (!DATABASE_NAME.test(database) || url.search !== '')
    throw new ChimeraError('CHM854', `${JSON.stringify(database)} is no name of a database`, {
      help: 'use letters, digits, - and _, starting with a letter, and nothing behind it',
    });
  const user = given.user ?? (url.username === '' ? DEFAULT.user : decodeURIComponent(url.username));
  return { url: url.origin, database, user };
}
