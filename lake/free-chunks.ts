import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Chunks between two collections: some 2 MB of DuckDB's memory. */
const EVERY = 16;

let collector: ((options?: { type: 'minor' }) => void) | undefined;
let taken = 0;

/**
 * To be called for each chunk that was taken from DuckDB. A chunk's memory is freed when the collector finds its handle,
 * and the collector does not know that 100 KB and more hang on each of them: a scan whose rows go into reused arrays makes so
 * little garbage of its own that hundreds of megabytes of chunks would wait. A collection of the young is some 0.3 ms.
 */
export function chunkTaken(): void {
  if (++taken % EVERY === 0) collect()({ type: 'minor' });
}

/** To be called when tens of megabytes of buffers were let go at once: they are old by then, and a collection of all is far away. Some 20 ms. */
export function buffersLetGo(): void {
  collect()();
}

function collect(): NonNullable<typeof collector> {
  if (!collector) {
    setFlagsFromString('--expose-gc');
    collector = runInNewContext('gc') as NonNullable<typeof collector>;
    setFlagsFromString('--no-expose-gc');
  }
  return collector;
}
