import { type NodeDraft, streamKeyed } from './node-draft.ts';
import type { Report } from './report.ts';
import { quote } from './tree.ts';

/**
 * Which nodes have one instance per instrument: those that say `each: instrument`, and those with a `same` in-port on
 * the stream of such a node. Then whether every in-port meets a stream of the right kind.
 */
export function resolveKeys(drafts: readonly NodeDraft[], report: Report): void {
  for (const d of drafts) {
    if (d.type?.kind === 'source' && d.raw.each)
      report.add(
        'CHM311',
        d.raw.each.span,
        `${d.type.type} is a source: it has one instance that serves all instruments`,
        {
          help: 'remove `each`; put it on the nodes that read the source',
          node: d.raw.id,
        },
      );
    d.keyed = d.raw.each !== undefined && d.type?.kind !== 'source';
  }
  for (let changed = true; changed; ) {
    changed = false;
    for (const d of drafts) {
      if (d.keyed || d.type?.kind === 'source') continue;
      if (d.inputs.some((i) => i.spec.key === 'same' && i.edge?.producer.keyed)) {
        d.keyed = true;
        changed = true;
      }
    }
  }

  for (const d of drafts)
    for (const i of d.inputs) {
      const { edge, spec } = i;
      if (!edge) continue;
      const keyed = streamKeyed(edge.producer, edge.out);
      const from = `${edge.producer.raw.id}.${edge.out}`;
      const port = quote(i.port);
      const id = quote(d.raw.id);
      const add = (code: string, message: string, help: string, suggestion?: string) =>
        report.add(code, i.span, message, { help, suggestion, node: d.raw.id });
      if (spec.key === 'any') {
        if (d.keyed)
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
      } else if (keyed && !d.keyed) {
        if (edge.producer.type?.kind === 'source' || !spec.many)
          add(
            'CHM304',
            `${from} is keyed by instrument, but ${id} has one instance in all`,
            `write \`each: instrument\` at ${id} to make one instance per instrument`,
            'each: instrument',
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

const keyedBy = (d: NodeDraft): string => {
  const by = d.inputs.find((i) => i.spec.key === 'same' && i.edge?.producer.keyed);
  return by ? quote(by.edge!.producer.raw.id) : 'its inputs';
};
