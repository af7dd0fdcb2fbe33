import type { Pipeline } from '../../../graph/document/types.ts';
import { diffPipelines, type GraphDiff as EngineDiff, type Fate } from '../../../graph/reload/diff.ts';
import { reasonText } from '../../../graph/reload/diff-text.ts';
import type { GraphDiff } from '../contract/records.ts';

/** Which nodes another document would keep with their state, start anew, drop and add. */
export const diffGraphs = (from: Pipeline, to: Pipeline): GraphDiff => shownDiff(diffPipelines(from, to));

/** The engine's difference of two graphs as the page shows it. */
export function shownDiff({ nodes }: EngineDiff): GraphDiff {
  const that = (fate: Fate) => nodes.filter((n) => n.fate === fate);
  return {
    kept: that('kept').map((n) => n.id),
    restarted: that('restarted').map((n) => ({ node: n.id, why: n.reasons.map(reasonText).join('; ') })),
    dropped: that('dropped').map((n) => n.id),
    added: that('added').map((n) => n.id),
  };
}
