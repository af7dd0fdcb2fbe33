import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { AuditEntry } from '../contract/records.ts';
import type { ApiDatabase } from './api-database.ts';

export type AuditFields = Omit<AuditEntry, 'n' | 'hash'>;
export interface AuditVerdict {
  readonly ok: boolean;
  readonly entries: number;
  /** Number of the first entry that does not fit; null when all do. */
  readonly broken_at: number | null;
}
interface Row extends Omit<AuditEntry, 'before' | 'after'> {
  readonly before: string;
  readonly after: string;
}

const START = '0'.repeat(64);

/**
 * The audit log: who did what, in a chain. Each entry's hash covers the entry and the hash before it, so that a changed, removed,
 * moved or inserted entry shows; the seal, made with a key that is not in the file, covers length and last hash, so that a cut
 * end, or a chain that was computed anew, shows too.
 */
export class AuditLog {
  readonly #db: ApiDatabase;
  readonly #key: Buffer;
  constructor(db: ApiDatabase, key: Buffer) {
    this.#db = db;
    this.#key = key;
  }

  append(fields: AuditFields): AuditEntry {
    return this.#db.transaction(() => {
      const last = this.#db.get<{ n: number; hash: string }>('SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1');
      const n = (last?.n ?? 0) + 1;
      const row = {
        n,
        ...fields,
        before: JSON.stringify(fields.before ?? null),
        after: JSON.stringify(fields.after ?? null),
      };
      const hash = hashOf(row, last?.hash ?? START);
      this.#db.run(
        'INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
        n,
        row.at_ms,
        row.who,
        row.what,
        row.route,
        row.correlation_id,
        row.before,
        row.after,
        row.outcome,
        hash,
      );
      this.#db.run(
        'INSERT INTO seals VALUES (1, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET entries = excluded.entries, hash = excluded.hash, seal = excluded.seal',
        n,
        hash,
        this.#seal(n, hash),
      );
      return entryOf({ ...row, hash });
    });
  }

  list(limit: number, before = Number.MAX_SAFE_INTEGER): AuditEntry[] {
    return this.#db
      .all<Row>('SELECT * FROM audit WHERE n < ? ORDER BY n DESC LIMIT ?', before, limit)
      .map((r) => entryOf(r));
  }

  verify(): AuditVerdict {
    let before = START;
    let n = 0;
    for (;;) {
      const rows = this.#db.all<Row>('SELECT * FROM audit WHERE n > ? ORDER BY n LIMIT 1000', n);
      for (const row of rows) {
        if (row.n !== n + 1) return { ok: false, entries: n, broken_at: n + 1 };
        const { hash, ...rest } = row;
        if (hashOf(rest, before) !== hash) return { ok: false, entries: n, broken_at: row.n };
        before = hash;
        n++;
      }
      if (rows.length === 0) break;
    }
    const seal = this.#db.get<{ entries: number; hash: string; seal: string }>('SELECT entries, hash, seal FROM seals');
    if (!seal) return { ok: n === 0, entries: n, broken_at: n === 0 ? null : 1 };
    const fits = seal.entries === n && seal.hash === before && equal(seal.seal, this.#seal(n, before));
    return { ok: fits, entries: n, broken_at: fits ? null : Math.min(n, seal.entries) + (seal.entries === n ? 0 : 1) };
  }

  #seal(entries: number, hash: string): string {
    return createHmac('sha256', this.#key).update(`${entries}:${hash}`).digest('hex');
  }
}

/** A list is written unambiguously as JSON: no two entries share a text. */
const hashOf = (r: Omit<Row, 'hash'>, before: string): string =>
  createHash('sha256')
    .update(
      JSON.stringify([before, r.n, r.at_ms, r.who, r.what, r.route, r.correlation_id, r.before, r.after, r.outcome]),
    )
    .digest('hex');
const equal = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
const entryOf = (r: Row): AuditEntry => ({
  n: r.n,
  at_ms: r.at_ms,
  who: r.who,
  what: r.what,
  route: r.route,
  correlation_id: r.correlation_id,
  before: JSON.parse(r.before),
  after: JSON.parse(r.after),
  outcome: r.outcome,
  hash: r.hash,
});
