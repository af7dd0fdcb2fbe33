import { createHash } from 'node:crypto';
import type { Pipeline } from '../../../graph/document/types.ts';
import { type Tap, tapRow } from '../../../graph/engine/tap.ts';
import { ChimeraError, isNumberField, type KeyTable, type Schema } from '../../../graph/schema/index.ts';
import { formatValue } from '../../../graph/tap/format.ts';
import { openRunStore } from '../../../sinks/store/index.ts';
import { type InspectJob, openPast } from './open.ts';
import { BEGINNING, type Mark, PastRun } from './past-run.ts';

export interface RecomputeJob extends InspectJob {
  /** Engine time, µs; both ends included. */
  readonly fromUs: number;
  readonly toUs: number;
  /** Nodes or ports (`features`, `bars.bar`); default: what the sink of documents stores as features. */
  readonly ports?: readonly string[];
}
export interface Recomputed {
  readonly window: { readonly from_us: number; readonly to_us: number; readonly events: number };
  /** Rows of each port within the window, and the SHA-256 of their lines: the same inputs give the same. */
  readonly ports: readonly { readonly port: string; readonly rows: number; readonly sha256: string }[];
  /** What was stored when the window was live, against what comes out now. */
  readonly stored: {
    /** Decisions of the window that were stored with their features. */
    readonly documents: number;
    readonly same: number;
    readonly differences: readonly Difference[];
  };
}
interface Difference {
  readonly document: string;
  readonly at_us: number;
  readonly field: string;
  readonly stored: unknown;
  readonly recomputed: unknown;
}
const STRETCH = 65_536;
const MOST = 50;
type Values = Readonly<Record<string, unknown>>;

/**
 * Computes what nodes said in a past range once more, from the run's journals or the lake that it captured, and compares features
 * with those that were stored when they were live.
 * @throws CHM758 when the inputs are nowhere, CHM759 for a port that the run does not have
 */
export async function recompute(job: RecomputeJob): Promise<Recomputed> {
  const { options, ladder, commit, latest } = await openPast(job);
  if (!commit) throw new ChimeraError('CHM758', 'the run has not committed yet', { help: 'wait for its first commit' });
  const end = Math.min(job.toUs, Math.max(commit.snapshot.now, commit.until ?? 0));
  const stored = featurePort(latest);
  const ports = portsOf(latest, job.ports ?? (stored === undefined ? [] : [stored]));
  const taps = [...new Set([...ports, ...(stored === undefined ? [] : [stored])])];
  const rung = ladder?.rungs.findLast((r) => r.now < job.fromUs);
  const begun = rung && ladder!.load(rung);
  const start: Mark = rung && begun ? { ...rung, snapshot: begun.snapshot } : BEGINNING;
  const said = new Map(ports.map((p) => [p, { rows: 0, hash: createHash('sha256') }]));
  const features: { t: number; key: string; values: Values }[] = [];
  const run = new PastRun({
    ...options,
    taps,
    onTap: (tap) => {
      const port = `${tap.node}.${tap.port}`;
      const into = said.get(port);
      for (let i = 0; i < tap.n; i++) {
        const key = keyOf(tap, i, options.keys);
        const t = tap.time(i);
        if (port === stored) features.push({ t, key, values: unitsOf(tap.schema, tapRow(tap, i), key, options.keys) });
        if (!into || t < job.fromUs || t > end) continue;
        into.rows++;
        into.hash.update(`${JSON.stringify([t, tap.cause(i), tap.seq(i), key, bits(tapRow(tap, i))])}\n`);
      }
    },
  });
  try {
    if (start.snapshot) await run.goTo(start);
    while (run.events < commit.events && (await run.rows(Math.min(STRETCH, commit.events - run.events), end + 1)) > 0);
    await run.settle(end);
    return {
      window: { from_us: job.fromUs, to_us: end, events: run.events - start.events },
      ports: [...said].map(([port, { rows, hash }]) => ({ port, rows, sha256: hash.digest('hex') })),
      stored: await compareStored(job, end, features),
    };
  } finally {
    await run.close();
  }
}

/** The port that the sink of documents stores as the features of a decision. */
const featurePort = (p: Pipeline): string | undefined =>
  p.nodes
    .filter((n) => n.type.type === 'sink.documents')
    .flatMap((n) => n.inputs.filter((e) => e.port === 'features').map((e) => `${e.node}.${e.out}`))[0];

function portsOf(p: Pipeline, names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const [id, port] = name.split('.') as [string, string | undefined];
    const node = p.nodes.find((n) => n.id === id);
    const outs = Object.keys(node?.out ?? {}).filter((o) => port === undefined || o === port);
    if (outs.length === 0)
      throw new ChimeraError('CHM759', `the run has no port ${name}`, { help: 'name a node, or a port as node.port' });
    return outs.map((o) => `${id}.${o}`);
  });
}
const keyOf = (tap: Tap, i: number, keys: KeyTable): string => (tap.key(i) < 0 ? '' : keys.at(tap.key(i)).name);

/** Doubles by their bits: −0 is not 0, and what is no number is one thing. */
const bits = (row: Values): unknown[] =>
  Object.values(row).map((v) => (typeof v === 'number' ? (Object.is(v, -0) ? '-0' : Number.isNaN(v) ? null : v) : v));

/** As the sink of documents writes them: numbers in units, null where there is none. */
function unitsOf(schema: Schema, row: Values, key: string, keys: KeyTable): Values {
  const info = keys.find(key);
  return Object.fromEntries(
    Object.entries(schema.fields).map(([name, f]) => {
      const v = row[name];
      if (!isNumberField(f)) return [name, v];
      if (!Number.isFinite(v)) return [name, null];
      return [name, EXACT.has(f.kind) ? Number(formatValue(f, v, info)) : (v as number) + 0];
    }),
  );
}
const EXACT = new Set(['px', 'qty', 'quote', 'money']);

async function compareStored(
  job: RecomputeJob,
  to: number,
  features: readonly { t: number; key: string; values: Values }[],
): Promise<Recomputed['stored']> {
  const store = await openRunStore(job.state);
  try {
    const signals = await store.query('by_time', { collection: 'signals', from: job.fromUs, to });
    const differences: Difference[] = [];
    let documents = 0;
    let same = 0;
    for (const d of signals) {
      const kept = d['features'] as Values | undefined;
      const t = Number(d['t']);
      const now = features.findLast((f) => f.key === d['instrument'] && f.t <= t)?.values;
      // What was said before the place from which it is computed is not computed again.
      if (!kept || (!now && features.length > 0 && features[0]!.t > t)) continue;
      documents++;
      const wrong = Object.keys(kept).filter((name) => !Object.is(now?.[name], kept[name]));
      if (wrong.length === 0) same++;
      for (const field of wrong)
        if (differences.length < MOST)
          differences.push({
            document: d._key,
            at_us: t,
            field,
            stored: kept[field],
            recomputed: now?.[field] ?? null,
          });
    }
    return { documents, same, differences };
  } finally {
    await store.close();
  }
}
