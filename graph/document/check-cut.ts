import { tryCut } from '../cut/cut.ts';
import { createPlan, type PlanNode } from '../plan/plan.ts';
import type { NodeDraft } from './node-draft.ts';
import type { Report } from './report.ts';
import type { StreamsDraft } from './streams.ts';
import { quote, type Span } from './tree.ts';
import type { Pipeline } from './types.ts';

/** What would keep a whole, wired pipeline from running apart along its services, each finding at its place. */
export function checkCut(
  pipeline: Pipeline,
  drafts: readonly NodeDraft[],
  streams: StreamsDraft | undefined,
  report: Report,
): void {
  const { cut, problems } = tryCut(createPlan(pipeline));
  const byId = new Map(drafts.map((d) => [d.raw.id, d]));
  const draftOf = ({ id, node }: PlanNode): NodeDraft => byId.get(node.gateway?.id ?? id)!;
  for (const { code, message, help, ...p } of problems) {
    let at: { node: string | undefined; span: Span };
    if ('port' in p) {
      const producer = draftOf(cut.plan.nodes[p.port.node]!);
      const { port } = cut.plan.nodes[p.port.node]!.outs[p.port.out]!;
      const fed = producer.raw.feedback.find((f) => f.text === port)?.span;
      const reader = draftOf(p.readers[0]!);
      const reference = reader.inputs.find((i) => i.edge?.producer === producer && i.edge.out === port)!.span;
      at = fed ? { node: producer.raw.id, span: fed } : { node: reader.raw.id, span: reference };
    } else {
      // Of the second writer: the first one may keep the name.
      const draft = draftOf(p.writers[0]!);
      at = { node: undefined, span: streams!.items.get(draft.raw.id)! };
    }
    report.add(code, at.span, message, { help, node: at.node });
  }
  const sent = new Set(cut.parts.flatMap((p) => p.families.map((f) => f.name)));
  for (const [family, span] of streams?.places ?? [])
    if (!sent.has(family) && streams!.families[family]!.length > 0)
      report.add('CHM509', span, `nothing travels in the family ${quote(family)}`, {
        help: 'none of its nodes sends to another service or to a sink: remove it',
      });
}
