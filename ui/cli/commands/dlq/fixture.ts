import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { DeadLetter } from '../../../../graph/bus/redis/dead-letters.ts';
import { ChimeraError } from '../../../../graph/schema/index.ts';

const Fixture = z.object({
  chimera_dead_letter: z.literal(1),
  id: z.string(),
  reason: z.enum(['undecodable', 'unknown_version', 'trimmed', 'failed', 'late']),
  error: z.string(),
  time_ms: z.number(),
  stream: z.string(),
  group: z.string(),
  entry: z.string(),
  payload_base64: z.string().nullable(),
});

/** A dead letter as a file: the bytes as they were, and what was said of them. */
export const toFixture = (l: DeadLetter): string =>
  `${JSON.stringify(
    {
      chimera_dead_letter: 1,
      id: l.id,
      reason: l.reason,
      error: l.error,
      time_ms: l.timeMs,
      stream: l.stream,
      group: l.group,
      entry: l.entry,
      payload_base64: l.payload?.toString('base64') ?? null,
    } satisfies z.input<typeof Fixture>,
    null,
    2,
  )}\n`;

/** @throws CHM988 when the file is none, CHM910 when it cannot be read */
export function readFixture(file: string): DeadLetter {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (e) {
    throw new ChimeraError('CHM910', `${file} cannot be read (${(e as NodeJS.ErrnoException).code})`, {
      file,
      help: 'name the id of a dead letter, or a file that `chimera dlq export-test` has written',
    });
  }
  let f: z.output<typeof Fixture>;
  try {
    f = Fixture.parse(JSON.parse(text));
  } catch {
    throw new ChimeraError('CHM988', `${file} holds no dead letter`, {
      file,
      help: 'name a file that `chimera dlq export-test` has written',
    });
  }
  return {
    id: f.id,
    reason: f.reason,
    error: f.error,
    timeMs: f.time_ms,
    stream: f.stream,
    group: f.group,
    entry: f.entry,
    ...(f.payload_base64 === null ? {} : { payload: Buffer.from(f.payload_base64, 'base64') }),
  };
}
