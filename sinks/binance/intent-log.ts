import { join } from 'node:path';
import { ChimeraError, type KeyTable } from '../../graph/schema/index.ts';
import { readJournal } from '../../lake/journal/journal-reader.ts';
import { JournalWriter } from '../../lake/journal/journal-writer.ts';
import type { Command, Intent } from './order-state.ts';

/** A command that was written down by an earlier run and has no known end. */
export interface OpenIntent {
  readonly symbol: string;
  readonly intent: Intent;
  /** It was not to be sent (again), for this reason. */
  readonly refused: { readonly code: number; readonly reason: string } | undefined;
}
/** Spot: what the gateway holds of an instrument's asset once the trades up to the mark are in. */
export interface Holding {
  /** In the account's own units (`SpotAccount`). */
  readonly base: number;
  /** × 10^8 */
  readonly cost: number;
}
type Written =
  | { k: 'intent'; id: string; instrument: string; madeMs: number; c: Command }
  | { k: 'refused'; id: string; code: number; reason: string }
  | { k: 'ended'; ids: string[] }
  | { k: 'mark'; symbol: string; trade: number; holding?: Holding }
  | { k: 'transfer'; id: string; [more: string]: unknown };

/**
 * What must survive the process, in the order in which it happened: commands before they are sent, refusals before they are
 * reported, and (at commits) what has been reported for good. A segment journal, so that a torn end repairs itself.
 */
export class IntentLog {
  readonly #writer: JournalWriter;
  /** Since the last commit, and before: a run that goes back goes back to its last commit, a new start may go one further. */
  #known = new Map<string, string>();
  #before = new Map<string, string>();
  readonly #open = new Map<string, { instrument: string; madeMs: number; c: Command }>();
  readonly #refused = new Map<string, { code: number; reason: string }>();
  readonly marks = new Map<string, number>();
  readonly holdings = new Map<string, Holding>();
  readonly transfers = new Map<string, Record<string, unknown>>();
  readonly #now: () => number;
  #seq: number;
  #t: number;

  private constructor(writer: JournalWriter, now: () => number) {
    this.#writer = writer;
    this.#now = now;
    this.#seq = writer.lastSeq + 1;
    this.#t = Math.max(0, writer.recovery.lastT);
  }
  /** @param now wall clock, ms */
  static open(dir: string, now: () => number): IntentLog {
    const folder = join(dir, 'intents');
    const log = new IntentLog(JournalWriter.open(folder, { clock: now }), now);
    for (const r of readJournal(folder)) log.#take(JSON.parse(Buffer.from(r.payload).toString('utf8')) as Written);
    return log;
  }

  #take(w: Written): void {
    if (w.k === 'intent') {
      this.#known.set(w.id, identityOf(w.c));
      this.#open.set(w.id, { instrument: w.instrument, madeMs: w.madeMs, c: revive(w.c) });
    } else if (w.k === 'refused') this.#refused.set(w.id, { code: w.code, reason: w.reason });
    else if (w.k === 'ended')
      for (const id of w.ids) {
        this.#open.delete(id);
        this.#refused.delete(id);
      }
    else if (w.k === 'mark') {
      this.marks.set(w.symbol, w.trade);
      if (w.holding) this.holdings.set(w.symbol, w.holding);
    } else this.transfers.set(w.id, { ...this.transfers.get(w.id), ...w });
  }
  #append(w: Written): void {
    this.#t = Math.max(this.#t, Math.floor(this.#now() * 1000));
    this.#writer.append(this.#seq++, this.#t, 0, Buffer.from(JSON.stringify(w)));
  }

  /** Whether the command has been written down before. @throws CHM963 when the place held another one */
  has(id: string, c: Command): boolean {
    const known = this.#known.get(id) ?? this.#before.get(id);
    if (known !== undefined && known !== identityOf(c))
      throw new ChimeraError('CHM963', `command ${id} was ${known}, and is now ${identityOf(c)}`, {
        help: 'start with the pipeline of the first run, or with a new state folder',
      });
    return known !== undefined;
  }
  /** Durable after the next `sync`. */
  intend(instrument: string, intent: Intent): void {
    const { id, madeMs, command: c } = intent;
    this.#known.set(id, identityOf(c));
    this.#append({ k: 'intent', id, instrument, madeMs, c });
  }
  refuse(id: string, code: number, reason: string): void {
    this.#append({ k: 'refused', id, code, reason });
    this.sync();
  }
  ended(ids: string[]): void {
    if (ids.length > 0) this.#append({ k: 'ended', ids });
  }
  /** @param holding one record with the mark: a torn end leaves both or neither */
  mark(symbol: string, trade: number, holding?: Holding): void {
    if (this.marks.get(symbol) === trade && holding === undefined) return;
    this.marks.set(symbol, trade);
    if (holding) this.holdings.set(symbol, holding);
    this.#append({ k: 'mark', symbol, trade, ...(holding ? { holding } : {}) });
  }
  transfer(id: string, more: Record<string, unknown>): void {
    this.transfers.set(id, { ...this.transfers.get(id), ...more });
    this.#append({ ...more, k: 'transfer', id });
    this.sync();
  }
  /** A commit: what is older than the one before cannot come again. */
  committed(): void {
    this.#before = this.#known;
    this.#known = new Map();
  }
  sync(): void {
    this.#writer.flush();
    this.#writer.sync();
  }
  close(): void {
    this.#writer.close();
  }

  /** Commands of earlier runs without a known end, in order. */
  unsettled(keys: KeyTable): OpenIntent[] {
    const out: OpenIntent[] = [];
    for (const [id, { instrument, madeMs, c }] of this.#open) {
      const key = keys.find(instrument);
      if (!key) continue;
      const symbol = instrument.slice(instrument.indexOf(':') + 1);
      out.push({ symbol, intent: { id, key: key.index, command: c, madeMs }, refused: this.#refused.get(id) });
    }
    this.#open.clear();
    return out;
  }
}

/** What makes a command this one and no other. */
const identityOf = (c: Command): string => `${c.action} ${c.client_id}`;
/** JSON has no NaN. */
const revive = (c: Command): Command => ({ ...c, px: c.px ?? Number.NaN, stop_px: c.stop_px ?? Number.NaN });
