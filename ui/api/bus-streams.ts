import type { RedisBus } from '../../graph/bus/redis/open-redis-bus.ts';
import type { Stream } from './contract/records.ts';

/** The streams of a bus that the API was told of. */
export interface BusStreams {
  list(): Promise<Stream[]>;
  close(): Promise<void>;
}
/** A list is good for so long, ms: many pages may ask at once. */
const FRESH_MS = 1000;

/**
 * The bus of runs whose services are processes of their own. The connection is made at the first question, and again when it failed.
 * @param url with its password, which no answer and no error shows
 * @throws CHM520, CHM524 (at a question)
 */
export function busStreams(url: string, prefix: string | undefined, now = Date.now): BusStreams {
  let bus: Promise<RedisBus> | undefined;
  let last: { readonly at: number; readonly streams: Promise<Stream[]> } | undefined;
  const open = async (): Promise<RedisBus> => {
    const { openRedisBus } = await import('../../graph/bus/redis/open-redis-bus.ts');
    return openRedisBus(url, prefix === undefined ? {} : { prefix: `${prefix}:` });
  };
  const read = async (): Promise<Stream[]> => {
    bus ??= open();
    const { listStreams } = await import('../../graph/bus/redis/stream-list.ts');
    try {
      const states = await listStreams(await bus);
      return states.map(({ name, length, lastId, firstId, last, consumers }) => ({
        name,
        length,
        last_id: lastId,
        first_id: firstId === '' ? null : firstId,
        readers: consumers.map((c) => ({ part: c.name, lag: Math.max(0, last - c.position) })),
      }));
    } catch (e) {
      const failed = bus;
      bus = undefined;
      void failed.then(
        (b) => b.close(),
        () => undefined,
      );
      throw e;
    }
  };
  return {
    list: () => {
      if (!last || now() - last.at > FRESH_MS) last = { at: now(), streams: read() };
      return last.streams;
    },
    close: async () => {
      await (await bus?.catch(() => undefined))?.close();
    },
  };
}
