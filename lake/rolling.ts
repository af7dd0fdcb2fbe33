/** When buffered rows become files. All decisions are functions of rows, seq and engine time: a re-run decides the same. */
export interface RollingPolicy {
  /** Rows of one partition. */
  maxRows: number;
  /** Estimated bytes in memory of one partition. */
  maxBytes: number;
  /** Engine time between the first and the last row of the open files, µs. */
  intervalUs: number;
  /** Engine time without a row (seen at commits), µs. */
  inactivityUs: number;
  /** A day is closed when engine time is this much past its end, µs. */
  latenessUs: number;
}
