import type { DeadLetter as Letter } from '../../graph/bus/redis/dead-letters.ts';
import type { RedisBus } from '../../graph/bus/redis/open-redis-bus.ts';
import type { DeadLetter, Stream } from './contract/records.ts';
import { ApiError, notFound } from './problem.ts';

/** The bus of runs whose services are processes of their own, as the API shows it. Calls throw CHM520, CHM524. */
export interface BusView {
  streams(): Promise<Stream[]>;
  /** Newest first. */
  letters(): Promise<DeadLetter[]>;
  /** Gives a dead letter back to the group that put it aside. @throws CHM1112 it is not there any more, CHM529 it has no payload */
  replay(id: string): Promise<DeadLetter>;
  close(): Promise<void>;
}
/** A list is good for so long, ms: many pages may ask at once. */
const FRESH_MS = 1000;
const ANSWER_MS = 3000;
/** Letters that are shown of one place. */
const MOST_LETTERS = 500;

/**
 * The connection is made at the first question, and again when it failed.
 * @param url with its password, which no answer and no error shows
 */
export function busView(url: string, prefix: string | undefined, now = Date.now): BusView {
  let bus: Promise<RedisBus> | undefined;
  let last: { readonly at: number; readonly streams: Promise<Stream[]> } | undefined;
  const open = async (): Promise<RedisBus> => {
    const { openRedisBus } = await import('../../graph/bus/redis/open-redis-bus.ts');
    return openRedisBus(url, prefix === undefined ? {} : { prefix: `${prefix}:` });
  };
  const ask = async <T>(question: (bus: RedisBus) => Promise<T>): Promise<T> => {
    bus ??= open();
    const asked = bus;
    const opened = await asked.catch((e: unknown) => {
      if (bus === asked) bus = undefined;
      throw e;
    });
    return within(question(opened));
  };
  const placesOf = async (b: RedisBus) => {
    const { findDeadLetters } = await import('../../graph/bus/redis/dead-letters.ts');
    return findDeadLetters(b);
  };
  const readStreams = async (b: RedisBus): Promise<Stream[]> => {
    const { listStreams } = await import('../../graph/bus/redis/stream-list.ts');
    const states = await listStreams(b);
    return states.map(({ name, length, lastId, firstId, last: newest, consumers }) => ({
      name,
      length,
      last_id: lastId,
      first_id: firstId === '' ? null : firstId,
      readers: consumers.map((c) => ({ part: c.name, lag: Math.max(0, newest - c.position) })),
    }));
  };
  return {
    streams: () => {
      if (!last || now() - last.at > FRESH_MS) last = { at: now(), streams: ask(readStreams) };
      return last.streams;
    },
    letters: () =>
      ask(async (b) => {
        const places = await placesOf(b);
        const found = await Promise.all(
          places.map(async (p) => (await p.list({ count: MOST_LETTERS })).map((l) => shown(p.key, l))),
        );
        return found.flat().sort((x, y) => y.at_us - x.at_us);
      }),
    replay: (id) =>
      ask(async (b) => {
        const at = readId(id);
        const place = (await placesOf(b)).find((p) => p.key === at?.place);
        const letter = at && (await place?.show(at.entry));
        if (!place || !letter || !(await place.replay(letter.id))) throw notFound(`dead letter ${id} on the bus`);
        return shown(place.key, letter);
      }),
    close: async () => {
      await (await bus?.catch(() => undefined))?.close();
    },
  };
}

/** Calls of a bus wait until it is well again; who looks at a page does not. */
function within<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, fail) => {
    timer = setTimeout(() => {
      const help = 'look at Redis with `chimera doctor --bus`; services wait for it meanwhile, and nothing is lost';
      fail(new ApiError('CHM524', `the bus has not answered for ${ANSWER_MS / 1000} s`, { help }));
    }, ANSWER_MS);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

/** Ids of dead letters on the bus say where they lie; those of a run's own documents never begin so. */
export const isOnBus = (id: string): boolean => id.startsWith('bus.');
const idOf = (place: string, entry: string): string => `bus.${Buffer.from(place).toString('base64url')}.${entry}`;
function readId(id: string): { place: string; entry: string } | undefined {
  const m = /^bus\.([\w-]+)\.(\d+-\d+)$/.exec(id);
  return m ? { place: Buffer.from(m[1]!, 'base64url').toString(), entry: m[2]! } : undefined;
}

function shown(place: string, l: Letter): DeadLetter {
  return {
    id: idOf(place, l.id),
    at_us: l.timeMs * 1000,
    node: l.part ?? l.group,
    source: l.stream,
    seq: l.records?.after ?? Number.parseInt(l.entry, 10),
    code: /\bCHM\d{3,4}\b/.exec(l.error)?.[0] ?? '',
    reason: `${l.reason}: ${l.error}`,
    values: {
      entry: l.entry,
      schema: l.schema ?? null,
      records: l.records ?? null,
      payload_base64: l.payload === undefined ? null : Buffer.from(l.payload).toString('base64'),
    },
  };
}
