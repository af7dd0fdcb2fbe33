import type { Core } from '../../graph/engine/core.ts';
import type { Fielded } from '../../graph/engine/slot.ts';
import { createTap, type Tap, type Watcher } from '../../graph/engine/tap.ts';
import type { PlanNode } from '../../graph/plan/plan.ts';
import type { Schema } from '../../graph/schema/index.ts';
import type { DecisionRows } from './messages.ts';
import { takeColumns } from './port-watch.ts';

/** Decisions of an interval that are kept; beyond it they are counted. A replay at full speed makes more than a page can hold. */
const ROOM = 5000;

/**
 * Keeps, beside each verdict of a node of rules, what it was made of: features, position and guards, as the node saw them in that very
 * step. Copies of numbers and nothing else: what they mean is found out elsewhere.
 */
export class DecisionWatch implements Watcher {
  readonly #node: PlanNode;
  readonly #core: Core;
  readonly #cyclesBefore: () => number;
  readonly #verdict: Tap;
  readonly #features: Tap;
  readonly #position: Tap | undefined;
  readonly #guard: Tap | undefined;
  readonly #schemas: DecisionRows['schemas'];
  readonly #cycles = new Float64Array(ROOM);
  readonly #present = new Float64Array(ROOM);
  #n = 0;
  #missed = 0;

  /** @param cycles of the run before this engine's first */
  constructor(core: Core, node: PlanNode, verdict: Schema, cycles: () => number) {
    this.#core = core;
    this.#node = node;
    this.#cyclesBefore = cycles;
    const input = (port: string) => node.node.inputs.find((e) => e.port === port);
    const tapOf = (port: string) => {
      const e = input(port);
      return e && createTap(node.id, port, e.schema, core.clock);
    };
    this.#verdict = createTap(node.id, 'verdict', verdict, core.clock);
    this.#features = tapOf('features')!;
    this.#position = tapOf('position');
    this.#guard = tapOf('guard');
    this.#schemas = {
      features: input('features')!.schema,
      position: input('position')?.schema ?? null,
      guard: input('guard')?.schema ?? null,
    };
  }
  push(r: Fielded): void {
    const n = this.#n;
    if (n === ROOM) {
      this.#missed++;
      return;
    }
    const { tick } = this.#core.instance(this.#node.index, r.key)!;
    const position = tick['position'] as Fielded;
    const guard = tick['guard'] as Fielded;
    this.#cycles[n] = this.#cyclesBefore() + this.#core.clock.n;
    this.#present[n] = (position.seen ? 1 : 0) | (guard.seen ? 2 : 0);
    this.#verdict.push(r);
    this.#features.push(tick['features'] as Fielded);
    if (this.#position) this.#position.push(position);
    if (this.#guard) this.#guard.push(guard);
    this.#n = n + 1;
  }
  take(): DecisionRows | undefined {
    const n = this.#n;
    if (n === 0 && this.#missed === 0) return undefined;
    const missed = this.#missed;
    this.#n = 0;
    this.#missed = 0;
    return {
      node: this.#node.id,
      n,
      missed,
      cycles: this.#cycles.slice(0, n),
      present: this.#present.slice(0, n),
      verdict: takeColumns(this.#verdict),
      features: takeColumns(this.#features),
      position: this.#position ? takeColumns(this.#position) : null,
      guard: this.#guard ? takeColumns(this.#guard) : null,
      schemas: this.#schemas,
    };
  }
}
