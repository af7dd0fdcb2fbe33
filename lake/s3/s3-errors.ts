import { ChimeraError } from '../../graph/schema/index.ts';

/** Bytes that arrived are not those that were stored: tried again, because mostly the way is at fault. */
export class Damaged extends Error {
  constructor(what: string) {
    super(what);
    this.name = 'Damaged';
  }
}

/** What is known of a failed request. `later`: the same request may succeed after a while. */
export interface Fault {
  /** S3's own code, or that of the socket. */
  code: string;
  later: boolean;
  damaged: boolean;
}

const LATER_CODE =
  /^(SlowDown\w*|InternalError|ServiceUnavailable|RequestTimeout|OperationAborted|ConditionalRequestConflict|OperationTimedOut|ServerNotInitialized|IncompleteBody|XMinio(ServerNotInitialized|BackendDown|ObjectTampered)|ECONNRESET|ECONNREFUSED|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ERR_STREAM_PREMATURE_CLOSE)$/;
const NETWORK = /^(E[A-Z_]+|ERR_STREAM_PREMATURE_CLOSE)$/;
const DAMAGED = /^(BadDigest|XAmzContentSHA256Mismatch|XAmzContentChecksumMismatch|InvalidDigest|InvalidPart)$/;
const FULL = /StorageFull|QuotaExceeded|InsufficientCapacity/;
/** MinIO says it under several codes, according to how far it came. */
const isFull = (code: string, message: string): boolean =>
  FULL.test(code) || /minimum free drive threshold|no space left/i.test(message);
const REFUSED =
  /^(AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken|InvalidTokenId|RequestTimeTooSkewed|AuthorizationHeaderMalformed|AllAccessDisabled|AccountProblem)$/;

export function faultOf(e: unknown): Fault {
  if (e instanceof Damaged) return { code: 'Damaged', later: true, damaged: true };
  const x = e as { code?: unknown; message?: unknown; amzId2?: unknown };
  const message = String(x?.message ?? e);
  // See `s3-transport.ts`: an answer without a body has no code, but its status.
  const status = Number(/^status:(\d+)/.exec(String(x?.amzId2))?.[1] ?? 0);
  let code = typeof x?.code === 'string' && x.code !== '' ? x.code : '';
  if (code === '' && /socket hang up|aborted|premature close/i.test(message)) code = 'ECONNRESET';
  if (code === '' && status > 0) code = `HTTP${status}`;
  const damaged = DAMAGED.test(code);
  const busy = damaged || LATER_CODE.test(code) || status >= 500 || status === 429 || status === 408;
  const later = busy && !isFull(code, message);
  return { code, later, damaged };
}

export interface Doing {
  doing: 'read' | 'write';
  /** `s3://bucket/name` */
  url: string;
  endpoint: string;
  bucket: string;
  /** Never to be seen in a message. */
  secrets: readonly string[];
}

/** Turns what went wrong at an S3 store into a coded error. What the store says is passed on without keys. */
export function s3Error(e: unknown, at: Doing): ChimeraError {
  if (e instanceof ChimeraError) return e;
  const { code, later, damaged } = faultOf(e);
  const said = redact(String((e as { message?: unknown })?.message ?? e).split('\n', 1)[0]!, at.secrets);
  const more = { file: at.url, cause: new Error(code === '' ? said : `${code}: ${said}`) };
  if (/^(NoSuchKey|NotFound|NoSuchVersion|XMinioInvalidObjectName)$/.test(code))
    return new ChimeraError('CHM609', `${at.url} is missing`, {
      ...more,
      help: 'open the lake again if it was compacted meanwhile; otherwise restore the object',
    });
  if (code === 'NoSuchBucket')
    return new ChimeraError('CHM642', `there is no bucket "${at.bucket}" at ${at.endpoint}`, {
      ...more,
      help: 'check the name, or let the command that writes create it',
    });
  if (REFUSED.test(code))
    return new ChimeraError('CHM641', `${at.endpoint} refuses access to ${at.url} (${code})`, {
      ...more,
      help: 'check the access key, the secret key, what its policy allows, and the clock of this machine',
    });
  if (isFull(code, said))
    return new ChimeraError('CHM605', `the object store has no room left for ${at.url}`, {
      ...more,
      help: 'make room there and run the same command again; everything committed is intact',
    });
  if (damaged)
    return new ChimeraError('CHM643', `the bytes of ${at.url} are not those that were sent: ${said}`, {
      ...more,
      help: 'run it again; if it stays, the object was changed in the store: restore it or import its source again',
    });
  if (later || NETWORK.test(code))
    return new ChimeraError('CHM640', `${at.endpoint} does not ${at.doing} ${at.url}: ${said || code}`, {
      ...more,
      help: 'check that the server runs and can be reached from here, then run the same command again',
    });
  return new ChimeraError('CHM606', `cannot ${at.doing} ${at.url}: ${said || code}`, {
    ...more,
    help: 'the store answered as above; what was committed before is intact',
  });
}

function redact(text: string, secrets: readonly string[]): string {
  let out = text;
  for (const s of secrets) if (s !== '') out = out.replaceAll(s, '…');
  return out;
}
