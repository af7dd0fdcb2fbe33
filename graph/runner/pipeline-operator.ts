import { Observable, type OperatorFunction } from 'rxjs';
import type { Pipeline } from '../document/types.ts';
import { Engine } from '../engine/engine.ts';
import { type Tap, tapRow } from '../engine/tap.ts';
import type { Sink } from '../node.ts';
import { createPlan, type Plan } from '../plan/plan.ts';
import { ChimeraError, KeyTable } from '../schema/index.ts';
import { type InputRow, toBlock } from './rows-reader.ts';

/** One value of an out-port of a pipeline. */
export interface Emission {
  /** `node.port`. */
  port: string;
  /** Source or node that caused it, and its number there: the same in every placement. */
  cause: string;
  seq: number;
  /** Engine time, µs. */
  now: number;
  /** Index in the key table; −1 = none. */
  key: number;
  values: Record<string, unknown>;
}
export interface PipelineOperatorOptions {
  /** The source node that the rows come in through; other sources stay silent. */
  source: string;
  /** Ports to emit, `node.port`: within one input first by port as listed, then in order. */
  out: readonly string[];
  /** Instruments with their decimals. Keys of rows are indices into it. */
  keys?: KeyTable;
  mode?: 'generated' | 'interpreted';
}

/**
 * A whole pipeline as a plain RxJS operator over the rows of one of its sources: what the engine would give, byte for
 * byte. Each subscription has its own cold state. Sinks receive nothing. Timers fire before the first row at or after
 * their time; completion closes what is open, as the end of an input does.
 * @throws CHM790 when there is no such source or port
 */
export function pipelineOperator(
  pipeline: Pipeline,
  options: PipelineOperatorOptions,
): OperatorFunction<InputRow, Emission> {
  const plan = createPlan(pipeline);
  const source = plan.sources.find((s) => plan.nodes[s]!.id === options.source);
  if (source === undefined) throw unknown(`${pipeline.name} has no source ${options.source}`, sourcesOf(plan));
  const known = plan.nodes.flatMap((n) => n.outs.map((o) => `${n.id}.${o.port}`));
  for (const port of options.out)
    if (!known.includes(port)) throw unknown(`${pipeline.name} has no port ${port}`, known);

  return (rows$) =>
    new Observable((subscriber) => {
      const engine = new Engine(plan, options.keys ?? new KeyTable(), {
        taps: options.out,
        ...(options.mode ? { mode: options.mode } : {}),
      });
      for (const n of plan.nodes) if (n.node.type.kind === 'sink') engine.core.single[n.index]!.sink = SILENT;
      const taps = options.out.map((port) => engine.taps.find((t) => `${t.node}.${t.port}` === port)!);
      const ports = plan.nodes[source]!.outs.map((o) => ({ name: o.port, schema: o.schema }));
      let seq = 0;
      const pass = (run: () => void) => {
        try {
          run();
        } catch (e) {
          const { code, message, node, source: by, seq: n, field } = engine.failure(e);
          subscriber.error(
            e instanceof ChimeraError
              ? e
              : new ChimeraError(code, `${message} (input ${by} #${n})`, {
                  ...(node ? { node } : {}),
                  source: by,
                  seq: n,
                  ...(field ? { field } : {}),
                  cause: e,
                }),
          );
          return;
        }
        for (const tap of taps) {
          for (let i = 0; i < tap.n; i++) subscriber.next(emission(tap, i));
          tap.truncate(0);
        }
      };
      return rows$.subscribe({
        next: (row) => pass(() => engine.run(source, toBlock(ports, [row], seq++), 0)),
        error: (e) => subscriber.error(e),
        complete: () => {
          pass(() => engine.end());
          subscriber.complete();
        },
      });
    });
}

/** Within a cycle a sink is only written to. */
const SILENT = { write: () => {} } as unknown as Sink<never>;
const sourcesOf = (plan: Plan): string[] => plan.sources.map((s) => plan.nodes[s]!.id);
const unknown = (message: string, known: readonly string[]): ChimeraError =>
  new ChimeraError('CHM790', message, { help: `there are: ${known.join(', ')}` });
const emission = (tap: Tap, i: number): Emission => ({
  port: `${tap.node}.${tap.port}`,
  cause: tap.cause(i),
  seq: tap.seq(i),
  now: tap.time(i),
  key: tap.key(i),
  values: tapRow(tap, i),
});
