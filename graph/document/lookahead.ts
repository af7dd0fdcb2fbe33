import type { Tier } from '../node.ts';
import type { InputDraft, NodeDraft } from './node-draft.ts';
import type { Report } from './report.ts';
import { quote } from './tree.ts';

/**
 * CHM401: what is known only later reaches an in-port that does not declare it. A port is tainted when it is declared
 * `future`, or when anything that its node reads is. Only the step across the border is reported, not all that follows.
 */
export function checkLookahead(drafts: readonly NodeDraft[], report: Report): void {
  /** Tainted nodes, with the input that the taint came through. */
  const tainted = new Map<NodeDraft, InputDraft>();
  const future = (i: InputDraft): boolean => {
    const port = i.edge?.producer.outs?.[i.edge.out];
    return port !== undefined && (port.future || tainted.has(i.edge!.producer));
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const d of drafts) {
      if (tainted.has(d)) continue;
      // A leak is reported where it happens; behind it nothing more is said.
      const through = d.inputs.find((i) => i.spec.future && future(i));
      if (through) {
        tainted.set(d, through);
        changed = true;
      }
    }
  }
  for (const d of drafts)
    for (const i of d.inputs) {
      if (i.spec.future || !future(i)) continue;
      const way: string[] = [];
      let edge = i.edge!;
      for (let guard = 0; guard < drafts.length; guard++) {
        way.unshift(`${edge.producer.raw.id}.${edge.out}`);
        const through = edge.producer.outs?.[edge.out]?.future ? undefined : tainted.get(edge.producer);
        if (!through?.edge) break;
        edge = through.edge;
      }
      const origin = way[0]!;
      report.add(
        'CHM401',
        i.span,
        `in-port ${quote(i.port)} of ${quote(d.raw.id)} would see the future: ${quote(i.text)} ${way.length > 1 ? `follows from ${quote(origin)}, which` : ''} holds what is known only later`.replace(
          '  ',
          ' ',
        ),
        {
          help: `${way.length > 1 ? `way: ${[...way, d.raw.id].join(' → ')}; ` : ''}labels may only reach in-ports that are made for them, such as those of a training set`,
          node: d.raw.id,
        },
      );
    }
}

const RANK: Readonly<Record<Tier, number>> = { bronze: 0, silver: 1, gold: 2 };

/** Tiers only rise from source to sink; sinks and edges that close a loop are left out. */
export function checkTiers(drafts: readonly NodeDraft[], report: Report): void {
  for (const d of drafts) {
    // A relay has no tier of its own: what it reads is judged where it arrives.
    if (!d.type || d.type.kind === 'sink' || d.type.relays) continue;
    for (const { edge, span } of d.inputs) {
      if (!edge?.producer.type || edge.deferred) continue;
      const tier = tierOf(edge.producer, drafts.length);
      if (RANK[tier] <= RANK[d.type.tier]) continue;
      const what = `${quote(d.raw.id)} is ${d.type.tier} but reads ${quote(`${edge.producer.raw.id}.${edge.out}`)}, which is ${tier}`;
      if (d.type.tier === 'bronze')
        report.add('CHM309', span, what, {
          help: 'bronze is what was received, and nothing that was derived from it',
          node: d.raw.id,
        });
      else
        report.add('CHM310', span, what, {
          help: 'features made of decisions cannot be computed ahead of them; if it is meant, allow CHM310 at this node and say why',
          node: d.raw.id,
        });
    }
  }
}

/** The tier of what a node emits: its own, or the highest of what a relay reads. */
function tierOf(d: NodeDraft, depth: number): Tier {
  const own = d.type?.tier ?? 'bronze';
  if (!d.type?.relays || depth === 0) return own;
  const read = d.inputs.flatMap((i) => (i.edge ? [tierOf(i.edge.producer, depth - 1)] : []));
  return read.reduce((a, b) => (RANK[b] > RANK[a] ? b : a), 'bronze');
}

/** Nodes outside the determinism contract whose outputs go back into the graph. */
export function checkDeterminism(drafts: readonly NodeDraft[], report: Report): void {
  for (const d of drafts) {
    if (!d.type || d.type.kind === 'sink' || d.type.determinism !== 'external') continue;
    const consumer = drafts.find((c) => c.type?.kind !== 'sink' && c.inputs.some((i) => i.edge?.producer === d));
    if (!consumer) continue;
    report.add(
      'CHM402',
      d.raw.type?.span ?? d.raw.idSpan,
      `${d.type.type} is not deterministic, and ${quote(consumer.raw.id)} depends on it: a replay can differ`,
      {
        help: 'its outputs are not in a journal; use a journaled type, or allow CHM402 at this node and say why',
        node: d.raw.id,
      },
    );
  }
}
