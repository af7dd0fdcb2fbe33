import type { FaultCode } from './codes.ts';
import type { Kind } from './market-config.ts';

export interface StreamStats {
  connected: boolean;
  /** Connections opened, and how many of them after a loss. */
  opens: number;
  reconnects: number;
  /** Arrival by the engine's clock minus the event time of the last row and the largest of all, ms; NaN before. */
  event_lag_ms: number;
  event_lag_max_ms: number;
}
/** What a market source knows of itself. Counters since it was opened. */
export interface MarketStats {
  frames: number;
  rows: Readonly<Record<string, number>>;
  refused: number;
  duplicates: number;
  ring: { rows: number; highest: number; capacity: number; lost: number };
  streams: Partial<Record<Kind, StreamStats>>;
  trades: { gaps: number; backfilled: number; lost: number; waiting: number };
  books: { gaps: number; snapshots: number; too_old: number; waiting: number };
  /** The exchange's clock minus this machine's; null until it is measured. */
  clock: { offset_ms: number; rtt_ms: number; measured_at_ms: number } | null;
  rest: { requests: number; errors: number };
  faults: Partial<Record<FaultCode, { count: number; last: string }>>;
}

/** Counts faults and keeps the last text of each. */
export class Faults {
  readonly byCode: Partial<Record<FaultCode, { count: number; last: string }>> = {};
  add(code: FaultCode, text: string): void {
    const f = this.byCode[code];
    if (f === undefined) this.byCode[code] = { count: 1, last: text };
    else {
      f.count++;
      f.last = text;
    }
  }
}
