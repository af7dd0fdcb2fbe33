import { z } from 'zod';
import type { Run } from '../../../graph/runner/runner.ts';
import { ChimeraError } from '../../../graph/schema/index.ts';
import type { ControlInlet } from '../../../sources/control/inlet.ts';
import { type AtWork, type LastValue, lastValue } from './last-value.ts';
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

/** A live run, wherever its nodes are. */
export interface RunFace {
  readonly name: string;
  readonly hash: string;
  /** Engine time where commands come in, µs. */
  readonly now: number;
  /**
   * The kill switch; null when the pipeline has none.
   * @param after what happened at this engine time (µs) is in the answer, unless that takes too long
   */
  kill(after?: number): Promise<KillReport | null>;
}
/** A run whose nodes are all in this process. */
export const faceOf = (run: Run): RunFace => ({
  name: run.plan.pipeline.name,
  hash: run.plan.pipeline.hash,
  get now() {
    return run.engine.now;
  },
  kill: () => Promise.resolve(killOf(run)),
});

/** What every live run can be asked. `run` gives it from the moment it is put together. */
export function addRunRequests(server: ControlServer, run: () => RunFace | undefined, inlet: ControlInlet): void {
  const nothing = z.strictObject({});
  server.add(
    'hello',
    handler('who runs here, and what can be asked', nothing, (): Hello => {
      const { name, hash, now } = ready(run());
      return { pipeline: name, graph_hash: hash, pid: process.pid, kinds: server.kinds, now_us: now };
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
        while (r.now < receipt.t_avail_us && performance.now() < until)
          await new Promise((done) => setTimeout(done, 1));
        return { receipt, kill: await r.kill(isAboutKill(command) ? receipt.t_avail_us : undefined) };
      },
    ),
  );
  server.add(
    'kill.status',
    handler(
      'the kill switch: its state, and how far the closing of everything is',
      nothing,
      async (): Promise<KillReport> => {
        const r = ready(run());
        const report = await r.kill();
        if (!report)
          throw new ChimeraError('CHM951', `pipeline ${r.name} has no kill switch`, {
            help: 'add nodes of the types governance.kill_switch and governance.last_gate',
          });
        return report;
      },
    ),
  );
}

function ready(run: RunFace | undefined): RunFace {
  if (run) return run;
  throw new ChimeraError('CHM951', 'the run is still starting', { help: 'ask again in a moment' });
}

const isAboutKill = (command: unknown): boolean => /^kill_/.test(String((command as { kind?: unknown } | null)?.kind));

/** Null when the pipeline has none. */
export function killOf(run: AtWork): KillReport | null {
  const of = (type: string): string | undefined => run.plan.nodes.find((n) => n.node.type.type === type)?.id;
  const [kill, gate] = [of('governance.kill_switch'), of('governance.last_gate')];
  if (kill === undefined) return null;
  return {
    state: lastValue(run, kill, 'state')?.values ?? null,
    status: gate === undefined ? null : (lastValue(run, gate, 'status')?.values ?? null),
    now_us: run.engine.now,
  };
}
