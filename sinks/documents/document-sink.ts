import { decode, encode } from '../../graph/codec/index.ts';
import type { CommitMark, Env, Wiring } from '../../graph/node.ts';
import { Intent } from '../../graph/schema/index.ts';
import { BufferedSink } from '../buffered-sink.ts';
import type { RowBuffer } from '../row-buffer.ts';
import { openStoreOf } from '../run-store.ts';
import { documentId, documentKey, type RunStore } from '../store/index.ts';
import { Batch, type Cause } from './batch.ts';
import { foldOrder, type OrderEvent } from './order-fold.ts';
import { type Fields, rowFields } from './row-fields.ts';

/** In the order in which they are treated within a cycle's rows: factors before the verdict that they belong to. */
const FIXED = ['features', 'signal', 'intent', 'command', 'report', 'account', 'position'];

/** What later documents need of earlier rows; part of each commit. */
interface Memory {
  /** Last row of each instrument. */
  features: Record<string, Fields>;
  position: Record<string, Fields>;
  /** What decided last, per instrument. */
  decided: Record<string, string>;
}
interface Row {
  /** Name of the record's schema. */
  readonly schema: string;
  readonly fields: Fields;
  readonly instrument: string;
  readonly t: number;
  readonly cause: Cause;
}
/** Orders of one commit: their base fields and what happened to them. */
type Orders = Map<string, { base: Fields; events: OrderEvent[] }>;

export interface DocumentConfig {
  readonly verdicts: 'all' | 'changes';
  /** In-port → service that makes its records. */
  readonly services: Readonly<Record<string, string>>;
}

export class DocumentSink extends BufferedSink {
  readonly #config: DocumentConfig;
  readonly #store: RunStore;
  readonly #writer: string;
  /** By port: fields of its records that are named like one of the document's own. */
  readonly #clashing: readonly (readonly string[])[];
  #memory: Memory | undefined;

  static async open(config: DocumentConfig, env: Env, wiring: Wiring): Promise<DocumentSink> {
    return new DocumentSink(config, env, wiring, await openStoreOf(env));
  }
  private constructor(config: DocumentConfig, env: Env, wiring: Wiring, store: RunStore) {
    super(env, wiring, FIXED);
    this.#config = config;
    this.#store = store;
    this.#writer = `${env.pipeline}.${env.node}`;
    this.#clashing = this.ports.map((p, i) =>
      p === 'features' ? [] : Object.keys(this.buffers[i]!.schema.fields).filter((f) => OWN.includes(f)),
    );
  }
  /** For runs without a folder or database: the store is this sink's alone. */
  get store(): RunStore {
    return this.#store;
  }

  protected async flush(mark: CommitMark): Promise<void> {
    await this.#store.transaction(async () => {
      const memory = structuredClone(this.#memory ?? (await this.#recall(mark.epoch)));
      const batch = new Batch(this.env.pipeline);
      const orders: Orders = new Map();
      for (const row of this.#rows()) this.#document(row, batch, orders, memory);
      for (const [key, { base, events }] of orders)
        batch.put('orders', key, foldOrder(await this.#store.get('orders', key), base, events));
      for (const [collection, list] of batch) await this.#store.upsert(collection, list);
      await this.#store.saveManifest(this.#writer, mark.epoch, {}, encode(memory));
      // As many as there are checkpoints to go back to.
      await this.#store.keepManifest(this.#writer, mark.epoch - 2, mark.epoch + 1);
      this.#memory = memory;
    });
  }
  async #recall(epoch: number): Promise<Memory> {
    const blob = (await this.#store.loadManifest(this.#writer, 0, epoch)).at(-1)?.blob;
    return blob ? (decode(blob) as Memory) : { features: {}, position: {}, decided: {} };
  }

  /** Rows since the last commit in order, each with its index among those of the same cause and port. */
  *#rows(): Generator<Row> {
    const at = this.buffers.map(() => 0);
    const first = this.buffers.map(() => 0);
    for (let r = 0; r < this.rows; r++) {
      const p = this.order[r]!;
      const rows: RowBuffer = this.buffers[p]!;
      const i = at[p]!++;
      const f = first[p]!;
      if (rows.cause[i] !== rows.cause[f] || rows.seq[i] !== rows.seq[f]) first[p] = i;
      const k = rows.key[i]!;
      const key = k < 0 ? undefined : this.env.keys.at(k);
      const fields = rowFields(rows, i, key);
      for (const name of this.#clashing[p]!) {
        fields[`record_${name}`] = fields[name]!;
        delete fields[name];
      }
      yield {
        schema: rows.schema.name,
        fields,
        instrument: key?.name ?? '',
        t: rows.t[i]!,
        cause: {
          source: this.causes[rows.cause[i]!]!,
          seq: rows.seq[i]!,
          port: this.ports[p]!,
          index: i - first[p]!,
        },
      };
    }
  }

  #document(row: Row, batch: Batch, orders: Orders, memory: Memory): void {
    const { fields, instrument } = row;
    const { port } = row.cause;
    if (port === 'features') memory.features[instrument] = fields;
    else if (port === 'signal') this.#signal(row, batch, memory);
    // Intents come from more than one place (rules, stops): each is found by its own id.
    else if (row.schema === Intent.name) this.#event(row, batch, this.#intentKey(String(fields['id'])));
    else if (port === 'command') this.#command(row, batch, orders);
    else if (port === 'report') this.#report(row, batch, orders);
    else if (port === 'account') {
      if (fields['reason'] === 'funding') this.#funding(row, batch);
      this.#position(row, batch, memory);
    } else if (port === 'position') this.#position(row, batch, memory);
    else this.#event(row, batch, batch.key(this.env.node, row.cause));
  }

  #signal(row: Row, batch: Batch, memory: Memory): void {
    const { fields, instrument, t } = row;
    const decided = JSON.stringify(['layer', 'outcome', 'rule', 'gate', 'condition'].map((f) => fields[f] ?? null));
    const changed = memory.decided[instrument] !== decided || !QUIET.has(String(fields['outcome'] ?? ''));
    memory.decided[instrument] = decided;
    if (this.#config.verdicts === 'changes' && !changed) return;
    const features = memory.features[instrument];
    // The factors have no document of their own: who made them stands beside who decided on them.
    const more: Fields = features ? { ...this.#madeBy('signal', 'features'), features } : {};
    const id = this.#put(row, batch, 'signals', batch.key(this.env.node, row.cause), more);
    const intent = String(fields['intent_id'] ?? '');
    if (intent !== '') batch.edge(documentId('strategy_events', this.#intentKey(intent)), id, 'because', t, instrument);
  }
  #event(row: Row, batch: Batch, key: string): void {
    const id = this.#put(row, batch, 'strategy_events', key, { kind: row.cause.port });
    this.#follow(row, batch, id, 'intent_id');
    this.#follow(row, batch, id, 'client_id');
  }
  #command(row: Row, batch: Batch, orders: Orders): void {
    const { fields } = row;
    // A command to cancel everything names no order.
    if (fields['client_id'] === '') this.#event(row, batch, batch.key(this.env.node, row.cause));
    else if (fields['action'] === 'place') {
      const { action: _action, client_id: _client, ...order } = fields;
      const { source, seq } = row.cause;
      const sent = { ...order, exec: 'sent', status: 'sent', cum_qty: 0 };
      const id = this.#live(row, orders, sent, { source, seq });
      this.#follow(row, batch, id, 'intent_id');
    } else this.#live(row, orders, { exec: 'cancel_sent' });
  }
  #report(row: Row, batch: Batch, orders: Orders): void {
    const { fields, t, instrument } = row;
    const order = this.#live(row, orders, fields);
    if (fields['exec'] !== 'trade') return;
    const id = this.#put(
      { ...row, fields: { ...pick(fields, FILL), px: fields['last_px']!, qty: fields['last_qty']! } },
      batch,
      'fills',
      batch.key(this.env.node, row.cause),
      { fee_asset: 'USDT', liquidity: fields['maker'] ? 'maker' : 'taker' },
    );
    batch.edge(id, order, 'of', t, instrument);
  }
  /** @param cause what caused the order as a whole; told by the command that placed it */
  #live(row: Row, orders: Orders, fields: Fields, cause?: Fields): string {
    const { t, instrument } = row;
    const client_id = String(row.fields['client_id']);
    const key = documentKey(this.env.pipeline, instrument, client_id);
    let life = orders.get(key);
    if (!life) {
      life = { base: { pipeline: this.env.pipeline, node: this.env.node, instrument, client_id }, events: [] };
      orders.set(key, life);
    }
    if (cause) life.base = { ...life.base, ...cause };
    const { port, source, seq, index } = row.cause;
    life.events.push({ id: documentKey(port, source, seq, index), t, fields, by: this.#config.services[port] });
    return documentId('orders', key);
  }
  #funding(row: Row, batch: Batch): void {
    const fields = { amount: row.fields['funding']!, asset: 'USDT', ...pick(row.fields, FUNDING) };
    this.#put({ ...row, fields }, batch, 'funding_records', batch.key(this.env.node, row.cause), {});
  }
  /** A snapshot holds everything known of the instrument: what this record says over what earlier ones said. */
  #position(row: Row, batch: Batch, memory: Memory): void {
    const fields = { ...memory.position[row.instrument], ...row.fields };
    memory.position[row.instrument] = fields;
    const id = this.#put({ ...row, fields }, batch, 'positions_snapshots', batch.key(this.env.node, row.cause), {});
    this.#follow(row, batch, id, 'client_id');
  }

  #put(row: Row, batch: Batch, collection: Parameters<Batch['put']>[0], key: string, more: Fields): string {
    const { t, instrument, cause } = row;
    return batch.put(collection, key, {
      t,
      instrument,
      pipeline: this.env.pipeline,
      node: this.env.node,
      source: cause.source,
      seq: cause.seq,
      ...this.#madeBy(cause.port),
      ...more,
      ...row.fields,
    });
  }
  /** The services behind the records of these ports, as the document states them. */
  #madeBy(...ports: readonly string[]): Fields {
    const made_by = [...new Set(ports.flatMap((p) => this.#config.services[p] ?? []))];
    return made_by.length > 0 ? { made_by } : {};
  }
  /** An edge to the intent or order that the record names. */
  #follow(row: Row, batch: Batch, id: string, field: 'intent_id' | 'client_id'): void {
    const name = row.fields[field];
    if (typeof name !== 'string' || name === '') return;
    const to =
      field === 'intent_id'
        ? documentId('strategy_events', this.#intentKey(name))
        : documentId('orders', documentKey(this.env.pipeline, row.instrument, name));
    batch.edge(id, to, 'because', row.t, row.instrument);
  }

  #intentKey(id: string): string {
    return documentKey(this.env.pipeline, 'intent', id);
  }

  async close(): Promise<void> {
    await this.#store.close();
  }
}

/** What a document says of itself; lineage rests on it. A record's field of such a name is kept as `record_…`. */
const OWN = ['t', 'instrument', 'pipeline', 'node', 'source', 'seq', 'made_by'];
/** Outcomes that need no document of their own when nothing changed. */
const QUIET = new Set(['hold', 'skip', '']);
const FILL = ['client_id', 'order_id', 'trade_id', 'side', 'fee', 'realized_pnl', 'maker', 'time_ms'];
const FUNDING = ['wallet', 'position_qty', 'mark_px', 'time_ms'];
const pick = (fields: Fields, names: readonly string[]): Fields =>
  Object.fromEntries(names.filter((n) => fields[n] !== undefined).map((n) => [n, fields[n]!]));
