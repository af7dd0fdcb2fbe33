import type { Bus } from '../../graph/bus/bus.ts';
import type { PartSnapshot } from '../../graph/cut/part-snapshot.ts';
import { type MetricsServer, parseMetricsAddress, type Readiness, serveMetrics } from './serve-metrics.ts';

/** Of the part alone, while the bus is well. */
const LEASE_LOST = 'CHM521';

/** The parts of a process as they were last heard of, with the state of the bus as it is now. */
export class PartSnapshots {
  readonly #bus: Pick<Bus, 'state'>;
  readonly #expected: readonly string[];
  readonly #latest = new Map<string, PartSnapshot>();
  /** @param expected ids of the parts that this process runs */
  constructor(bus: Pick<Bus, 'state'>, expected: readonly string[]) {
    this.#bus = bus;
    this.#expected = expected;
  }
  take(snapshot: PartSnapshot): void {
    this.#latest.set(snapshot.part, snapshot);
  }
  /** A part that waits for the bus says nothing; what it waits for, and that this is over, is known all the same. */
  list(): PartSnapshot[] {
    const { state } = this.#bus;
    const own = (s: PartSnapshot): boolean => s.state?.code === LEASE_LOST && state?.code === undefined;
    return [...this.#latest.values()].map((s) => (state === undefined || own(s) ? s : { ...s, state }));
  }
  /** Ready: every part holds its lease and has made a commit. */
  ready(): Readiness {
    const missing = this.#expected.filter((p) => !this.#latest.has(p));
    return missing.length === 0 ? { ready: true } : { ready: false, reason: `no commit yet of ${missing.join(', ')}` };
  }
}

export interface ServedParts extends MetricsServer {
  take(snapshot: PartSnapshot): void;
}
/** Serves the metrics of the parts of a process at `PORT` or `HOST:PORT`. @throws CHM990 */
export async function serveParts(
  address: string,
  bus: Pick<Bus, 'state'>,
  parts: readonly string[],
): Promise<ServedParts> {
  const snapshots = new PartSnapshots(bus, parts);
  const server = await serveMetrics({
    ...parseMetricsAddress(address),
    snapshots: () => snapshots.list(),
    ready: () => snapshots.ready(),
  });
  return { ...server, take: (s) => snapshots.take(s) };
}
