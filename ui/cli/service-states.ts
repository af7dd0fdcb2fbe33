import type { Bus } from '../../graph/bus/bus.ts';
import type { PartSnapshot } from '../../graph/cut/part-snapshot.ts';
import { grouped, utc } from '../report/decimal.ts';
import type { ServiceState } from '../run/bus/supervisor.ts';

/** What a supervisor is told, once a second at most. */
export class ServiceStates {
  readonly #bus: Bus;
  readonly #say: (state: ServiceState) => void;
  readonly #latest = new Map<string, PartSnapshot>();
  #said = 0;
  constructor(bus: Bus, say: (state: ServiceState) => void) {
    this.#bus = bus;
    this.#say = say;
  }
  take(snapshot: PartSnapshot): void {
    this.#latest.set(snapshot.part, snapshot);
    if (performance.now() - this.#said < 1000) return;
    this.#said = performance.now();
    const parts = [...this.#latest.values()];
    const code = this.#bus.state?.code;
    this.#say({
      cycles: parts.reduce((n, p) => n + p.cycles, 0),
      now: Math.max(...parts.map((p) => p.nowUs)),
      lagUs: Math.max(...parts.map((p) => p.lagUs)),
      ...(code === undefined ? {} : { code }),
    });
  }
}

/** Engine time, work done, and of each service how far it is behind or what it suffers from. */
export function stateText(states: ReadonlyMap<string, ServiceState>): string {
  const all = [...states.values()];
  const now = Math.max(...all.map((s) => s.now));
  const cycles = all.reduce((n, s) => n + s.cycles, 0);
  const each = [...states].map(([name, s]) => `${name} ${s.code ?? `${(s.lagUs / 1e6).toFixed(1)} s`}`);
  return `${utc(now)}  ${grouped(cycles, 0)} cycles  behind: ${each.join(', ')}`;
}
