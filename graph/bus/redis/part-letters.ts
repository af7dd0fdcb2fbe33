import type { GivenBack, PutAside } from '../bus.ts';
import type { Keys } from './keys.ts';
import { putAside } from './scripts/put-aside.ts';
import { type Client, runScript } from './scripts/script.ts';

/** Whose dead letters they are: in lists their group is the name of the partition. */
interface Owner {
  readonly client: Client;
  readonly keys: Keys;
  readonly partition: string;
  readonly wallMs: () => number;
}
/** Runs what may be repeated until it succeeds. */
type Persist = <T>(run: () => Promise<T>) => Promise<T>;

/** Letters given back at once. */
const MOST_BACK = 16;

/** They lie in the slot of the stream that they came from; the decision to leave them out was committed before, under the fence. */
export async function putLettersAside(
  { client, keys, partition, wallMs }: Owner,
  persist: Persist,
  letters: readonly PutAside[],
): Promise<void> {
  for (const { stream, entry, reason, error, prev, after, last, part, schema, payload, mark } of letters) {
    const at = [keys.deadLetters(partition, stream), keys.marks(stream, partition)];
    const time = wallMs();
    const text = { reason, error, time, stream, group: partition, id: entry, part, schema, prev, after, last };
    const fields = Object.entries(text).flat();
    const bytes = payload ? ['b', Buffer.from(payload.buffer, payload.byteOffset, payload.length)] : [];
    await persist(() => runScript(client, putAside, at, [mark, time, ...fields, ...bytes]));
  }
}

export async function givenBack(
  { client, keys, partition }: Owner,
  persist: Persist,
  streams: readonly { readonly stream: string; readonly after: string }[],
): Promise<GivenBack[]> {
  const found = await Promise.all(
    streams.map(async ({ stream, after }) => {
      const entries = await persist(() =>
        client.xrangeBuffer(keys.retry(stream, partition), after === '' ? '-' : `(${after}`, '+', 'COUNT', MOST_BACK),
      );
      return entries.map(([id, fields]): GivenBack => {
        const field = new Map<string, Buffer>();
        for (let i = 0; i < fields.length; i += 2) field.set(String(fields[i]), fields[i + 1]!);
        const number = (name: string): number => Number(String(field.get(name)));
        const numbers = { prev: number('prev'), after: number('after'), last: number('last') };
        return { id: String(id), stream, entry: String(field.get('from')), ...numbers, payload: field.get('b')! };
      });
    }),
  );
  return found.flat();
}

export async function tookBack(
  { client, keys, partition }: Owner,
  persist: Persist,
  streams: readonly { readonly stream: string; readonly upTo: string }[],
): Promise<void> {
  for (const { stream, upTo } of streams) {
    const key = keys.retry(stream, partition);
    await persist(async () => {
      const ids = (await client.xrange(key, '-', upTo, 'COUNT', 1000)).map(([id]) => id);
      if (ids.length > 0) await client.xdel(key, ...ids);
    });
  }
}
