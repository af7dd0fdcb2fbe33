import type { Bus } from '../../../graph/bus/bus.ts';
import type { Cut, Part } from '../../../graph/cut/cut.ts';
import type { Engine } from '../../../graph/engine/engine.ts';
import { ControlInlet } from '../../../sources/control/inlet.ts';
import { type LastValue, lastValue } from '../control/last-value.ts';
import { addRunRequests, type KillReport, type RunFace } from '../control/run-requests.ts';
import { ControlServer } from '../control/server.ts';

/** What is told about the kill switch, by the type of the node that says it. */
const TOLD = [
  { type: 'governance.kill_switch', port: 'state' },
  { type: 'governance.last_gate', port: 'status' },
] as const;

/** What happened is known to all services within the time between two commits; longer than this it is not waited for, ms. */
const KNOWN_MS = 5_000;

/**
 * Commands by people for a run whose services are processes: the one with `source.control` listens in the state folder, as an
 * embedded run does; those with kill switch and last gate say through the bus how these stand.
 */
export class LiveControl {
  readonly inlet = new ControlInlet();
  readonly #bus: Bus;
  readonly #cut: Cut;
  readonly #state: string;
  readonly #engines = new Map<string, Engine>();
  /** Engine time of what was told last, by type. */
  readonly #said = new Map<string, number>();
  #saying: Promise<void> = Promise.resolve();
  #server: ControlServer | undefined;

  constructor(bus: Bus, cut: Cut, state: string) {
    this.#bus = bus;
    this.#cut = cut;
    this.#state = state;
  }
  /** A life of a part begins. */
  engine(part: Part, engine: Engine): void {
    this.#engines.set(part.id, engine);
  }
  /** @throws CHM958 when a run that lives has the folder */
  async open(parts: readonly Part[]): Promise<void> {
    const entrance = parts.find((p) => this.#nodeOf(p, 'source.control') !== undefined);
    if (!entrance) return;
    const { name, hash } = this.#cut.plan.pipeline;
    const engineOf = () => this.#engines.get(entrance.id);
    const face: RunFace = {
      name,
      hash,
      get now() {
        return engineOf()?.now ?? Number.NEGATIVE_INFINITY;
      },
      kill: (after) => this.#kill(after),
    };
    this.#server = new ControlServer(this.#state, name);
    addRunRequests(this.#server, () => (engineOf() ? face : undefined), this.inlet);
    await this.#server.listen();
  }
  /** A part has committed: what it holds is told where it is another than before. The part does not wait for that. */
  committed(part: Part): void {
    const engine = this.#engines.get(part.id);
    if (!engine) return;
    for (const { type, port } of TOLD) {
      const node = this.#nodeOf(part, type);
      const value = node === undefined ? undefined : lastValue({ plan: engine.core.plan, engine }, node, port);
      if (!value || this.#said.get(type) === value.t_us) continue;
      this.#said.set(type, value.t_us);
      const text = JSON.stringify({ now: engine.now, ...value });
      // One after the other: the last word counts.
      this.#saying = this.#saying
        .then(() => this.#bus.say(this.#word(type), text))
        .catch(() => void this.#said.delete(type));
    }
  }
  async close(): Promise<void> {
    await this.#server?.close();
    await this.#saying;
  }

  async #kill(after: number | undefined): Promise<KillReport | null> {
    const has = this.#cut.parts.some((p) => this.#nodeOf(p, 'governance.kill_switch') !== undefined);
    if (!has) return null;
    const until = performance.now() + KNOWN_MS;
    for (;;) {
      const [state, status] = await Promise.all(TOLD.map(({ type }) => this.#told(type)));
      const isKnown = after === undefined || (state !== undefined && state.t_us >= after);
      if (isKnown || performance.now() > until)
        return {
          state: state?.values ?? null,
          status: status?.values ?? null,
          now_us: Math.max(state?.now ?? 0, status?.now ?? 0),
        };
      await new Promise((done) => setTimeout(done, 20));
    }
  }
  async #told(type: string): Promise<(LastValue & { now: number }) | undefined> {
    const text = await this.#bus.said(this.#word(type));
    return text === undefined ? undefined : (JSON.parse(text) as LastValue & { now: number });
  }
  #word(type: string): string {
    return `{${this.#cut.plan.pipeline.name}:${type}}`;
  }
  #nodeOf(part: Part, type: string): string | undefined {
    return part.nodes.find((n) => n.node.type.type === type)?.id;
  }
}
