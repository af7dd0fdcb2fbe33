import { canonical } from '../document/hash.ts';
import { specOf } from '../document/spec.ts';
import type { Pipeline, PipelineEdge, PipelineNode } from '../document/types.ts';

/** What a change of graphs does to a node. */
export type Fate = 'kept' | 'restarted' | 'dropped' | 'added';

/** Why a node is not simply as it was; in words, `reasonText`. */
export type Reason =
  | { readonly kind: 'type'; readonly from: string; readonly to: string }
  | { readonly kind: 'options'; readonly changed: readonly Change[] }
  | { readonly kind: 'version'; readonly from: number; readonly to: number; readonly migrates: boolean }
  | { readonly kind: 'key'; readonly from: PipelineNode['key']; readonly to: PipelineNode['key'] }
  /** In-ports were connected, disconnected, or carry records of another layout. */
  | { readonly kind: 'inputs'; readonly ports: readonly string[] }
  /** In-ports read another stream of the same layout. */
  | { readonly kind: 'rewired'; readonly ports: readonly string[] }
  | { readonly kind: 'settings'; readonly changed: readonly Change[] }
  /** Asked for by whoever reloads. */
  | { readonly kind: 'asked' };
/** A value that differs; `undefined` = is not there. */
export interface Change {
  readonly name: string;
  readonly from: unknown;
  readonly to: unknown;
}

export interface NodeChange {
  readonly id: string;
  readonly fate: Fate;
  /** Its type, in the new graph where it is there. */
  readonly type: string;
  readonly kind: PipelineNode['type']['kind'];
  readonly reasons: readonly Reason[];
  /** Restarted or added nodes whose values reach it: its state is its own, and its inputs change from now on. */
  readonly upstream: readonly string[];
}
export interface EdgeChange {
  readonly change: 'added' | 'dropped';
  /** `node.port`, with a field `node.port.field`. */
  readonly from: string;
  readonly to: string;
}
/** What becomes of a running graph when another takes its place. */
export interface GraphDiff {
  readonly from: { readonly name: string; readonly hash: string };
  readonly to: { readonly name: string; readonly hash: string };
  readonly same: boolean;
  /** In the order of the new graph, then what is dropped in that of the old. */
  readonly nodes: readonly NodeChange[];
  readonly edges: readonly EdgeChange[];
  readonly params: readonly Change[];
}

/**
 * Compares two resolved pipelines by the rule of the engine (`restoreSnapshot`): an instance keeps its state where id, type, options,
 * key and input layouts agree, and the version agrees or the type can migrate. Which stream an in-port reads, and what becomes of
 * the nodes before it, does not matter to that: its inputs are others from then on, and its memory is of those before.
 * @param restart nodes that shall start anew although they could be kept
 */
export function diffPipelines(from: Pipeline, to: Pipeline, restart: readonly string[] = []): GraphDiff {
  const old = new Map(from.nodes.map((n) => [n.id, n]));
  const now = new Set(to.nodes.map((n) => n.id));
  const fresh = new Set<string>();
  const judged = to.nodes.map((n) => {
    const was = old.get(n.id);
    const reasons = was ? compare(was, n) : [];
    if (was && restart.includes(n.id)) reasons.push({ kind: 'asked' });
    const fate: Fate = !was ? 'added' : reasons.some(restarts) ? 'restarted' : 'kept';
    if (fate !== 'kept') fresh.add(n.id);
    return { n, fate, reasons };
  });
  const reached = upstreamOf(to, fresh);
  return {
    from: { name: from.name, hash: from.hash },
    to: { name: to.name, hash: to.hash },
    same: from.hash === to.hash && restart.length === 0,
    nodes: [
      ...judged.map(({ n, fate, reasons }): NodeChange => {
        const upstream = (reached.get(n.id) ?? []).filter((id) => id !== n.id);
        return { id: n.id, fate, type: n.type.type, kind: n.type.kind, reasons, upstream };
      }),
      ...from.nodes
        .filter((n) => !now.has(n.id))
        .map(
          (n): NodeChange => ({
            id: n.id,
            fate: 'dropped',
            type: n.type.type,
            kind: n.type.kind,
            reasons: [],
            upstream: [],
          }),
        ),
    ],
    edges: diffEdges(from, to),
    params: changes(from.params, to.params),
  };
}

/** Ids of one fate, in order. */
export const idsOf = (diff: GraphDiff, fate: Fate): string[] =>
  diff.nodes.filter((n) => n.fate === fate).map((n) => n.id);

function compare(was: PipelineNode, n: PipelineNode): Reason[] {
  if (was.type.type !== n.type.type) return [{ kind: 'type', from: was.type.type, to: n.type.type }];
  const reasons: Reason[] = [];
  if (was.key !== n.key) reasons.push({ kind: 'key', from: was.key, to: n.key });
  const options = changes(was.config, n.config);
  if (options.length > 0) reasons.push({ kind: 'options', changed: options });
  const layout = (e: PipelineEdge) => canonical([e.schema.name, e.schema.version, e.schema.fields]);
  const inputs = portsThatDiffer(was, n, layout);
  // The state may follow the order of variadic inputs.
  if (inputs.length === 0 && options.length === 0 && specOf(was) !== specOf(n))
    inputs.push(...n.inputs.map((e) => e.port));
  if (inputs.length > 0) reasons.push({ kind: 'inputs', ports: inputs });
  const rewired = portsThatDiffer(was, n, streamOf).filter((port) => !inputs.includes(port));
  if (rewired.length > 0) reasons.push({ kind: 'rewired', ports: rewired });
  if (was.type.version !== n.type.version) {
    const migrates = (n.type.kind === 'step' || n.type.kind === 'async') && n.type.migrate !== undefined;
    reasons.push({ kind: 'version', from: was.type.version, to: n.type.version, migrates });
  }
  const settings = changes(settingsOf(was), settingsOf(n));
  if (settings.length > 0) reasons.push({ kind: 'settings', changed: settings });
  return reasons;
}
const settingsOf = (n: PipelineNode) => ({
  feedback: [...n.feedback].sort(),
  delay_us: n.delayUs,
  on_error: n.onError,
});
const restarts = (r: Reason): boolean =>
  r.kind === 'version' ? !r.migrates : r.kind !== 'rewired' && r.kind !== 'settings';

function portsThatDiffer(was: PipelineNode, n: PipelineNode, say: (e: PipelineEdge) => string): string[] {
  const before = new Map(was.inputs.map((e) => [e.port, say(e)]));
  const after = new Map(n.inputs.map((e) => [e.port, say(e)]));
  return [...new Set([...after.keys(), ...before.keys()])].filter((port) => before.get(port) !== after.get(port));
}
const streamOf = (e: PipelineEdge): string => [e.node, e.out, ...(e.field === undefined ? [] : [e.field])].join('.');

/** By node, which of the given nodes' values reach it, through whatever lies between. */
function upstreamOf(to: Pipeline, fresh: ReadonlySet<string>): Map<string, string[]> {
  const reached = new Map<string, string[]>();
  for (const id of fresh) {
    const seen = new Set([id]);
    for (const at of seen) for (const n of to.nodes) if (n.inputs.some((e) => e.node === at)) seen.add(n.id);
    for (const other of seen) reached.set(other, [...(reached.get(other) ?? []), id]);
  }
  return reached;
}

function diffEdges(from: Pipeline, to: Pipeline): EdgeChange[] {
  const edges = (p: Pipeline) =>
    new Map(p.nodes.flatMap((n) => n.inputs.map((e) => [`${streamOf(e)} → ${n.id}.${e.port}`, { e, n }] as const)));
  const [before, after] = [edges(from), edges(to)];
  const only = (
    these: ReturnType<typeof edges>,
    those: ReturnType<typeof edges>,
    change: EdgeChange['change'],
  ): EdgeChange[] =>
    [...these]
      .filter(([text]) => !those.has(text))
      .map(([, { e, n }]) => ({ change, from: streamOf(e), to: `${n.id}.${e.port}` }));
  return [...only(before, after, 'dropped'), ...only(after, before, 'added')];
}

/** The members of two objects that differ; of anything else, the whole. */
export function changes(from: unknown, to: unknown, path = ''): Change[] {
  if (canonical(from) === canonical(to)) return [];
  if (!isPlain(from) || !isPlain(to)) return [{ name: path, from, to }];
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])];
  return names.flatMap((name) => changes(from[name], to[name], path === '' ? name : `${path}.${name}`));
}
const isPlain = (v: unknown): v is Record<string, unknown> =>
  typeof v === 'object' && v !== null && Object.getPrototypeOf(v) === Object.prototype;
