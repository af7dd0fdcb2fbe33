import type { Pipeline } from '../../graph/document/types.ts';
import type { PlannedReload, ReloadRecord } from '../../graph/reload/reload.ts';
import type { Warmer, Warming } from '../../graph/reload/warm.ts';
import { turn } from '../../graph/runner/live.ts';
import type { Ladder } from './inspect/ladder.ts';
import { BEGINNING, type Mark, PastRun, type PastRunOptions } from './inspect/past-run.ts';
import { TimeMachine } from './inspect/time-machine.ts';

export interface WarmPast extends Pick<PastRunOptions, 'first' | 'keys' | 'reader'> {
  /** Changes of the graph so far, those that a replay knows of included. */
  readonly reloads: readonly PlannedReload[];
  readonly ladder: Ladder | undefined;
}

/** Inputs that a warming may run at most: a second or two of the processor, most of it while the old graph runs. */
const MOST_INPUTS = 400_000;
/** Rows between two moments that are left to the running graph. */
const SLICE = 4096;

/** Warms fresh nodes from the run's own past: from a checkpoint of its ladder, as near as is far enough. */
export const warmerOf =
  (past: () => WarmPast): Warmer =>
  async (next, nodes, events, known) => {
    const { ladder, ...rest } = past();
    const asks = (p: Pipeline) => p.nodes.some((n) => n.type.kind === 'async');
    // What they were told in the past, or would have been, is not known.
    if (asks(next) || asks(rest.first) || rest.reloads.some((r) => asks(r.pipeline))) return undefined;
    const options: PastRunOptions = { ...rest, outcomes: [], until: null };
    if (known) return begin(options, next, await markOf(options, known, ladder));
    let best: Warming | undefined;
    for (const mark of starts(ladder, events())) {
      await best?.close();
      const warming = begin(options, next, mark);
      best = warming;
      // Up to here and no further: a run as fast as it can be is never caught up with. The rest is run when the graph takes over.
      const now = events();
      while (await warming.forward(now)) await turn();
      if (warming.hasSaid(nodes)) break;
    }
    return best;
  };

/** Places to begin at, the nearest first, each about four times as far back as the one before. */
function* starts(ladder: Ladder | undefined, events: number): Generator<Mark> {
  let least = 1000;
  for (const r of [...(ladder?.rungs ?? [])].reverse()) {
    const back = events - r.events;
    if (back > MOST_INPUTS) return;
    if (back < least) continue;
    const commit = ladder!.load(r);
    if (!commit) continue;
    least = back * 4;
    yield { ...r, snapshot: commit.snapshot };
  }
  if (events > 0 && events <= MOST_INPUTS) yield BEGINNING;
}
/** The same place in a run that comes the same way again. */
async function markOf(options: PastRunOptions, { n, warmed }: ReloadRecord, ladder?: Ladder): Promise<Mark> {
  if (!warmed || warmed.from.cycles === 0) return BEGINNING;
  const rung = ladder?.rungs.find((r) => r.cycles === warmed.from.cycles && r.reloads === warmed.from.reloads);
  const commit = rung && ladder!.load(rung);
  if (rung && commit) return { ...rung, snapshot: commit.snapshot };
  const machine = new TimeMachine({ ...options, reloads: options.reloads.slice(0, n - 1), taps: [] }, ladder);
  try {
    return await machine.mark({ cycle: warmed.from.cycles });
  } finally {
    await machine.close();
  }
}

function begin(options: PastRunOptions, next: Pipeline, mark: Mark) {
  const run = new PastRun({ ...options, first: next, reloads: [], taps: [] });
  let begun: Promise<void> | undefined;
  const start = () => (begun ??= mark.snapshot ? run.goTo({ ...mark, reloads: 0 }) : Promise.resolve());
  return {
    from: { cycles: mark.cycles, reloads: mark.reloads },
    /** @returns whether there was something to run */
    async forward(events: number): Promise<boolean> {
      await start();
      return run.events < events && (await run.rows(Math.min(SLICE, events - run.events))) > 0;
    },
    async at(place: ReloadRecord['at']) {
      await start();
      while ((await this.forward(place.events)) === true);
      if (place.until !== null) await run.settle(place.until);
      return run.engine.snapshot();
    },
    /** Every instance of these nodes has had a value on some port. */
    hasSaid(nodes: readonly string[]): boolean {
      const { instances } = run.engine.snapshot();
      return nodes.every((id) => {
        const own = instances.filter((i) => i.node === id);
        return own.length > 0 && own.every((i) => i.ports.length === 0 || i.ports.some((p) => p.seen));
      });
    },
    close: () => run.close(),
  };
}
