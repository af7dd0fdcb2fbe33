import { renameSync, rmSync, unlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ChimeraError, type KeyTable } from '../../graph/schema/index.ts';
import { readJournal, segmentName, segments } from '../../lake/journal/journal-reader.ts';
import { JournalWriter } from '../../lake/journal/journal-writer.ts';
import { syncFolder } from '../../lake/journal/retention.ts';
import type { Command, Intent } from './order-state.ts';
import { type ToldState, ToldTrades } from './told-trades.ts';

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
  | { k: 'mark'; symbol: string; trade: number; told?: number; holding?: Holding }
  /** All that a symbol's trades have been told. */
  | ({ k: 'told'; symbol: string } & ToldState)
  | { k: 'transfer'; id: string; [more: string]: unknown }
  /** What came before is told again from here on, as far as it still matters. */
  | { k: 'base' }
  /** Commands that have been written down, and what they were. */
  | { k: 'seen'; commands: (readonly [id: string, identity: string])[] };
interface Open {
  readonly instrument: string;
  readonly madeMs: number;
  readonly c: Command;
}
export interface IntentLogOptions {
  /** The file is written anew once so much has been added to it. Default 1 MiB. */
  readonly compactBytes?: number;
}

/**
 * Stretches between commits whose commands are known. A new start goes back to one of the newest two checkpoints, and while a commit
 * is written it is not among them yet.
 */
const GENERATIONS = 3;
const COMPACT_BYTES = 1 << 20;
/** A cancel of everything is not sent again after a restart when it is older than this, by far. */
const CANCEL_ALL_MS = 24 * 3_600_000;
/** Finished transfers whose ids are remembered. */
const TRANSFERS = 10_000;
const LOOK = 256;
/** Commands in one record. */
const SEEN = 1_000;

/**
 * What must survive the process, in the order in which it happened: commands before they are sent, refusals before they are
 * reported, and (at commits) what has been reported for good. A segment journal, so that a torn end repairs itself. It is
 * written anew now and then: what is open, the marks, and the commands that can still come again.
 */
export class IntentLog {
  readonly #folder: string;
  readonly #compactBytes: number;
  #writer: JournalWriter;
  /** Commands by id, newest stretch first. */
  #known: Map<string, string>[] = Array.from({ length: GENERATIONS }, () => new Map<string, string>());
  /** Without a known end, in order. */
  readonly #open = new Map<string, Open>();
  /** Those of them that an earlier process wrote down. */
  readonly #earlier = new Set<string>();
  readonly #refused = new Map<string, { code: number; reason: string }>();
  /** Highest trade id of each symbol that is known to be done. */
  readonly marks = new Map<string, number>();
  readonly #told = new Map<string, ToldTrades>();
  readonly holdings = new Map<string, Holding>();
  readonly transfers = new Map<string, Record<string, unknown>>();
  readonly #now: () => number;
  #seq: number;
  #t: number;
  /** Bytes since the file was written anew, and how many those were that it began with. */
  #added = 0;
  #kept = 0;
  /** Open commands beyond which those are looked for that need not be kept. */
  #look = LOOK;

  private constructor(folder: string, writer: JournalWriter, now: () => number, options: IntentLogOptions) {
    this.#folder = folder;
    this.#compactBytes = options.compactBytes ?? COMPACT_BYTES;
    this.#writer = writer;
    this.#now = now;
    this.#seq = writer.lastSeq + 1;
    this.#t = Math.max(0, writer.recovery.lastT);
  }
  /** @param now wall clock, ms */
  static open(dir: string, now: () => number, options: IntentLogOptions = {}): IntentLog {
    const folder = join(dir, 'intents');
    const log = new IntentLog(folder, JournalWriter.open(folder, { clock: now }), now, options);
    let base = -1;
    for (const r of readJournal(folder)) {
      const w = JSON.parse(Buffer.from(r.payload).toString('utf8')) as Written;
      if (w.k === 'base') base = r.seq;
      log.#take(w);
      log.#added += r.payload.length;
    }
    for (const id of log.#open.keys()) log.#earlier.add(id);
    // The process ended between writing anew and forgetting the old.
    log.#forgetBefore(base);
    return log;
  }

  #take(w: Written): void {
    if (w.k === 'intent') {
      this.#known[0]!.set(w.id, identityOf(w.c));
      this.#open.set(w.id, { instrument: w.instrument, madeMs: w.madeMs, c: revive(w.c) });
    } else if (w.k === 'refused') this.#refused.set(w.id, { code: w.code, reason: w.reason });
    else if (w.k === 'ended') this.#end(w.ids);
    else if (w.k === 'mark') {
      this.marks.set(w.symbol, w.trade);
      if (w.told !== undefined) this.told(w.symbol).add(w.told);
      if (w.holding) this.holdings.set(w.symbol, w.holding);
    } else if (w.k === 'told') this.#told.set(w.symbol, ToldTrades.of(w));
    else if (w.k === 'seen') for (const [id, identity] of w.commands) this.#known[0]!.set(id, identity);
    else if (w.k === 'transfer') this.transfers.set(w.id, { ...this.transfers.get(w.id), ...w });
    else
      for (const m of [
        ...this.#known,
        this.#open,
        this.#refused,
        this.marks,
        this.#told,
        this.holdings,
        this.transfers,
      ])
        m.clear();
  }
  #end(ids: readonly string[]): void {
    for (const id of ids) {
      this.#open.delete(id);
      this.#refused.delete(id);
    }
  }
  #append(w: Written): void {
    this.#t = Math.max(this.#t, Math.floor(this.#now() * 1000));
    const bytes = Buffer.from(JSON.stringify(w));
    this.#writer.append(this.#seq++, this.#t, 0, bytes);
    this.#added += bytes.length;
  }

  /** Whether the command has been written down before. @throws CHM963 when the place held another one */
  has(id: string, c: Command): boolean {
    let known: string | undefined;
    for (const stretch of this.#known) known ??= stretch.get(id);
    if (known !== undefined && known !== identityOf(c))
      throw new ChimeraError('CHM963', `command ${id} was ${known}, and is now ${identityOf(c)}`, {
        help: 'start with the pipeline of the first run, or with a new state folder',
      });
    return known !== undefined;
  }
  /** Durable after the next `sync`. */
  intend(instrument: string, intent: Intent): void {
    const { id, madeMs, command: c } = intent;
    this.#known[0]!.set(id, identityOf(c));
    this.#open.set(id, { instrument, madeMs, c });
    this.#append({ k: 'intent', id, instrument, madeMs, c });
  }
  refuse(id: string, code: number, reason: string): void {
    if (this.#open.has(id)) this.#refused.set(id, { code, reason });
    this.#append({ k: 'refused', id, code, reason });
    this.sync();
  }
  ended(ids: string[]): void {
    if (ids.length === 0) return;
    this.#end(ids);
    this.#append({ k: 'ended', ids });
  }
  /** Trades up to this one were done before. */
  mark(symbol: string, trade: number): void {
    if (this.marks.get(symbol) === trade) return;
    this.marks.set(symbol, trade);
    this.#append({ k: 'mark', symbol, trade });
  }
  /** A trade has been reported for good. @param holding one record with it: a torn end leaves both or neither */
  tell(symbol: string, told: number, holding?: Holding): void {
    const trade = Math.max(told, this.marks.get(symbol) ?? -1);
    this.marks.set(symbol, trade);
    this.told(symbol).add(told);
    if (holding) this.holdings.set(symbol, holding);
    this.#append({ k: 'mark', symbol, trade, told, ...(holding ? { holding } : {}) });
  }
  /** Trades of the symbol that have been reported for good. */
  told(symbol: string): ToldTrades {
    let told = this.#told.get(symbol);
    if (!told) {
      told = new ToldTrades();
      this.#told.set(symbol, told);
    }
    return told;
  }
  transfer(id: string, more: Record<string, unknown>): void {
    this.transfers.set(id, { ...this.transfers.get(id), ...more });
    this.#append({ ...more, k: 'transfer', id });
    this.sync();
  }
  /** A commit: what is older than the two before cannot come again. */
  committed(): void {
    this.#known = [new Map(), ...this.#known.slice(0, GENERATIONS - 1)];
    if (this.#open.size > this.#look) this.#dropMoot();
    if (this.#added >= Math.max(this.#compactBytes, 4 * this.#kept)) this.#compact();
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
    for (const id of this.#earlier) {
      const open = this.#open.get(id);
      const key = open && keys.find(open.instrument);
      if (!key) continue;
      const { instrument, madeMs, c } = open;
      const symbol = instrument.slice(instrument.indexOf(':') + 1);
      out.push({ symbol, intent: { id, key: key.index, command: c, madeMs }, refused: this.#refused.get(id) });
    }
    this.#earlier.clear();
    return out;
  }

  /**
   * Writes a file that needs none before it, and puts it behind them under its own name. Whatever the process has come to when it
   * dies, what is read then is the old files, or the old ones and the new one, or the new one: always the same.
   */
  #compact(): void {
    this.sync();
    this.#dropMoot();
    const next = join(this.#folder, 'next');
    const first = this.#seq;
    const before = this.#writer;
    rmSync(next, { recursive: true, force: true });
    this.#writer = JournalWriter.open(next, { clock: this.#now });
    this.#added = 0;
    try {
      this.#retell();
      this.#writer.close();
      renameSync(join(next, segmentName(first)), join(this.#folder, segmentName(first)));
    } catch (e) {
      // Nothing is lost: the old files are as they were, and go on. Numbers may be left out.
      this.#writer = before;
      this.#kept = this.#compactBytes;
      if (['CHM605', 'ENOSPC'].includes((e as { code: string }).code)) return;
      throw e;
    }
    syncFolder(this.#folder);
    before.close();
    this.#forgetBefore(first);
    this.#writer = JournalWriter.open(this.#folder, { clock: this.#now });
    this.#kept = this.#added;
    this.#added = 0;
  }
  #retell(): void {
    this.#append({ k: 'base' });
    const ended = this.#known.toReversed().flatMap((m) => [...m].filter(([id]) => !this.#open.has(id)));
    for (let i = 0; i < ended.length; i += SEEN) this.#append({ k: 'seen', commands: ended.slice(i, i + SEEN) });
    for (const [id, o] of this.#open) this.#append({ k: 'intent', id, ...o });
    for (const [id, r] of this.#refused) this.#append({ k: 'refused', id, ...r });
    for (const [symbol, trade] of this.marks) {
      const holding = this.holdings.get(symbol);
      this.#append({ k: 'mark', symbol, trade, ...(holding ? { holding } : {}) });
    }
    for (const [symbol, told] of this.#told) this.#append({ k: 'told', symbol, ...told.state });
    for (const [id, t] of this.transfers) this.#append({ ...t, k: 'transfer', id });
  }
  /** What no start would do anything about any more. */
  #dropMoot(): void {
    const placed = new Set<string>();
    for (const { c } of this.#open.values()) if (c.action === 'place') placed.add(c.client_id);
    const since = this.#now() - CANCEL_ALL_MS;
    for (const [id, { c, madeMs }] of this.#open) {
      const moot = c.action === 'cancel_all' ? madeMs < since : c.action !== 'place' && !placed.has(c.client_id);
      if (moot) this.#end([id]);
    }
    this.#look = LOOK + 2 * this.#open.size;
    for (const [id, t] of this.transfers) {
      if (this.transfers.size <= TRANSFERS) break;
      if (t['state'] === 'done' || t['state'] === 'refused') this.transfers.delete(id);
    }
  }
  #forgetBefore(seq: number): void {
    const name = segmentName(seq);
    for (const file of segments(this.#folder)) if (basename(file) < name) unlinkSync(file);
  }
}

/** What makes a command this one and no other. */
const identityOf = (c: Command): string => `${c.action} ${c.client_id}`;
/** JSON has no NaN. */
const revive = (c: Command): Command => ({ ...c, px: c.px ?? Number.NaN, stop_px: c.stop_px ?? Number.NaN });
