/** What the command line talks to: given, never taken from the process, so that tests run it in process. */
export interface Stream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}
export interface Io {
  readonly stdout: Stream;
  readonly stderr: Stream;
  /** Its end is the end of who started this program. */
  readonly stdin?: {
    resume(): unknown;
    pause(): unknown;
    once(event: 'end' | 'error', then: () => void): unknown;
    on?(event: 'data', then: (data: Uint8Array | string) => void): unknown;
  };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends long work early: SIGINT and SIGTERM of the process. */
  readonly signal?: AbortSignal;
}

/** 0 done and all holds; 1 done, something does not hold; 2 wrong usage; 3 an input is unusable; 70 a fault of Chimera. */
export const EXIT = { ok: 0, differs: 1, usage: 2, input: 3, fault: 70 } as const;
