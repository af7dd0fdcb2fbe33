import type { Engine } from '../../../graph/engine/engine.ts';
import type { Plan } from '../../../graph/plan/plan.ts';
import { Vec } from '../../../graph/schema/index.ts';

export type Plain = Record<string, string | number | boolean | null | (number | null)[]>;

/** A value of a port as it stands between two cycles, with the engine time at which it came. Amounts are integers, as in the graph. */
export interface LastValue {
  readonly t_us: number;
  readonly values: Plain;
}

/** A graph at work: a run, or a part of one. */
export interface AtWork {
  readonly plan: Plan;
  readonly engine: Engine;
}
/** The last value of a port; undefined when it never had one, or carries lists. @param key index of the instrument of a keyed node */
export function lastValue(run: AtWork, node: string, port: string, key = 0): LastValue | undefined {
  const planned = run.plan.nodes.find((n) => n.id === node);
  const out = planned?.outs.findIndex((o) => o.port === port) ?? -1;
  if (!planned || out < 0) return undefined;
  const slot = run.engine.core.instance(planned.index, key)?.ports[out]?.slot;
  if (!slot || !('time' in slot) || !slot.seen) return undefined;
  const values: Plain = {};
  for (const name of Object.keys(planned.outs[out]!.schema.fields)) values[name] = plain(slot[name]);
  return { t_us: slot.time, values };
}
function plain(v: unknown): Plain[string] {
  if (v instanceof Vec) return v.toArray().map((x) => (Number.isFinite(x) ? x : null));
  if (typeof v === 'number') return Number.isFinite(v) ? v : null;
  return v as string | boolean;
}
