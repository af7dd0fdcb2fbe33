import type { Document, DocumentStore } from '../../../sinks/store/index.ts';
import type { DecisionMoment } from '../../why/moment.ts';
import { shortVerdict, toVerdict } from '../../why/verdict.ts';
import type { Decisions, RuleNode } from '../ports.ts';

/**
 * Decisions from the documents of a run that nobody watched: each says its verdict and the features. They have no cycle: the
 * engine time of the decision stands for it. What the position and the guards were is not in them.
 */
export function documentDecisions(store: DocumentStore, rules: readonly RuleNode[]): Decisions {
  const node = rules[0]?.id ?? 'rules';
  const read = async (from: number, to: number, instrument: string | undefined): Promise<DecisionMoment[]> => {
    const only = instrument === undefined ? {} : { instrument };
    const docs = await store.query('by_time', { collection: 'signals', from, to, ...only });
    return docs.map((d) => momentOf(d, node));
  };
  return {
    list: async (q) => {
      const to = Math.min(q.to_us ?? Number.MAX_SAFE_INTEGER, q.before ?? Number.MAX_SAFE_INTEGER);
      const all = await read(q.from_us ?? 0, to, q.key);
      return all.slice(-q.limit).reverse().map(shortVerdict);
    },
    why: async (cycle) => {
      const found = await read(cycle, cycle + 1, undefined);
      return found.map((m) => toVerdict(m, rules[0]?.rules ?? []));
    },
  };
}

function momentOf(d: Document, node: string): DecisionMoment {
  const features = (d['features'] ?? {}) as Record<string, unknown>;
  return {
    cycle: Number(d['t']),
    at_us: Number(d['t']),
    node,
    key: d['instrument'] ? String(d['instrument']) : null,
    features: Object.fromEntries(Object.entries(features).map(([k, v]) => [k, v === null ? Number.NaN : v])),
    position: null,
    guard: null,
    verdict: d,
  };
}
