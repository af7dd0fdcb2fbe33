import { isEntrance } from '../node.ts';
import { type NodeDraft, streamKeyed } from './node-draft.ts';
import type { Report } from './report.ts';
import { quote } from './tree.ts';

/**
 * Which nodes have one instance per instrument: those that say `each: instrument`, and those with a `same` in-port on
 * the stream of such a node. Then whether every in-port meets a stream of the right kind.
 */
export function resolveKeys(drafts: readonly NodeDraft[], report: Report): void {
  for (const d of drafts) {
    if (isEntrance(d.type) && d.raw.each)
      report.add(
        'CHM311',
        d.raw.each.span,
        `${d.type!.type} is a source: it has one instance that serves all instruments`,
        {
          help: 'remove `each`; put it on the nodes that read the source',
          node: d.raw.id,
        },
      );
    d.keyed = d.raw.each !== undefined && !isEntrance(d.type);
  }
  inherit(drafts);
  const assumed = reportMissingEach(drafts, unknownKeys(drafts), report);
  inherit(drafts);
  const unknown = unknownKeys(drafts);

  for (const d of drafts)
    for (const i of d.inputs) {
      const { edge, spec } = i;
      if (!edge || unknown.has(d) || unknown.has(edge.producer)) continue;
      const keyed = streamKeyed(edge.producer, edge.out);
      const from = `${edge.producer.raw.id}.${edge.out}`;
      const port = quote(i.port);
      const id = quote(d.raw.id);
      const add = (code: string, message: string, help: string, suggestion?: string) =>
        report.add(code, i.span, message, { help, suggestion, node: d.raw.id });
      if (spec.key === 'any') {
        if (d.keyed && !assumed.has(d))
          add(
            'CHM307',
            `in-port ${port} takes the streams of all instruments at once, but ${id} has one instance per instrument`,
            d.raw.each
              ? 'remove `each: instrument` from the node'
              : `it inherits the key from ${keyedBy(d)}; a node with such a port must stand before the basket`,
          );
      } else if (spec.key === 'none') {
        if (keyed)
          add(
            'CHM306',
            `in-port ${port} takes a stream without key; ${from} is keyed by instrument`,
            'connect a stream that is not keyed, such as the output of a node that sums up all instruments',
          );
      } else if (!keyed && d.keyed)
        add(
          'CHM305',
          `${from} has no key, but ${id} has one instance per instrument`,
          d.raw.each
            ? 'remove `each: instrument`, or connect a stream that is keyed by instrument'
            : `it inherits the key from ${keyedBy(d)}; connect a stream that is keyed by instrument`,
        );
    }
}

/** `same` in-ports take the key of the node that feeds them on. */
function inherit(drafts: readonly NodeDraft[]): void {
  for (let changed = true; changed; ) {
    changed = false;
    for (const d of drafts) {
      if (d.keyed || isEntrance(d.type)) continue;
      if (d.inputs.some((i) => i.spec.key === 'same' && i.edge?.producer.keyed)) {
        d.keyed = true;
        changed = true;
      }
    }
  }
}

/** CHM304, once for a node. The node is then taken to have what it lacks, so that what follows is not reported as well. */
function reportMissingEach(
  drafts: readonly NodeDraft[],
  unknown: ReadonlySet<NodeDraft>,
  report: Report,
): Set<NodeDraft> {
  const assumed = new Set<NodeDraft>();
  for (const d of drafts) {
    if (d.keyed || isEntrance(d.type) || unknown.has(d)) continue;
    const input = d.inputs.find(
      ({ edge, spec }) =>
        edge &&
        spec.key === 'same' &&
        streamKeyed(edge.producer, edge.out) &&
        // Records that carry their instrument may be read as one list.
        (isEntrance(edge.producer.type) || !spec.many),
    );
    if (!input) continue;
    const { producer, out } = input.edge!;
    report.add(
      'CHM304',
      input.span,
      `${producer.raw.id}.${out} is keyed by instrument, but ${quote(d.raw.id)} has one instance in all`,
      {
        help: `write \`each: instrument\` at ${quote(d.raw.id)} to make one instance per instrument`,
        suggestion: 'each: instrument',
        node: d.raw.id,
      },
    );
    assumed.add(d);
    d.keyed = true;
  }
  return assumed;
}

/** Nodes that might inherit a key over an input that could not be resolved: nothing is said about them. */
function unknownKeys(drafts: readonly NodeDraft[]): Set<NodeDraft> {
  const unknown = new Set<NodeDraft>();
  for (let before = -1; before < unknown.size; ) {
    before = unknown.size;
    for (const d of drafts) {
      if (d.keyed || isEntrance(d.type)) continue;
      const open =
        !d.type ||
        !d.complete ||
        d.inputs.some((i) => !i.edge || (i.spec.key === 'same' && unknown.has(i.edge.producer)));
      if (open) unknown.add(d);
    }
  }
  return unknown;
}

const keyedBy = (d: NodeDraft): string => {
  const by = d.inputs.find((i) => i.spec.key === 'same' && i.edge?.producer.keyed);
  return by ? quote(by.edge!.producer.raw.id) : 'its inputs';
};
