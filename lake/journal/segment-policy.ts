/** When a segment of a journal is finished. Both are looked at when a batch has been written. */
export interface SegmentPolicy {
  /** Bytes of its file. */
  readonly bytes: number;
  /** Arrival time from its first record to its last, µs. */
  readonly intervalUs: number;
}

/**
 * A segment is the unit in which a journal is sealed and deleted. Each makes a Parquet file per dataset and instrument, so they
 * should not be small; the last one is read whole at a start, so they should not be large.
 */
export const SEGMENT_POLICY: SegmentPolicy = { bytes: 64 << 20, intervalUs: 30 * 60_000_000 };
