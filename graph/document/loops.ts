import { nearest } from './nearest.ts';
import type { NodeDraft } from './node-draft.ts';
import { listing, type Report } from './report.ts';
import { quote } from './tree.ts';

/** `feedback` names out-ports of its node, and closes every loop; nothing else may (CHM203). */
export function checkLoops(drafts: readonly NodeDraft[], report: Report): void {
  for (const d of drafts) checkFeedback(d, drafts, report);

  for (const group of components(drafts)) {
    const members = new Set(group);
    const inner = (d: NodeDraft) => d.inputs.filter((i) => i.edge && !i.edge.deferred && members.has(i.edge.producer));
    if (group.length === 1 && !inner(group[0]!).some((i) => i.edge!.producer === group[0])) continue;
    // The reference that looks back: its producer is declared at or after its consumer. Every loop has one.
    const ordered = [...group].sort((a, b) => a.index - b.index);
    const consumer = ordered.find((d) => inner(d).some((i) => i.edge!.producer.index >= d.index))!;
    const input = inner(consumer).find((i) => i.edge!.producer.index >= consumer.index)!;
    const path = shortest(consumer, input.edge!.producer, inner);
    const shown = [...path.map((d) => d.raw.id), path[0]!.raw.id];
    const { producer, out } = input.edge!;
    report.add('CHM203', input.span, `loop without feedback: ${shown.join(' → ')}`, {
      help: `list the out-port that closes the loop at its node, such as \`feedback: [${out}]\` at ${quote(producer.raw.id)}: it is then delivered in a later cycle`,
      node: consumer.raw.id,
    });
  }
}

function checkFeedback(d: NodeDraft, drafts: readonly NodeDraft[], report: Report): void {
  const { id } = d.raw;
  if (d.type?.kind === 'sink' && d.raw.feedback.length > 0)
    report.add('CHM212', d.raw.feedback[0]!.span, `${quote(id)} is a sink: it has no out-ports`, {
      help: 'remove `feedback`',
      node: id,
    });
  else if (d.outs)
    for (const { text, span } of d.raw.feedback) {
      const names = Object.keys(d.outs);
      if (!names.includes(text)) {
        report.add('CHM212', span, `${d.type!.type} has no out-port ${quote(text)}`, {
          suggestion: nearest(text, names),
          help: `out-ports: ${listing(names)}`,
          node: id,
        });
        continue;
      }
      const consumers = drafts.filter((c) => c.inputs.some((i) => i.edge?.producer === d && i.edge.out === text));
      const unresolved = drafts.some((c) => !c.complete || c.inputs.some((i) => !i.edge));
      if (!unresolved && !consumers.some((c) => c === d || reaches(c, d, drafts)))
        report.add('CHM210', span, `${quote(`${id}.${text}`)} is listed under \`feedback\` but closes no loop`, {
          help: 'its consumers get it a cycle later than they could: remove it from the list',
          node: id,
        });
    }
  if (d.raw.delaySpan && d.raw.feedback.length === 0)
    report.add('CHM213', d.raw.delaySpan, `\`delay\` has no effect: ${quote(id)} lists no \`feedback\``, {
      help: 'it delays feedback edges only',
      node: id,
    });
}

/** Whether `from` feeds `to`, directly or over others, in the same cycle or later. */
function reaches(from: NodeDraft, to: NodeDraft, drafts: readonly NodeDraft[]): boolean {
  const seen = new Set<NodeDraft>([from]);
  const queue = [from];
  for (let d = queue.pop(); d; d = queue.pop())
    for (const next of drafts)
      if (!seen.has(next) && next.inputs.some((i) => i.edge?.producer === d)) {
        if (next === to) return true;
        seen.add(next);
        queue.push(next);
      }
  return false;
}

/** The way from the consumer along its outputs to the producer that it reads: the loop in the order of the events. */
function shortest(consumer: NodeDraft, producer: NodeDraft, inner: (d: NodeDraft) => NodeDraft['inputs']): NodeDraft[] {
  const next = new Map<NodeDraft, NodeDraft | undefined>([[producer, undefined]]);
  const queue = [producer];
  for (let at = 0; at < queue.length; at++) {
    const d = queue[at]!;
    if (d === consumer) break;
    for (const i of inner(d)) {
      const p = i.edge!.producer;
      if (next.has(p)) continue;
      next.set(p, d);
      queue.push(p);
    }
  }
  const path: NodeDraft[] = [];
  for (let d: NodeDraft | undefined = consumer; d; d = next.get(d)) path.push(d);
  return path;
}

/** Strongly connected components over edges of the same cycle, in order of declaration (Tarjan, without recursion). */
function components(drafts: readonly NodeDraft[]): NodeDraft[][] {
  const order = new Map<NodeDraft, number>();
  const low = new Map<NodeDraft, number>();
  const onStack = new Set<NodeDraft>();
  const stack: NodeDraft[] = [];
  const groups: NodeDraft[][] = [];
  for (const root of drafts) {
    if (order.has(root)) continue;
    const work: { d: NodeDraft; next: number }[] = [{ d: root, next: 0 }];
    while (work.length > 0) {
      const frame = work.at(-1)!;
      const { d } = frame;
      if (frame.next === 0) {
        order.set(d, order.size);
        low.set(d, order.get(d)!);
        stack.push(d);
        onStack.add(d);
      }
      const input = d.inputs[frame.next++];
      if (input) {
        const p = input.edge && !input.edge.deferred ? input.edge.producer : undefined;
        if (p && !order.has(p)) work.push({ d: p, next: 0 });
        else if (p && onStack.has(p)) low.set(d, Math.min(low.get(d)!, order.get(p)!));
        continue;
      }
      work.pop();
      const parent = work.at(-1)?.d;
      if (parent) low.set(parent, Math.min(low.get(parent)!, low.get(d)!));
      if (low.get(d) !== order.get(d)) continue;
      const group: NodeDraft[] = [];
      for (let member = stack.pop(); member; member = stack.pop()) {
        onStack.delete(member);
        group.push(member);
        if (member === d) break;
      }
      groups.push(group);
    }
  }
  return groups.sort((a, b) => Math.min(...a.map((d) => d.index)) - Math.min(...b.map((d) => d.index)));
}
