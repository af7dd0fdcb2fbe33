import { type DeadLetter, type DeadLetters, findDeadLetters } from '../../../../graph/bus/redis/dead-letters.ts';
import { openRedisBus, type RedisBus } from '../../../../graph/bus/redis/open-redis-bus.ts';
import { ChimeraError } from '../../../../graph/schema/index.ts';

/** One dead letter, and where it lies. */
export interface Found {
  readonly place: string;
  readonly letter: DeadLetter;
}

/** Opens a bus for as long as `work` takes. @throws CHM520, CHM524 */
export async function withBus<T>(
  url: string,
  { prefix }: { readonly prefix?: string },
  work: (bus: RedisBus) => Promise<T>,
): Promise<T> {
  const bus = await openRedisBus(url, prefix === undefined ? {} : { prefix: `${prefix}:` });
  try {
    return await work(bus);
  } finally {
    await bus.close();
  }
}

/** All places, or the one that was named. @throws CHM988 when there is none of that name */
export async function placesOf(bus: RedisBus, place: string | undefined): Promise<DeadLetters[]> {
  const places = await findDeadLetters(bus);
  if (place === undefined) return places;
  const named = places.filter((p) => p.key === place);
  if (named.length > 0) return named;
  throw new ChimeraError('CHM988', `there are no dead letters at ${place}`, {
    help: places.length === 0 ? 'there are none at all' : `there are some at ${places.map((p) => p.key).join(', ')}`,
  });
}

const PAGE = 1000;
/** Oldest first within each place. */
export async function* lettersIn(
  places: readonly DeadLetters[],
  most = Number.POSITIVE_INFINITY,
): AsyncGenerator<Found> {
  let left = most;
  for (const place of places)
    for (let after: string | undefined; left > 0; ) {
      const count = Math.min(PAGE, left);
      const page = await place.list({ count, ...(after === undefined ? {} : { after }) });
      for (const letter of page) yield { place: place.key, letter };
      left -= page.length;
      if (page.length < count) break;
      after = page.at(-1)!.id;
    }
}

/** The one dead letter of this id. @throws CHM988 when there is none, or several */
export async function oneOf(
  places: readonly DeadLetters[],
  id: string,
): Promise<{ letters: DeadLetters; letter: DeadLetter }> {
  const found: { letters: DeadLetters; letter: DeadLetter }[] = [];
  for (const letters of places) {
    const letter = await letters.show(id);
    if (letter) found.push({ letters, letter });
  }
  const [first, second] = found;
  if (!first)
    throw new ChimeraError('CHM988', `there is no dead letter ${id}`, {
      help: 'list them with `chimera dlq ls`, with the same --bus and --prefix',
    });
  if (second)
    throw new ChimeraError('CHM988', `there are ${found.length} dead letters ${id}`, {
      help: `name one of their places: ${found.map((f) => `--place ${f.letters.key}`).join(' or ')}`,
    });
  return first;
}
