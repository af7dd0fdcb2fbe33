import { ChimeraError } from '../../../graph/schema/index.ts';

/**
 * What to do about a failed request.
 * - `again`: nobody answered, or a server that is not ready; whether it was carried out is unknown;
 * - `conflict`: another writer was first; nothing was carried out;
 * - `lost`: the transaction is gone, and with it what was written in it;
 * - `refused`: the same request would be refused again.
 */
export type FaultKind = 'again' | 'conflict' | 'lost' | 'refused';

export class ArangoFault extends Error {
  readonly kind: FaultKind;
  /** The server's number of the error; 0 where there is none. */
  readonly errorNum: number;
  readonly error: ChimeraError;
  constructor(kind: FaultKind, errorNum: number, error: ChimeraError) {
    super(error.message);
    this.kind = kind;
    this.errorNum = errorNum;
    this.error = error;
  }
}

/** Numbers of the server's errors that the driver knows. */
export const NUM = {
  lockTimeout: 18,
  forbidden: 11,
  locked: 28,
  deadlock: 29,
  readOnly: 1004,
  diskFull: 1104,
  conflict: 1200,
  collectionMissing: 1203,
  unique: 1210,
  databaseMissing: 1228,
  tryAgain: 1302,
  busy: 1303,
  transactionAborted: 1654,
  transactionMissing: 1655,
} as const;

const CONFLICT = new Set<number>([NUM.conflict, NUM.lockTimeout, NUM.locked, NUM.deadlock, NUM.tryAgain, NUM.busy]);
const LOST = new Set<number>([NUM.transactionAborted, NUM.transactionMissing]);
/** Too many requests, bad gateway, not ready, gateway's time-out. */
const NOT_READY = new Set([408, 429, 502, 503, 504]);

interface ServerError {
  readonly isArangoError?: boolean;
  readonly errorNum?: number;
  readonly code?: number | string;
  readonly message?: string;
}

/**
 * Reads what the client library threw. Nothing of its error object is kept: it holds the request with its credentials.
 * @param where `http://host:port database`, for the message
 */
export function faultOf(thrown: unknown, where: string): ArangoFault {
  if (thrown instanceof ArangoFault) return thrown;
  const { isArangoError = false, errorNum = 0, code, message = String(thrown) } = thrown as ServerError;
  const status = typeof code === 'number' ? code : 0;
  const fault = (kind: FaultKind, chm: string, what: string, help: string): ArangoFault =>
    new ArangoFault(kind, isArangoError ? errorNum : 0, new ChimeraError(chm, `${where}: ${what}`, { help }));

  // Anything that is no answer: refused, reset, torn in the middle, too late.
  if (!isArangoError && status === 0)
    return fault('again', 'CHM855', message, 'check that the server runs and is reached from here');
  if (NOT_READY.has(status))
    return fault('again', 'CHM855', `not ready (${status}): ${message}`, 'see the log of the server');
  if (LOST.has(errorNum)) return fault('lost', 'CHM861', message, 'see the log of the server for why it gave up');
  if (CONFLICT.has(errorNum))
    return fault('conflict', 'CHM861', message, 'two runs write the same documents: stop one of them');
  if (errorNum === NUM.unique)
    // Two that insert one new key at the same time: the second finds the document when it tries again.
    return fault(
      /\bprimary\b|_key/.test(message) ? 'conflict' : 'refused',
      'CHM858',
      message,
      'another document has these values: remove one of the two, or drop an index that Chimera did not make',
    );
  if (errorNum === NUM.collectionMissing)
    return fault('refused', 'CHM859', message, 'open the store again, which makes what is missing');
  if (errorNum === NUM.readOnly || errorNum === NUM.diskFull)
    return fault('refused', 'CHM863', message, 'make room, or set the server to read and write');
  if (status === 401 || status === 403 || errorNum === NUM.forbidden)
    return fault('refused', 'CHM857', message, 'grant the user read and write on the database');
  return fault('refused', 'CHM862', `${message} (${errorNum || status})`, 'see the log of the server');
}
