/** No stream of a venue that works is silent for as long as this, ms of the wall. */
const PATIENCE_MS = 15_000;

/**
 * Awaits a watch method again and again until `enough` says so. A method that stays silent is given up after the time-out.
 * @throws Error that says what was waited for and how much had come
 */
export async function gather<T>(
  what: string,
  watch: () => Promise<T>,
  enough: (got: readonly T[]) => boolean,
  timeoutMs = PATIENCE_MS,
): Promise<T[]> {
  const got: T[] = [];
  const late = alarm(timeoutMs);
  try {
    while (!enough(got)) {
      const next = watch();
      // Left behind at a time-out, it is rejected when the client closes.
      next.catch(() => {});
      const value = await Promise.race([next, late.rings]);
      if (value === RANG) throw new Error(`${what}: only ${got.length} came within ${timeoutMs} ms`);
      got.push(value as T);
    }
  } finally {
    late.off();
  }
  return got;
}

/** Reads a state until it is as wanted: for what the exchange does in its own time, such as a fill. */
export async function until<T>(
  what: string,
  read: () => Promise<T>,
  wanted: (value: T) => boolean,
  timeoutMs = PATIENCE_MS,
  pauseMs = 25,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const value = await read();
    if (wanted(value)) return value;
    if (Date.now() > end) throw new Error(`${what}: not within ${timeoutMs} ms, it is ${JSON.stringify(value)}`);
    const pause = alarm(pauseMs);
    await pause.rings;
  }
}

/** At least so many, and for at least so long. */
export function atLeast(count: number, ms: number): (got: readonly unknown[]) => boolean {
  const end = Date.now() + ms;
  return (got) => got.length >= count && Date.now() >= end;
}

const RANG = Symbol('rang');
function alarm(ms: number): { rings: Promise<typeof RANG>; off: () => void } {
  let off = (): void => {};
  const rings = new Promise<typeof RANG>((resolve) => {
    const timer = setTimeout(resolve, ms, RANG);
    off = () => clearTimeout(timer);
  });
  return { rings, off };
}
