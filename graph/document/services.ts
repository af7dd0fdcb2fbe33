import { nearest } from './nearest.ts';
import type { NodeDraft } from './node-draft.ts';
import { listing, type Report } from './report.ts';
import { ID } from './shape.ts';
import { describe, isNull, type MapTree, quote, type Span } from './tree.ts';

/** Reads `services:`: each node in exactly one, and no loop without delay across a cut. */
export function readServices(
  tree: MapTree | undefined,
  drafts: readonly NodeDraft[],
  report: Report,
): Record<string, string[]> {
  const services: Record<string, string[]> = {};
  if (!tree) return services;
  const byId = new Map(drafts.map((d) => [d.raw.id, d]));
  const home = new Map<string, { service: string; span: Span }>();
  for (const { key, keySpan, value } of tree.entries) {
    if (!ID.test(key)) {
      report.add('CHM105', keySpan, `${quote(key)} cannot be the name of a service`, {
        help: 'names are lower-case letters, digits and _, beginning with a letter',
      });
      continue;
    }
    const span = value.span.end > value.span.start ? value.span : keySpan;
    const items: string[] = [];
    services[key] = items;
    if (value.kind !== 'seq') {
      if (!isNull(value))
        report.add('CHM103', span, `a service is a list of nodes, not ${describe(value)}`, {
          suggestion: value.kind === 'scalar' && typeof value.value === 'string' ? `[${value.value}]` : undefined,
          help: 'write `s1: [market, venue]`',
        });
      else report.add('CHM505', keySpan, `the service ${quote(key)} has no nodes`, { help: 'remove it' });
      continue;
    }
    if (value.items.length === 0)
      report.add('CHM505', keySpan, `the service ${quote(key)} has no nodes`, { help: 'remove it' });
    for (const item of value.items) {
      const at = item.span.end > item.span.start ? item.span : keySpan;
      if (item.kind !== 'scalar' || typeof item.value !== 'string') {
        report.add('CHM103', at, `a service lists node ids, not ${describe(item)}`, {
          help: 'write `s1: [market, venue]`',
        });
        continue;
      }
      const id = item.value;
      if (!byId.has(id)) {
        const suggestion = nearest(id, byId.keys());
        // The node that was meant has its home here: it is not reported as homeless, too.
        if (suggestion !== undefined && !home.has(suggestion)) home.set(suggestion, { service: key, span: at });
        report.add('CHM214', at, `the service ${quote(key)} lists ${quote(id)}, which is no node`, {
          suggestion,
          help: `nodes: ${listing([...byId.keys()])}`,
        });
        continue;
      }
      const before = home.get(id);
      if (before) {
        report.add(
          'CHM504',
          at,
          before.service === key
            ? `${quote(id)} is listed twice in the service ${quote(key)}`
            : `${quote(id)} is already in the service ${quote(before.service)}`,
          {
            help: 'a node runs in one service: remove one of the two',
          },
        );
        continue;
      }
      home.set(id, { service: key, span: at });
      items.push(id);
    }
  }

  const serviceOf = (d: NodeDraft) => home.get(d.raw.id)?.service;
  for (const d of drafts) {
    if (serviceOf(d) === undefined)
      report.add('CHM503', d.raw.idSpan, `${quote(d.raw.id)} is in no service`, {
        help: `add it to one of ${listing([...tree.entries.map((e) => e.key)])}`,
        node: d.raw.id,
      });
    for (const { text, span } of d.raw.feedback) {
      const cut = drafts.find(
        (c) =>
          serviceOf(c) !== undefined &&
          serviceOf(d) !== undefined &&
          serviceOf(c) !== serviceOf(d) &&
          c.inputs.some((i) => i.edge?.producer === d && i.edge.out === text),
      );
      if (cut && d.raw.delayUs === 0)
        report.add(
          'CHM502',
          span,
          `feedback ${quote(`${d.raw.id}.${text}`)} crosses from service ${quote(serviceOf(d)!)} to ${quote(serviceOf(cut)!)} without delay`,
          {
            help: `give ${quote(d.raw.id)} a \`delay\` of engine time (such as \`delay: 5ms\`): the other service needs that look-ahead to go on`,
            node: d.raw.id,
          },
        );
    }
  }
  return services;
}
