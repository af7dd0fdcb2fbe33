import { z } from 'zod';
import { ChimeraError } from '../../../graph/schema/index.ts';

/**
 * How another process of the same machine talks to a run: a unix domain socket of mode 0600 in the run's state folder, one JSON
 * object a line each way.
 *
 *     → {"v":1,"id":"7","kind":"kill.status"}
 *     ← {"v":1,"id":"7","ok":true,"result":{…}}
 *     → {"v":1,"id":"8","kind":"command","command":{"kind":"kill_engage","who":"ana","reason":"drill"}}
 *     ← {"v":1,"id":"8","ok":false,"error":{"code":"CHM951","message":"…","help":"…","field":null}}
 *
 * `id` is the caller's, and comes back with the answer: several requests may be under way on one connection, and answers come as they
 * are ready. `kind` says what is asked; the other fields are the kind's own. A request that cannot be read is answered with id "".
 * A run may add kinds and fields of results; a caller passes over fields that it does not know. Another meaning is another `v`.
 */
export const VERSION = 1;
export const MAX_LINE = 64 * 1024;

const Envelope = z.looseObject({
  v: z.literal(VERSION),
  id: z.string().min(1).max(100),
  kind: z.string().regex(/^[a-z][a-z0-9_.]{0,63}$/),
});
export type Request = z.output<typeof Envelope>;

export interface AnswerError {
  readonly code: string;
  readonly message: string;
  readonly help: string | null;
  readonly field: string | null;
}
export type Answer =
  | { readonly v: 1; readonly id: string; readonly ok: true; readonly result: unknown }
  | { readonly v: 1; readonly id: string; readonly ok: false; readonly error: AnswerError };

const AnswerLine = z.discriminatedUnion('ok', [
  z.looseObject({ v: z.literal(VERSION), id: z.string(), ok: z.literal(true), result: z.unknown() }),
  z.looseObject({
    v: z.literal(VERSION),
    id: z.string(),
    ok: z.literal(false),
    error: z.looseObject({
      code: z.string(),
      message: z.string(),
      help: z.string().nullable(),
      field: z.string().nullable(),
    }),
  }),
]);

/** @throws CHM956 */
export function readRequest(line: string): Request {
  const read = Envelope.safeParse(jsonOf(line));
  if (read.success) return read.data;
  const { path, message } = read.error.issues[0]!;
  throw malformed(`${path.join('.') || 'the line'}: ${message}`);
}
/** @throws CHM956 */
export function readAnswer(line: string): Answer {
  const read = AnswerLine.safeParse(jsonOf(line));
  if (!read.success) throw malformed('the run answered with something else than an answer');
  return read.data as Answer;
}
export const malformed = (why: string): ChimeraError =>
  new ChimeraError('CHM956', `the request cannot be read: ${why}`, {
    help: 'one JSON object a line: {"v":1,"id":"1","kind":"hello"}',
  });

export function errorOf(e: unknown): AnswerError {
  if (e instanceof ChimeraError)
    return { code: e.code, message: e.message, help: e.help ?? null, field: e.where.field ?? null };
  // What is inside of an unexpected error is not for strangers.
  return { code: 'CHM799', message: 'a fault of Chimera', help: 'look at the log of the run', field: null };
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
