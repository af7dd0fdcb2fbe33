import { GRAPH_CODES, SUPPRESSIBLE, WARNINGS } from '../codes.ts';
import { type ConfigIssue, inPortsOf } from '../node.ts';
import type { Registry } from '../registry.ts';
import { checkCut } from './check-cut.ts';
import { readConfig, reportIssues } from './config.ts';
import { halvesOf } from './halves.ts';
import { graphHash } from './hash.ts';
import { readInputs } from './inputs.ts';
import { resolveKeys } from './keys.ts';
import { checkDeterminism, checkLookahead, checkTiers } from './lookahead.ts';
import { checkLoops } from './loops.ts';
import { nearest } from './nearest.ts';
import type { NodeDraft } from './node-draft.ts';
import { readOnPoison } from './on-poison.ts';
import { type Params, readParams, reportUnused, substitute } from './params.ts';
import { parseYaml } from './parse.ts';
import { applyProfile } from './profile.ts';
import { type Allowance, listing, Report } from './report.ts';
import { resolveReferences, wiringOf } from './resolve.ts';
import { readServices } from './services.ts';
import {
  checkKeys,
  checkVersion,
  DOCUMENT_KEYS,
  ID,
  mapOf,
  type RawNode,
  readAllow,
  readName,
  readNode,
  reportId,
  rootSpan,
  textOf,
} from './shape.ts';
import { readStreams } from './streams.ts';
import { describe, entryOf, type MapTree, quote, Source, toValue } from './tree.ts';
import type { Loaded, LoadOptions, Pipeline, PipelineEdge, PipelineNode } from './types.ts';

/**
 * Reads a pipeline document: YAML → parameters, profile → nodes and configurations → wiring, keys, loops → lookahead,
 * services, streams, where it is cut → the resolved pipeline and its hash. Never throws; all findings of all stages come at once, in order of
 * place. `pipeline` is absent when one of them is an error.
 */
export function loadPipeline(text: string, file: string, registry: Registry, options: LoadOptions = {}): Loaded {
  return pipelineReader(text, file, registry)(options);
}

/** `loadPipeline` of one text for many options: it is parsed once. */
export function pipelineReader(text: string, file: string, registry: Registry): (options?: LoadOptions) => Loaded {
  const parsed = new Report();
  const root = readRoot(new Source(file, text), parsed);
  return (options = {}) => {
    const report = new Report(parsed);
    const allowances: Allowance[] = [];
    const pipeline = root && read(root, file, registry, options, report, allowances);
    if (root) checkPresets(root, file, registry, options, report);
    const diagnostics = report.finish(allowances);
    return { pipeline: diagnostics.some((d) => d.severity === 'error') ? undefined : pipeline, diagnostics };
  };
}

/** Presets that are not chosen are read as if they were, each by itself: errors that only they have are errors of the document. */
function checkPresets(root: MapTree, file: string, registry: Registry, options: LoadOptions, report: Report): void {
  const presets = entryOf(root, 'presets')?.value;
  const chosen = options.sets ?? {};
  if (presets?.kind !== 'map' || Object.hasOwn(chosen, 'preset')) return;
  for (const { key, value } of presets.entries.slice(0, MOST_PRESETS)) {
    if (value.kind !== 'map') continue;
    const own = new Report();
    const allowances: Allowance[] = [];
    read(root, file, registry, { ...options, sets: { ...chosen, preset: key } }, own, allowances);
    report.addErrors(own.finish(allowances), `with \`--set preset=${key}\``);
  }
}
const MOST_PRESETS = 20;

function readRoot(source: Source, report: Report): MapTree | undefined {
  const tree = parseYaml(source, report);
  if (!tree) return undefined;
  if (tree.kind === 'map') return tree;
  report.add('CHM010', tree.span, `a pipeline is a mapping, not ${describe(tree)}`, {
    help: 'begin with `chimera: 1` and `pipeline: <name>`',
  });
  return undefined;
}

function read(
  written: MapTree,
  file: string,
  registry: Registry,
  options: LoadOptions,
  report: Report,
  allowances: Allowance[],
): Pipeline {
  const root = checkKeys(written, DOCUMENT_KEYS, 'a pipeline', report);
  checkVersion(root, report);
  const name = readName(root, 'pipeline', report);
  const doc = entryOf(root, 'doc');
  if (doc) textOf(doc, report, 'text', 'doc: what this pipeline does');
  const params = readParams(
    mapOf(entryOf(root, 'params'), report, 'params: { interval: 1m }'),
    mapOf(entryOf(root, 'presets'), report, 'presets: { recording: { interval: 5s } }'),
    options.sets ?? {},
    report,
  );
  allowances.push(...allow(root, undefined, report));
  let raw = readNodes(root, params, report, allowances);
  const profile = options.profile && applyProfile(raw, options.profile, params, registry, report);
  if (profile) raw = profile.nodes;
  const drafts = raw.map((node, index) => draft(node, index, registry, report));

  resolveReferences(drafts, report);
  checkUnconnected(drafts, report);
  resolveKeys(drafts, report);
  checkLoops(drafts, report);
  checkLookahead(drafts, report);
  checkTiers(drafts, report);
  checkDeterminism(drafts, report);
  checkTypes(drafts, report);
  const servicesTree = mapOf(entryOf(root, 'services'), report, 'services: { s1: [market] }');
  const services = readServices(servicesTree && (substitute(servicesTree, params, report) as MapTree), drafts, report);
  const streamsTree = mapOf(entryOf(root, 'streams'), report, 'streams: { mkt: [market] }');
  const streams = readStreams(
    streamsTree && (substitute(streamsTree, params, report) as MapTree),
    services,
    drafts,
    report,
  );
  const poisonTree = mapOf(entryOf(root, 'on_poison'), report, 'on_poison: { ord:cmd: stop }');
  const onPoison = readOnPoison(
    poisonTree && (substitute(poisonTree, params, report) as MapTree),
    streams ? [...streams.places.keys()] : [],
    report,
  );
  reportUnused(params, report);

  const whole = drafts.every((d) => d.type && d.config && d.outs && d.complete && d.inputs.every((i) => i.edge));
  const nodes = whole ? drafts.flatMap(resolved) : [];
  const pipeline: Pipeline = {
    name,
    file,
    params: Object.fromEntries([...params.values].map(([k, p]) => [k, toValue(p.value)])),
    nodes,
    services,
    ...(streams ? { streams: streams.families } : {}),
    ...(onPoison ? { onPoison } : {}),
    hash: whole ? graphHash(nodes) : '',
    ...(profile?.live ? { live: profile.live } : {}),
  };
  // Only of a graph that is right: of another one it would say a second time, in other words, what is wrong.
  if (whole && !report.broken && Object.keys(services).length > 0) checkCut(pipeline, drafts, streams, report);
  return pipeline;
}

function readNodes(root: MapTree, params: Params, report: Report, allowances: Allowance[]): RawNode[] {
  const entry = entryOf(root, 'nodes');
  const example = 'nodes: { market: { type: source.market } }';
  if (!entry) {
    report.add('CHM102', rootSpan(root), 'missing key "nodes"', { help: `write \`${example}\`` });
    return [];
  }
  const map = mapOf(entry, report, example);
  if (
    entry.value.kind !== 'map' ? entry.value.kind === 'scalar' && entry.value.value === null : map?.entries.length === 0
  )
    report.add('CHM102', entry.keySpan, 'the pipeline has no nodes', { help: `write \`${example}\`` });
  const nodes: RawNode[] = [];
  for (const { key, keySpan, value } of map?.entries ?? []) {
    if (!ID.test(key)) reportId(key, keySpan, report);
    if (value.kind !== 'map') {
      report.add(
        'CHM103',
        value.span.end > value.span.start ? value.span : keySpan,
        `node ${quote(key)} must be a mapping, not ${describe(value)}`,
        {
          help: `write \`${/^[\w-]+$/.test(key) ? key : 'name'}: { type: feature.ema, in: bars.close }\``,
          node: key,
        },
      );
      nodes.push(
        readNode(
          key,
          keySpan,
          { kind: 'map', entries: [{ key: 'type', keySpan, value: UNKNOWN(keySpan) }], span: value.span },
          new Report(),
        ),
      );
      continue;
    }
    const tree = substitute(value, params, report, key) as MapTree;
    nodes.push(readNode(key, keySpan, tree, report));
    allowances.push(...allow(tree, key, report));
  }
  return nodes;
}
/** A node that cannot be read still has its id, so that references to it are not reported as well. */
const UNKNOWN = (span: MapTree['span']) => ({ kind: 'scalar', value: null, style: 'plain', span }) as const;

function allow(map: MapTree, node: string | undefined, report: Report): Allowance[] {
  const known = (code: string) => Object.hasOwn(GRAPH_CODES, code) || /^CHM[1-6]\d\d$/.test(code);
  const allowed = (code: string) => WARNINGS.has(code) || SUPPRESSIBLE.has(code) || !Object.hasOwn(GRAPH_CODES, code);
  return readAllow(entryOf(map, 'allow'), node, known, allowed, Object.keys(GRAPH_CODES), report);
}

function draft(raw: RawNode, index: number, registry: Registry, report: Report): NodeDraft {
  const type = raw.type && registry.get(raw.type.text);
  if (raw.type && !type)
    report.add('CHM200', raw.type.span, `unknown node type ${quote(raw.type.text)}`, {
      suggestion: suggestType(raw.type.text, registry),
      help: typeHelp(raw.type.text, registry),
      node: raw.id,
    });
  const config = type && readConfig(raw, type, report);
  const { inputs, complete } = type ? readInputs(raw, type, report) : { inputs: [], complete: false };
  return { index, raw, type, config, inputs, complete, outs: undefined, keyed: false };
}

/** Within a room the names in it are compared; across rooms a name that exists in one other room is what was meant. */
function suggestType(text: string, registry: Registry): string | undefined {
  const dot = text.indexOf('.');
  const room = text.slice(0, dot + 1);
  const name = text.slice(dot + 1);
  const inRoom = registry.names.filter((n) => dot > 0 && n.startsWith(room)).map((n) => n.slice(room.length));
  if (inRoom.length > 0) {
    const near = nearest(name, inRoom);
    if (near !== undefined) return room + near;
  }
  const same = registry.names.filter((n) => n.slice(n.indexOf('.') + 1) === name);
  if (same.length === 1) return same[0];
  return inRoom.length > 0 ? undefined : nearest(text, registry.names);
}

function typeHelp(text: string, registry: Registry): string {
  const room = text.split('.')[0]!;
  const same = registry.names.filter((n) => n.startsWith(`${room}.`));
  if (same.length > 0) return `types in ${room}: ${listing(same)}`;
  const rooms = [...new Set(registry.names.map((n) => n.split('.')[0]!))];
  return `rooms: ${listing(rooms)}; \`chimera list\` shows all types`;
}

function checkUnconnected(drafts: readonly NodeDraft[], report: Report): void {
  for (const d of drafts)
    if (d.type && d.type.kind !== 'source' && d.complete && d.inputs.length === 0)
      report.add('CHM215', d.raw.idSpan, `${quote(d.raw.id)} has no input: it never runs`, {
        help: 'connect it, or remove it',
        node: d.raw.id,
      });
}

/** The node types' own checks: only where configuration and wiring are whole. */
function checkTypes(drafts: readonly NodeDraft[], report: Report): void {
  for (const d of drafts) {
    if (!d.type?.check || !d.config || !d.complete || !d.inputs.every((i) => i.edge)) continue;
    let issues: ConfigIssue[];
    try {
      issues = d.type.check(d.config.config as never, wiringOf(d));
    } catch (e) {
      report.add(
        'CHM115',
        d.raw.with?.keySpan ?? d.raw.idSpan,
        `the check of ${d.type.type} failed: ${e instanceof Error ? e.message : String(e)}`,
        {
          node: d.raw.id,
        },
      );
      continue;
    }
    reportIssues(d.raw, issues, report);
  }
}

function resolved(d: NodeDraft): PipelineNode[] {
  const { raw } = d;
  const type = d.type!;
  const place = raw.idSpan.source.position(raw.idSpan.start);
  // Fixed in-ports in the order of the type, whatever order the document has; variadic ones in the document's.
  const fixed = Object.keys(inPortsOf(type));
  const rank = (port: string, rest: boolean) => (rest ? fixed.length : fixed.indexOf(port));
  const inputs = d.inputs
    .map((i, at) => ({ i, at }))
    .sort((a, b) => rank(a.i.port, a.i.rest) - rank(b.i.port, b.i.rest) || a.at - b.at)
    .map(
      ({ i }): PipelineEdge => ({
        port: i.port,
        spec: i.spec,
        rest: i.rest,
        node: i.edge!.producer.raw.id,
        out: i.edge!.out,
        field: i.edge!.field,
        schema: i.edge!.schema,
      }),
    );
  const rest = {
    id: raw.id,
    config: d.config!.config,
    key: d.keyed ? ('instrument' as const) : ('none' as const),
    inputs,
    out: d.outs!,
    feedback: raw.feedback.map((f) => f.text),
    delayUs: raw.delayUs,
    onError: raw.onError,
    ...place,
  };
  if (type.kind !== 'gateway') return [{ ...rest, type }];
  return halvesOf(rest, type);
}
