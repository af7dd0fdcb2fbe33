/**
 * When buffered rows become files. Every decision is a function of rows, seq and engine time, so that a repeated run
 * cuts at the same places and writes the same names and bytes. A roll closes all open partitions of the writer at one
 * seq: everything up to it is in files, which is where a resumed writer goes on.
 */
export interface RollingPolicy {
  /** Rows of one partition. */
  maxRows: number;
  /** Estimated bytes in memory over all open partitions. */
  maxBytes: number;
  /** Engine time since the first open row, µs. */
  intervalUs: number;
  /** Engine time since the last row, seen at a commit, µs. */
  inactivityUs: number;
  /** The watermark is t_avail less this: rows of a day are rolled once it has passed the day's end, µs. */
  latenessUs: number;
}

export const DEFAULT_ROLLING: RollingPolicy = {
  maxRows: 1_000_000,
  maxBytes: 64 << 20,
  intervalUs: Number.POSITIVE_INFINITY,
  inactivityUs: Number.POSITIVE_INFINITY,
  latenessUs: 60_000_000,
};

/** Inputs between two looks at the policy, so that a cut never depends on how a reader sized its blocks. */
export const ROLL_STRIDE = 8192;

export interface OpenRows {
  /** Rows of the largest open partition. */
  maxRows: number;
  bytes: number;
  firstT: number;
  lastT: number;
  /** End of the oldest day with open rows, µs. */
  dayEnd: number;
}

/** Why the open rows are rolled at engine time `now`, or undefined. */
export function rollReason(p: RollingPolicy, open: OpenRows, now: number): string | undefined {
  if (open.maxRows === 0) return undefined;
  if (open.maxRows >= p.maxRows) return 'rows';
  if (open.bytes >= p.maxBytes) return 'bytes';
  if (now - open.firstT >= p.intervalUs) return 'interval';
  if (now - open.lastT >= p.inactivityUs) return 'inactivity';
  if (now - p.latenessUs >= open.dayEnd) return 'watermark';
  return undefined;
}
