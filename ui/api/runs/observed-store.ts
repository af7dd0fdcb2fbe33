import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'libsql';
import type { DecisionMoment } from '../../why/moment.ts';
import { shortVerdict, toVerdict } from '../../why/verdict.ts';
import type { Verdict } from '../contract/records.ts';
import type { Candle, DecisionQuery, Decisions, RuleNode } from '../ports.ts';

const TABLES = `
CREATE TABLE IF NOT EXISTS decisions (
  cycle INTEGER NOT NULL, node TEXT NOT NULL, key TEXT NOT NULL, at_us INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (cycle, node, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS decisions_key ON decisions (key, cycle);
CREATE INDEX IF NOT EXISTS decisions_at ON decisions (at_us);
CREATE TABLE IF NOT EXISTS bars (
  key TEXT NOT NULL, t_us INTEGER NOT NULL, port TEXT NOT NULL, width_us INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (key, t_us, port)
) WITHOUT ROWID;
`;
export interface KeptBar extends Candle {
  readonly port: string;
  readonly key: string;
  readonly width_us: number;
}
interface Statement {
  run(...params: unknown[]): unknown;
  all(...params: unknown[]): Record<string, unknown>[];
}

/** What the API keeps of a run while it goes on: decision moments with all that they read, and bars. One file in the run's folder. */
export class ObservedStore {
  readonly #db: InstanceType<typeof Database>;
  readonly #statements = new Map<string, Statement>();
  /** @param file undefined = in memory */
  constructor(file: string | undefined) {
    if (file !== undefined) mkdirSync(dirname(file), { recursive: true });
    this.#db = new Database(file ?? ':memory:');
    this.#db.pragma('busy_timeout = 5000');
    if (file !== undefined) this.#db.pragma('journal_mode = WAL');
    // What is lost with the power is drawn, not traded.
    this.#db.pragma('synchronous = OFF');
    this.#db.exec(TABLES);
  }
  addDecisions(moments: readonly DecisionMoment[]): void {
    const add = this.#statement('INSERT OR REPLACE INTO decisions VALUES (?, ?, ?, ?, ?)');
    this.#together(() => {
      for (const m of moments) {
        const { cycle, node, key, at_us, ...body } = m;
        add.run(cycle, node, key ?? '', at_us, JSON.stringify(body));
      }
    });
  }
  addBars(bars: readonly KeptBar[]): void {
    const add = this.#statement('INSERT OR REPLACE INTO bars VALUES (?, ?, ?, ?, ?)');
    this.#together(() => {
      for (const { key, t_us, port, width_us, ...body } of bars)
        add.run(key, t_us, port, width_us, JSON.stringify(body));
    });
  }
  /** Decisions of nodes with these rules. */
  decisions(rules: readonly RuleNode[]): Decisions {
    const byNode = new Map(rules.map((r) => [r.id, r.rules]));
    return {
      list: (q) => Promise.resolve(this.#list(q).map(shortVerdict)),
      why: (cycle) => Promise.resolve(this.#at(cycle).map((m): Verdict => toVerdict(m, byNode.get(m.node) ?? []))),
    };
  }
  get count(): number {
    return Number(this.#statement('SELECT count(*) AS n FROM decisions').all()[0]?.['n'] ?? 0);
  }
  /** Candles of a width, oldest first, put together from the finest bars that were kept. Undefined: none were. */
  bars(q: {
    instrument: string;
    from_us: number;
    to_us: number;
    width_us: number;
    limit: number;
  }): Candle[] | undefined {
    const ports = this.#statement('SELECT DISTINCT port, width_us FROM bars WHERE key = ?').all(q.instrument);
    const fitting = ports
      .map((p) => ({ port: String(p['port']), width: Number(p['width_us']) }))
      .filter((p) => p.width > 0 && q.width_us % p.width === 0)
      .sort((a, b) => b.width - a.width)[0];
    const chosen = fitting ?? ports.map((p) => ({ port: String(p['port']), width: Number(p['width_us']) }))[0];
    if (!chosen) return undefined;
    const most = Math.min(200_000, q.limit * Math.max(1, Math.ceil(q.width_us / Math.max(1, chosen.width))));
    // The newest that fit, oldest first.
    const rows = this.#statement(
      'SELECT t_us, body FROM bars WHERE key = ? AND port = ? AND t_us >= ? AND t_us < ? ORDER BY t_us DESC LIMIT ?',
    ).all(q.instrument, chosen.port, q.from_us, q.to_us, most);
    const fine = rows.reverse().map((r) => ({ ...(JSON.parse(String(r['body'])) as Candle), t_us: Number(r['t_us']) }));
    return (fitting ? widened(fine, q.width_us) : fine).slice(-q.limit);
  }
  close(): void {
    this.#statements.clear();
    this.#db.close();
  }

  #list(q: DecisionQuery): DecisionMoment[] {
    const where = ['1'];
    const params: unknown[] = [];
    const only = (sql: string, value: unknown) => {
      if (value === undefined) return;
      where.push(sql);
      params.push(value);
    };
    only('cycle < ?', q.before);
    only('key = ?', q.key);
    only('node = ?', q.node);
    only('at_us >= ?', q.from_us);
    only('at_us < ?', q.to_us);
    return this.#statement(`SELECT * FROM decisions WHERE ${where.join(' AND ')} ORDER BY cycle DESC LIMIT ?`)
      .all(...params, q.limit)
      .map(momentOf);
  }
  #at(cycle: number): DecisionMoment[] {
    return this.#statement('SELECT * FROM decisions WHERE cycle = ?').all(cycle).map(momentOf);
  }
  #together(work: () => void): void {
    this.#db.exec('BEGIN');
    try {
      work();
      this.#db.exec('COMMIT');
    } catch (e) {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
      throw e;
    }
  }
  #statement(sql: string): Statement {
    let s = this.#statements.get(sql);
    if (!s) {
      s = this.#db.prepare(sql) as unknown as Statement;
      this.#statements.set(sql, s);
    }
    return s;
  }
}

function momentOf(r: Record<string, unknown>): DecisionMoment {
  const body = JSON.parse(String(r['body'])) as Omit<DecisionMoment, 'cycle' | 'node' | 'key' | 'at_us'>;
  return {
    ...body,
    // JSON has no NaN: what had no value is null there.
    features: withNaN(body.features),
    position: body.position && withNaN(body.position),
    cycle: Number(r['cycle']),
    node: String(r['node']),
    key: r['key'] === '' ? null : String(r['key']),
    at_us: Number(r['at_us']),
  };
}
const withNaN = (x: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(x).map(([k, v]) => [k, v === null ? Number.NaN : v]));

function widened(bars: readonly Candle[], width: number): Candle[] {
  const out: Candle[] = [];
  for (const b of bars) {
    const t_us = b.t_us - (b.t_us % width);
    const last = out.at(-1);
    if (last?.t_us !== t_us) out.push({ ...b, t_us });
    else
      out[out.length - 1] = {
        ...last,
        high: Number(b.high) > Number(last.high) ? b.high : last.high,
        low: Number(b.low) < Number(last.low) ? b.low : last.low,
        close: b.close,
        volume: sum(last.volume, b.volume),
      };
  }
  return out;
}
/** Exact: volumes have so few decimals that their sum in units of the last one is a safe integer. */
function sum(a: string, b: string): string {
  const digits = Math.max(...[a, b].map((x) => x.split('.')[1]?.length ?? 0));
  const scale = 10 ** digits;
  return ((Math.round(Number(a) * scale) + Math.round(Number(b) * scale)) / scale).toFixed(digits);
}
