import type { BadInput, Field, KeyTable } from '../../graph/schema/index.ts';
import { digitsOf, MAX_DIGITS, MAX_SAFE, POW10 } from './decimal.ts';
import type { Market } from './file-keys.ts';
import { type FileRows, type LateRefusal, strictError } from './file-rows.ts';
import { FIELDS, type ListValues, type Segment, type StoredColumn } from './row-store.ts';
import type { Arena } from './spilled.ts';

/** Rows of this key are not delivered. */
export const DROPPED = -2;

/** The decoded rows of one file, ready to be merged. */
export interface Track {
  readonly file: string;
  readonly segments: readonly { n: number; t0: number; id: number }[];
  load(index: number, arena?: Arena): Segment;
  /** The file's key number → index in the run's KeyTable, or DROPPED. */
  keyOf: Int32Array;
  hasDropped: boolean;
  /** Row numbers that became dead letters after decoding, ascending. */
  lateRows: number[];
  late: ReadonlyMap<number, LateRefusal>;
}

interface RunKey {
  name: string;
  pxDigits: number;
  qtyDigits: number;
  maxPx: number;
  maxQty: number;
  users: { track: number; key: number }[];
}
export interface KeySelection {
  readonly markets: readonly Market[] | undefined;
  /** `BTCUSDT` or `usdm:BTCUSDT`. */
  readonly symbols: readonly string[] | undefined;
}

/**
 * Names the instruments of all files, settles snapshots that did not name theirs, takes the decimals of each instrument
 * over the whole run and declares them. Returns the tracks with what was refused on the way.
 */
export function settleKeys(
  files: readonly FileRows[],
  symbolsSeen: readonly ReadonlySet<number>[],
  keys: KeyTable,
  selection: KeySelection,
): { tracks: Track[]; refused: BadInput[] } {
  const refused: BadInput[] = [];
  const runKeys = new Map<string, RunKey>();
  const plans: { markets: readonly [Market, Market, Market]; local: (string | undefined)[] }[] = [];
  const allSymbols = new Set<string>();
  for (const [f, file] of files.entries()) {
    const markets = file.keys.markets(file.market);
    const local: (string | undefined)[] = [];
    for (let k = 3; k < file.keys.rows.length; k++)
      if (file.keys.rows[k]! > 0) local[k] = `${markets[(k % 3) as 0 | 1 | 2]}:${file.names.list[Math.floor(k / 3)]!}`;
    for (const s of symbolsSeen[f]!) allSymbols.add(file.names.list[s]!);
    plans.push({ markets, local });
  }
  for (const [f, file] of files.entries()) {
    const plan = plans[f]!;
    if (file.orphans.size > 0) settleOrphans(file, plan, symbolsSeen[f]!, allSymbols, refused);
    for (const [key, name] of plan.local.entries()) {
      if (name === undefined || !isSelected(name, selection)) continue;
      let run = runKeys.get(name);
      if (run === undefined) {
        run = { name, pxDigits: 0, qtyDigits: 0, maxPx: 0, maxQty: 0, users: [] };
        runKeys.set(name, run);
      }
      const s = file.keys;
      run.pxDigits = Math.max(run.pxDigits, s.pxDigits[key]!);
      run.qtyDigits = Math.max(run.qtyDigits, s.qtyDigits[key]!);
      run.maxPx = Math.max(run.maxPx, s.maxPx[key]!);
      run.maxQty = Math.max(run.maxQty, s.maxQty[key]!);
      run.users.push({ track: f, key });
    }
  }
  const tracks = files.map(
    (file): Track => ({
      file: file.context.file,
      segments: file.store.segments,
      load: (i, arena) => file.store.load(i, arena),
      keyOf: new Int32Array(file.keys.rows.length).fill(DROPPED),
      hasDropped: false,
      lateRows: [],
      late: file.late,
    }),
  );
  for (const run of runKeys.values()) {
    const known = keys.find(run.name);
    if (known !== undefined && known.pxDigits >= run.pxDigits) run.pxDigits = known.pxDigits;
    if (known !== undefined && known.qtyDigits >= run.qtyDigits) run.qtyDigits = known.qtyDigits;
    if (run.maxPx * POW10[run.pxDigits]! > MAX_SAFE || run.maxQty * POW10[run.qtyDigits]! > MAX_SAFE)
      settleRange(run, files, tracks, refused);
    const info = keys.declare(run.name, run.pxDigits, run.qtyDigits);
    for (const u of run.users) tracks[u.track]!.keyOf[u.key] = info.index;
  }
  for (const [f, track] of tracks.entries()) {
    const file = files[f]!;
    track.lateRows = [...file.late.keys()].sort((a, b) => a - b);
    for (let k = 0; k < track.keyOf.length; k++)
      if (file.keys.rows[k]! > 0 && track.keyOf[k] === DROPPED) track.hasDropped = true;
  }
  return { tracks, refused };
}

function isSelected(name: string, { markets, symbols }: KeySelection): boolean {
  const colon = name.indexOf(':');
  if (markets !== undefined && !markets.includes(name.slice(0, colon) as Market)) return false;
  return symbols === undefined || symbols.includes(name) || symbols.includes(name.slice(colon + 1));
}

function settleOrphans(
  file: FileRows,
  plan: { markets: readonly [Market, Market, Market]; local: (string | undefined)[] },
  seen: ReadonlySet<number>,
  allSymbols: ReadonlySet<string>,
  refused: BadInput[],
): void {
  const own = [...seen].map((s) => file.names.list[s]!);
  const symbols = own.length > 0 ? own : [...allSymbols];
  if (symbols.length === 1) {
    for (let k = 0; k < 3; k++)
      if (file.keys.rows[k]! > 0) plan.local[k] = `${plan.markets[k as 0 | 1 | 2]}:${symbols[0]!}`;
    return;
  }
  const message =
    symbols.length === 0
      ? 'a depth snapshot without symbol in a file that names none'
      : `a depth snapshot without symbol in a file of ${symbols.length} symbols`;
  for (const [row, raw] of file.orphans) refuseLate(file, row, 'CHM659', message, raw, lineOf(file, row), refused);
}

function refuseLate(
  file: FileRows,
  row: number,
  code: string,
  message: string,
  raw: string,
  line: number,
  refused: BadInput[],
): void {
  if (file.context.strict) throw strictError(file.context.file, line, code, message);
  file.late.set(row, { code, message, raw });
  file.refusedCount++;
  refused.push({ file: file.context.file, line, code, message });
}

function lineOf(file: FileRows, row: number): number {
  let first = 0;
  for (let i = 0; i < file.store.segments.length; i++) {
    const n = file.store.segments[i]!.n;
    if (row < first + n) return file.store.load(i).line[row - first]!;
    first += n;
  }
  return 0;
}

/**
 * Some amount of the instrument does not fit 2^53 in the decimals that others need: one of the two is damaged. The
 * decimals are chosen so that the fewest rows are lost, and those rows are refused.
 */
function settleRange(run: RunKey, files: readonly FileRows[], tracks: readonly Track[], refused: BadInput[]): void {
  for (const kind of ['px', 'qty'] as const) {
    const max = kind === 'px' ? run.maxPx : run.maxQty;
    const most = kind === 'px' ? run.pxDigits : run.qtyDigits;
    if (max * POW10[most]! <= MAX_SAFE) continue;
    // needs[d] rows need d decimals; allows[d] rows allow at most d decimals.
    const needs = new Float64Array(MAX_DIGITS + 2);
    const allows = new Float64Array(MAX_DIGITS + 2);
    forEachRow(run, files, tracks, kind, (_file, _row, _line, digits, largest) => {
      let room = MAX_DIGITS;
      while (room > 0 && largest * POW10[room]! > MAX_SAFE) room--;
      needs[digits]!++;
      allows[room]!++;
    });
    let best = 0;
    let fewest = Number.POSITIVE_INFINITY;
    for (let d = 0; d <= most; d++) {
      let lost = 0;
      for (let i = 0; i <= MAX_DIGITS; i++) lost += (i > d ? needs[i]! : 0) + (i < d ? allows[i]! : 0);
      if (lost < fewest) {
        fewest = lost;
        best = d;
      }
    }
    forEachRow(run, files, tracks, kind, (file, row, line, digits, largest) => {
      if ((digits > best || largest * POW10[best]! > MAX_SAFE) && !file.late.has(row))
        refuseLate(
          file,
          row,
          'CHM658',
          `a ${kind === 'px' ? 'price' : 'quantity'} of ${run.name} does not fit the ${best} decimals of its other rows (${digits} decimals, up to ${largest})`,
          '',
          line,
          refused,
        );
    });
    if (kind === 'px') run.pxDigits = best;
    else run.qtyDigits = best;
  }
}

function forEachRow(
  run: RunKey,
  files: readonly FileRows[],
  tracks: readonly Track[],
  kind: 'px' | 'qty',
  visit: (file: FileRows, row: number, line: number, digits: number, largest: number) => void,
): void {
  for (const u of run.users) {
    const file = files[u.track]!;
    const track = tracks[u.track]!;
    let first = 0;
    for (let s = 0; s < track.segments.length; s++) {
      const segment = track.load(s);
      const rowOf = new Int32Array(FIELDS.length);
      for (let i = 0; i < segment.n; i++) {
        const p = segment.port[i]!;
        const r = rowOf[p]!++;
        if (segment.key[i] !== u.key) continue;
        let digits = 0;
        let largest = 0;
        eachAmount(FIELDS[p]!, segment.ports[p]!.columns, r, kind, (v) => {
          digits = Math.max(digits, digitsOf(v, digits));
          largest = Math.max(largest, Math.abs(v));
        });
        visit(file, first + i, segment.line[i]!, digits, largest);
      }
      first += segment.n;
    }
  }
}

function eachAmount(
  fields: readonly Field[],
  columns: readonly StoredColumn[],
  r: number,
  kind: 'px' | 'qty',
  visit: (v: number) => void,
): void {
  for (const [c, field] of fields.entries()) {
    if (field.kind === kind) visit((columns[c] as Float64Array)[r]!);
    else if (field.kind === 'list' && field.of === kind) {
      const { values, offsets } = columns[c] as ListValues;
      for (let i = offsets[r]!; i < offsets[r + 1]!; i++) visit(values[i]!);
    }
  }
}
