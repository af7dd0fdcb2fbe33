/**
 * Every collection there is, in one list: drivers create exactly these and refuse all others [STO.10]. Adding one here
 * is all it takes.
 */
export interface CollectionSpec {
  /** `edge`: documents with `_from` and `_to`, ids of the form `collection/key`. */
  readonly kind: 'document' | 'edge';
  readonly doc: string;
  /** How `_key` is made. The same run makes the same keys. */
  readonly key: string;
  /** Fields that named queries search by; each list is one index. Every collection has `t`, engine time in µs. */
  readonly indexes: readonly (readonly string[])[];
  /** Fields whose words are found by `full_text`. */
  readonly fullText: readonly string[];
  /** Field by which a cluster spreads the collection. */
  readonly shardKey: string;
  /**
   * Documents say themselves what is behind them: the causing input (`pipeline`, `source`, `seq`) and the services that
   * made them (`made_by`). `lineage` queries answer with both as edges; see `stated-edges.ts`.
   */
  readonly stated?: true;
  /** Written once: the same content again is fine, another is refused. */
  readonly immutable?: true;
}

const BY_TIME = [['instrument', 't'], ['t']] as const;
const BY_TIME_AND_CAUSE = [...BY_TIME, ['seq']] as const;
const CAUSE = 'pipeline, node, in-port, source and number of the causing input, index';

const labels = (horizon: string): CollectionSpec => ({
  kind: 'document',
  doc: `What followed each decision moment within ${horizon}.`,
  key: 'key of the signal it labels',
  indexes: BY_TIME,
  fullText: [],
  shardKey: 'instrument',
});

export const COLLECTIONS = {
  signals: {
    kind: 'document',
    doc: 'One document per decision moment: the verdict, its operands, and the active factors under `features`.',
    key: CAUSE,
    indexes: BY_TIME_AND_CAUSE,
    fullText: ['rule', 'gate', 'condition', 'reason'],
    stated: true,
    shardKey: 'instrument',
  },
  orders: {
    kind: 'document',
    doc: 'One document per order with its life cycle in `events`.',
    key: 'instrument, client order id',
    indexes: [...BY_TIME_AND_CAUSE, ['client_id'], ['closed_t', 't']],
    fullText: ['reason', 'origin', 'client_id'],
    stated: true,
    shardKey: 'instrument',
  },
  fills: {
    kind: 'document',
    doc: 'Executions, with fee, asset and maker or taker.',
    key: CAUSE,
    indexes: [...BY_TIME_AND_CAUSE, ['client_id']],
    fullText: [],
    stated: true,
    shardKey: 'instrument',
  },
  positions_snapshots: {
    kind: 'document',
    doc: 'Position, wallets and totals of an instrument after each change.',
    key: CAUSE,
    indexes: BY_TIME_AND_CAUSE,
    fullText: [],
    stated: true,
    shardKey: 'instrument',
  },
  funding_records: {
    kind: 'document',
    doc: 'Funding payments as the venue booked them; negative = paid.',
    key: CAUSE,
    indexes: BY_TIME_AND_CAUSE,
    fullText: [],
    stated: true,
    shardKey: 'instrument',
  },
  strategy_events: {
    kind: 'document',
    doc: 'Life cycle and decisions of a strategy in order: intents, what became of them, guard changes.',
    key: `intent: its id; otherwise ${CAUSE}`,
    indexes: [...BY_TIME_AND_CAUSE, ['kind', 't']],
    fullText: ['rule', 'reason', 'reasons', 'gate'],
    stated: true,
    shardKey: 'instrument',
  },
  config_bundles: {
    kind: 'document',
    doc: 'Factors, rules, instruments, cut-offs and model of a bundle.',
    key: 'content hash',
    indexes: [['t']],
    fullText: ['comment'],
    shardKey: '_key',
    immutable: true,
  },
  labels_12h: labels('12 hours'),
  labels_24h: labels('24 hours'),
  labels_36h: labels('36 hours'),
  lineage: {
    kind: 'edge',
    doc: 'From an effect to its cause, between documents: fill → order → intent → signal. What `stated` documents say themselves is not repeated here.',
    key: 'effect, kind, cause',
    indexes: [['_from'], ['_to'], ['t']],
    fullText: [],
    shardKey: '_from',
  },
  dead_letters: {
    kind: 'document',
    doc: 'Inputs and cycles that were refused, whole, with place and code.',
    key: CAUSE,
    indexes: [['t'], ['code', 't']],
    fullText: ['message', 'raw'],
    shardKey: '_key',
  },
  logs: {
    kind: 'document',
    doc: 'Log lines worth keeping, with the correlation id of what caused them.',
    key: 'process, running number',
    indexes: [['t'], ['level', 't']],
    fullText: ['message'],
    shardKey: '_key',
  },
  reports: {
    kind: 'document',
    doc: 'Reports of runs and reviews: totals and text; charts and files lie in the object store.',
    key: 'pipeline, graph hash, content hash of the input',
    indexes: [['t']],
    fullText: ['title', 'text'],
    shardKey: '_key',
  },
} as const satisfies Record<string, CollectionSpec>;

export type Collection = keyof typeof COLLECTIONS;
export const collectionOf = (name: string): CollectionSpec | undefined =>
  Object.hasOwn(COLLECTIONS, name) ? COLLECTIONS[name as Collection] : undefined;
