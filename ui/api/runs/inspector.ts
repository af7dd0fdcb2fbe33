import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Pipeline } from '../../../graph/document/types.ts';
import type { KeyTable, Schema } from '../../../graph/schema/index.ts';
import { openPast } from '../../run/inspect/open.ts';
import { type Moment as Place, TimeMachine } from '../../run/inspect/time-machine.ts';
import type { Moment, NodeAt, Row } from '../contract/records.ts';
import type { RunInspector } from '../ports.ts';
import { shown } from './rows.ts';

/** An engine for looking into a run is let go when nobody has asked for so long, ms. */
const IDLE_MS = 5 * 60_000;
/** Elements of a list in a state that are shown. */
const MOST_ELEMENTS = 200;

type Where = { readonly cycle?: number | undefined; readonly at_us?: number | undefined };

/**
 * The time machine of a run for the API: it computes the run again from its checkpoints and journals, here and not in the thread of the
 * run's engine.
 */
export class Inspector implements RunInspector {
  readonly #state: string;
  readonly #capture: string | undefined;
  readonly #pipeline: () => Pipeline;
  #open: Promise<{ machine: TimeMachine; keys: KeyTable; schemas: Map<string, Schema> }> | undefined;
  #idle: NodeJS.Timeout | undefined;

  /**
   * @param pipeline the graph that the run began with, or one that took over
   * @param capture lake that the run captured: it has what is no longer in the journal
   */
  constructor(state: string, pipeline: () => Pipeline, capture?: string) {
    this.#state = state;
    this.#capture = capture;
    this.#pipeline = pipeline;
  }
  /** Whether a folder has what is needed. */
  static has(state: string | undefined): state is string {
    return state !== undefined && existsSync(join(state, 'journal'));
  }

  async node({ node, key, ...where }: Parameters<RunInspector['node']>[0]): Promise<NodeAt> {
    const { machine, keys, schemas } = await this.#machine();
    const which = { node, ...(key === undefined ? {} : { key }) };
    const { cycle, t, nodes } = await machine.view(placeOf(where), which);
    const found = nodes.find((n) => key === undefined || n.key === key);
    const last = (found?.ports ?? []).map((p): [string, Row | null] => [
      p.port,
      p.values === null
        ? null
        : {
            source: '',
            seq: 0,
            at_us: p.t ?? t,
            key: found!.key || null,
            values: valuesOf(p.values, schemas.get(`${node}.${p.port}`), found!.key, keys),
          },
    ]);
    return {
      node,
      key: found?.key || null,
      cycle,
      at_us: t,
      state: plain(found?.state ?? null),
      last: Object.fromEntries(last),
    };
  }
  async moment({ step, ...where }: Parameters<RunInspector['moment']>[0]): Promise<Moment> {
    const { machine, keys, schemas } = await this.#machine();
    const from = step === 0 ? placeOf(where) : { cycle: (await machine.cycle(placeOf(where))).cycle + step };
    const { cycle, t, cause, ran, emitted } = await machine.cycle(from);
    return {
      cycle,
      at_us: t,
      cause,
      ran: ran.map(({ node, key }) => {
        const out: Record<string, Row[]> = {};
        for (const e of emitted) {
          if (e.node !== node || e.key !== key) continue;
          const values = valuesOf(e.values, schemas.get(`${node}.${e.port}`), key, keys);
          out[e.port] = [...(out[e.port] ?? []), { ...cause, at_us: t, key: key || null, values }];
        }
        return { node, key: key || null, out };
      }),
    };
  }
  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const open = this.#open;
    this.#open = undefined;
    await (await open?.catch(() => undefined))?.machine.close();
  }

  #machine(): Promise<{ machine: TimeMachine; keys: KeyTable; schemas: Map<string, Schema> }> {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => void this.close(), IDLE_MS);
    this.#idle.unref();
    this.#open ??= this.#begin().catch((e: unknown) => {
      this.#open = undefined;
      throw e;
    });
    return this.#open;
  }
  async #begin() {
    const pipeline = this.#pipeline();
    const { options, ladder, latest } = await openPast({
      pipeline,
      state: this.#state,
      ...(this.#capture === undefined ? {} : { capture: this.#capture }),
    });
    const schemas = new Map<string, Schema>();
    for (const p of [options.first, latest])
      for (const n of p.nodes)
        for (const [port, spec] of Object.entries(n.out)) schemas.set(`${n.id}.${port}`, spec.schema);
    return { machine: new TimeMachine(options, ladder), keys: options.keys, schemas };
  }
}

const placeOf = ({ cycle, at_us }: Where): Place =>
  cycle !== undefined ? { cycle } : at_us !== undefined ? { t: at_us } : 'end';

function valuesOf(
  values: Readonly<Record<string, unknown>>,
  schema: Schema | undefined,
  key: string,
  keys: KeyTable,
): Record<string, unknown> {
  const info = key === '' ? undefined : keys.find(key);
  return Object.fromEntries(
    Object.entries(values).map(([name, v]) => {
      const field = schema?.fields[name];
      if (!field || v === null || v === undefined) return [name, v ?? null];
      return [name, shown(field, field.kind === 'list' ? [...(v as Iterable<number>)] : v, info)];
    }),
  );
}

/** A state as JSON can say it. */
function plain(value: unknown): unknown {
  if (ArrayBuffer.isView(value) && !(value instanceof DataView))
    return plain(Array.from(value as unknown as Iterable<number>));
  if (Array.isArray(value)) return value.slice(0, MOST_ELEMENTS).map(plain);
  if (value instanceof Map)
    return Object.fromEntries([...value].slice(0, MOST_ELEMENTS).map(([k, v]) => [String(k), plain(v)]));
  if (value instanceof Set) return [...value].slice(0, MOST_ELEMENTS).map(plain);
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return Number.isNaN(value) ? null : String(value);
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]));
  return value;
}
