import type { LiveClock } from '../../graph/node.ts';
import type { Block, InputQuality, KeyInfo } from '../../graph/schema/index.ts';
import { PORT, PORTS, type PortBuffer } from '../../lake/decode/row-store.ts';
import type { Faults } from './market-stats.ts';
import { RowRing } from './row-ring.ts';

const NO_KEY = -1;
/** Of a refused message that its dead letter keeps, and how many are listed by name. */
const RAW_LIMIT = 4096;
const LISTED = 1000;
const LAG_EVERY_US = 1_000_000;

/** Index of the event time in each port's row; −1 without one. */
const EVENT_FIELD = PORTS.map((p) => Object.keys(p.schema.fields).indexOf('event_ms'));

/** Where arriving rows are stamped and wait for the run: the ring, its counters, and what the run is told of losses. */
export class Inbox {
  readonly quality: InputQuality = { bad_input: [], out_of_order: 0 };
  wake: () => void = () => {};
  /** Rows by port. */
  readonly counts = new Float64Array(PORTS.length);
  /** Arrival by the engine's clock minus event time by port, ms: of the last row and the largest. */
  readonly lagMs = new Float64Array(PORTS.length).fill(Number.NaN);
  readonly lagMaxMs = new Float64Array(PORTS.length).fill(Number.NaN);
  /** Rows that found the ring full. */
  lost = 0;
  readonly ring: RowRing;
  readonly #node: string;
  readonly #clock: LiveClock;
  readonly #faults: Faults;
  readonly #lostBy = new Float64Array(PORTS.length);
  #untold = 0;
  #signalled = false;
  #lagAt = Number.NEGATIVE_INFINITY;

  constructor(node: string, clock: LiveClock, capacity: number, faults: Faults) {
    this.#node = node;
    this.#clock = clock;
    this.#faults = faults;
    this.ring = new RowRing(capacity);
  }

  /** Row `r` of a decoder's buffer arrived; false when there was no room. */
  push(port: number, key: KeyInfo, rows: PortBuffer, r: number): boolean {
    const t = this.#clock.stamp();
    if (!this.ring.push(port, key.index, t, rows, r, key.pxScale, key.qtyScale)) return this.#lose(port);
    const field = EVENT_FIELD[port]!;
    if (field >= 0) {
      const lag = t / 1000 - rows.numbers[field]![r]!;
      // Trades that were fetched have no event time.
      if (!Number.isNaN(lag)) {
        this.lagMs[port] = lag;
        if (!(lag <= this.lagMaxMs[port]!)) this.lagMaxMs[port] = lag;
      }
    }
    this.#arrived(port);
    return true;
  }
  /** A row of plain values (amounts in units) in schema order. */
  pushValues(port: number, key: KeyInfo | undefined, values: ArrayLike<number | string>): boolean {
    const t = this.#clock.stamp();
    const pushed = this.ring.pushValues(port, key?.index ?? NO_KEY, t, values, key?.pxScale, key?.qtyScale);
    // A trade that waits keeps its place; it is not lost.
    if (!pushed) return port !== PORT.trade && this.#lose(port);
    this.#arrived(port);
    return true;
  }
  deadLetter(code: string, message: string, raw: string): void {
    const { bad_input } = this.quality;
    if (bad_input.length < LISTED) bad_input.push({ file: this.#node, line: 0, code, message });
    this.pushValues(PORT.dead_letter, undefined, [this.#node, 0, code, message, raw.slice(0, RAW_LIMIT)]);
  }

  poll(nowUs: number): Block | null {
    this.#signalled = false;
    if (nowUs - this.#lagAt >= LAG_EVERY_US) {
      this.#lagAt = nowUs;
      const oldest = this.ring.oldestUs;
      const lag = Number.isNaN(oldest) ? 0 : Math.max(0, nowUs - oldest);
      if (this.ring.pushValues(PORT.engine_lag, NO_KEY, nowUs, [lag])) this.counts[PORT.engine_lag]!++;
    }
    const block = this.ring.take(nowUs);
    if (this.#untold > 0 && this.ring.rows < this.ring.capacity / 2) this.#tellLost();
    return block;
  }

  #arrived(port: number): void {
    this.counts[port]!++;
    if (this.#signalled) return;
    this.#signalled = true;
    this.wake();
  }
  #lose(port: number): false {
    this.#lostBy[port]!++;
    this.lost++;
    this.#untold++;
    return false;
  }
  /** Once there is room again: what was lost, as data. Books and trades are made whole by their gates. */
  #tellLost(): void {
    const parts = PORTS.flatMap((p, i) => (this.#lostBy[i]! > 0 ? [`${p.name} ${this.#lostBy[i]}`] : []));
    const text = `the ring of ${this.ring.capacity} rows was full, rows that did not fit: ${parts.join(', ')}`;
    this.#lostBy.fill(0);
    this.#untold = 0;
    this.#faults.add('CHM935', text);
    this.deadLetter('CHM935', text, '');
  }
}
