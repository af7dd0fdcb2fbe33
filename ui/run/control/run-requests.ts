import { z } from 'zod';
import type { Run } from '../../../graph/runner/runner.ts';
import { ChimeraError } from '../../../graph/schema/index.ts';
import type { ControlInlet } from '../../../sources/control/inlet.ts';
import { type LastValue, lastValue } from './last-value.ts';
import { type ControlServer, handler } from './server.ts';

export interface Hello {
  readonly pipeline: string;
  readonly graph_hash: string;
  readonly pid: number;
  readonly kinds: readonly { kind: string; doc: string }[];
  /** Engine time, µs. */
  readonly now_us: number;
}
/** The kill switch and the last gate, as they stand. */
export interface KillReport {
  readonly state: LastValue['values'] | null;
  readonly status: LastValue['values'] | null;
  readonly now_us: number;
}

/** Wait for the cycle of a command at most so long, ms. */
const APPLY_MS = 3_000;

/** What every live run can be asked. `run` gives it from the moment it is put together. */
export function addRunRequests(server: ControlServer, run: () => Run | undefined, inlet: ControlInlet): void {
  const nothing = z.strictObject({});
  server.add(
    'hello',
    handler('who runs here, and what can be asked', nothing, (): Hello => {
      const r = ready(run());
      const { name, hash } = r.plan.pipeline;
      return { pipeline: name, graph_hash: hash, pid: process.pid, kinds: server.kinds, now_us: r.engine.now };
    }),
  );
  server.add(
    'command',
    handler(
      'a command by a person, as source.control takes it: {command: {kind, who, reason, …}}',
      z.strictObject({ command: z.unknown() }),
      async ({ command }) => {
        const receipt = await inlet.append(command);
        const r = ready(run());
        const until = performance.now() + APPLY_MS;
        // It is journaled; the cycle that it causes is the next thing that the run does.
        while (r.engine.now < receipt.t_avail_us && performance.now() < until)
          await new Promise((done) => setTimeout(done, 1));
        return { receipt, kill: killOf(r) };
      },
    ),
  );
  server.add(
    'kill.status',
    handler('the kill switch: its state, and how far the closing of everything is', nothing, (): KillReport => {
      const r = ready(run());
      const report = killOf(r);
      if (!report)
        throw new ChimeraError('CHM951', `pipeline ${r.plan.pipeline.name} has no kill switch`, {
          help: 'add nodes of the types governance.kill_switch and governance.last_gate',
        });
      return report;
    }),
  );
}

function ready(run: Run | undefined): Run {
  if (run) return run;
  throw new ChimeraError('CHM951', 'the run is still starting', { help: 'ask again in a moment' });
}

/** Null when the pipeline has none. */
export function killOf(run: Run): KillReport | null {
  const of = (type: string): string | undefined => run.plan.nodes.find((n) => n.node.type.type === type)?.id;
  const [kill, gate] = [of('governance.kill_switch'), of('governance.last_gate')];
  if (kill === undefined) return null;
  return {
    state: lastValue(run, kill, 'state')?.values ?? null,
    status: gate === undefined ? null : (lastValue(run, gate, 'status')?.values ?? null),
    now_us: run.engine.now,
  };
}
