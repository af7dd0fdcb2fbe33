import { median } from '../stats.ts';
import type { Compared, Comparison, Engine, Figure, Measured, Outcome, Ran, Workload } from './workload.ts';

/** A comparison and what it came to. */
export interface Told {
  /** Engines by name. */
  ours: string;
  against: string | undefined;
  of: NonNullable<Comparison['of']>;
  /** Ours over theirs, or ours: median, least and most of the turns; none where a row is missing. */
  measured: [number, number, number] | undefined;
  /** `≥ 3`, `≤ 0.1` */
  goal: string | undefined;
  /** Not said where the goal is for another size. */
  reached: boolean | undefined;
}

const QUANTITIES: Readonly<Record<Exclude<Told['of'], 'figure'>, Pick<Figure, 'better' | 'of'>>> = {
  process: { better: 'more', of: (r) => r.rows / r.process_cpu_s },
  wall: { better: 'more', of: (r) => r.rows / r.wall_s },
  memory: { better: 'less', of: (r) => r.peak_rss_mb },
};

/** Every comparison of a workload; turns are paired, as both met the same machine. Goals are for the full size: others are not `judged`. */
export function tell(w: Workload, outcomes: readonly Outcome[], judged = true): Told[] {
  const ran = outcomes.filter((o) => 'runs' in o);
  return w.comparisons.map((c): Told => {
    const of = c.of ?? 'figure';
    const quantity = of === 'figure' ? w.figure : QUANTITIES[of];
    const values = (o: { runs: readonly Measured[] }) => o.runs.map(quantity.of);
    const ours = ran.find((o) => o.engine.id === c.ours);
    const peers = ran.filter((o) => (c.against === 'event' ? o.engine.kind === 'event' : o.engine.id === c.against));
    const best = peers.length === 0 ? undefined : peers.reduce((a, b) => (better(quantity, b, a) ? b : a));
    const known = ours !== undefined && (c.against === undefined || best !== undefined);
    const each = known ? ratios(values(ours), best && values(best)) : [];
    const measured: Told['measured'] =
      each.length === 0 ? undefined : [median(each), Math.min(...each), Math.max(...each)];
    return {
      ours: nameOf(w, c.ours),
      against: best?.engine.name ?? (c.against === undefined ? undefined : nameOf(w, c.against)),
      of,
      measured,
      ...goalOf(c, measured?.[0], judged),
    };
  });

  function better(q: Pick<Figure, 'better' | 'of'>, a: { runs: Measured[] }, b: { runs: Measured[] }): boolean {
    const [x, y] = [median(a.runs.map(q.of)), median(b.runs.map(q.of))];
    return q.better === 'more' ? x > y : x < y;
  }
}
const nameOf = (w: Workload, id: string): string =>
  id === 'event' ? 'the best event-driven peer' : (w.engines.find((e) => e.id === id)?.name ?? id);
const ratios = (ours: readonly number[], theirs: readonly number[] | undefined): number[] =>
  theirs === undefined
    ? [...ours]
    : Array.from({ length: Math.min(ours.length, theirs.length) }, (_, i) => ours[i]! / theirs[i]!);

function goalOf(c: Comparison, x: number | undefined, judged: boolean): Pick<Told, 'goal' | 'reached'> {
  const words = [
    ...(c.atLeast === undefined ? [] : [`≥ ${c.atLeast.toLocaleString('en-US')}`]),
    ...(c.atMost === undefined ? [] : [`≤ ${c.atMost.toLocaleString('en-US')}`]),
  ];
  if (words.length === 0) return { goal: undefined, reached: undefined };
  if (!judged) return { goal: words.join(', '), reached: undefined };
  const reached = x !== undefined && x >= (c.atLeast ?? -Infinity) && x <= (c.atMost ?? Infinity);
  return { goal: words.join(', '), reached };
}

/**
 * Whether engines found the same: every number of every run beside those of the first one's first run, which may differ by
 * `tolerance` of it (what is added up in another order, or beyond 2^53).
 */
export function sameResults(what: string, ran: readonly Ran[], tolerance = 0): Compared[] {
  const first = ran.find((r) => r.runs[0]?.result);
  const mine = first?.runs[0]?.result;
  if (!first || !mine) return [];
  const differs = (theirs: readonly number[]) =>
    theirs.length !== mine.length || theirs.some((x, i) => !(Math.abs(x - mine[i]!) <= tolerance * Math.abs(mine[i]!)));
  const others: { engine: Engine; wrong: readonly number[] | undefined }[] = ran
    .filter((r) => r.runs.some((m) => m.result))
    .map((r) => ({ engine: r.engine, wrong: r.runs.map((m) => m.result ?? []).find(differs) }));
  const same = others.filter((o) => !o.wrong).map((o) => o.engine.name);
  return [
    { engine: same.join('; '), by: what, ok: true, found: `the same, ${mine.join(', ')}` },
    ...others
      .filter((o) => o.wrong)
      .map((o) => ({
        engine: o.engine.name,
        by: what,
        ok: false,
        found: `${o.wrong!.join(', ')}; ${first.engine.name}: ${mine.join(', ')}`,
      })),
  ];
}
