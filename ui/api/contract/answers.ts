/** Answers of lists, work that takes longer, and comparisons: what handlers give and the page shows. */
export interface List<T> {
  readonly items: readonly T[];
  readonly next: number | string | null;
}
export interface Job<T> {
  readonly id: string;
  readonly state: 'running' | 'done' | 'failed';
  /** 0 to 1; null: not known. */
  readonly progress: number | null;
  readonly result: T | null;
  readonly error: { readonly code: string; readonly message: string; readonly help?: string } | null;
}
/** Bars of an instrument: start (µs), open, high, low, close, volume. */
export type Candle = readonly [number, string, string, string, string, string];
/** A fill as the report has it, or as a document of the store. */
export interface Fill {
  readonly t?: number;
  readonly time_ms?: number;
  readonly symbol?: string;
  readonly instrument?: string;
  readonly side?: string;
  readonly price?: string;
  /** Of a document: the price. */
  readonly px?: string;
  readonly qty?: string;
  readonly fee?: string;
}
/** A fill of a report. */
export interface ReportFill {
  readonly time_ms: number;
  readonly symbol: string;
  readonly side: string;
  readonly price: string;
  readonly qty: string;
}
/** Two runs by their reports. */
export interface Comparison {
  readonly figures: readonly { readonly name: string; readonly a: number | null; readonly b: number | null }[];
  /** The first fill that is not the same in both; null when all are. */
  readonly first_difference: {
    readonly index: number;
    readonly a: ReportFill | null;
    readonly b: ReportFill | null;
  } | null;
  readonly only_in_a: readonly ReportFill[];
  readonly only_in_b: readonly ReportFill[];
  readonly equity: {
    readonly a: readonly (readonly [number, string])[];
    readonly b: readonly (readonly [number, string])[];
  };
}
/** A movement of money between wallets that waits for another person, or had one. */
export interface Transfer {
  readonly id: string;
  readonly run: string;
  readonly by: string;
  readonly at_ms: number;
  readonly from: string;
  readonly to: string;
  readonly asset: string;
  readonly amount: string;
  readonly reason: string;
  readonly state: 'proposed' | 'refused' | 'done' | 'failed';
  readonly decided_by: string | null;
  readonly decided_ms: number | null;
  readonly note: string | null;
}
