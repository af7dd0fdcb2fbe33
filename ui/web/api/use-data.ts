import { useCallback, useEffect, useRef, useState } from 'react';
import { type ApiError, asApiError } from './problem.ts';

export interface Loaded<T> {
  readonly data: T | undefined;
  readonly error: ApiError | undefined;
  readonly loading: boolean;
  /** Asks again; what is shown stays until the answer is there. */
  readonly again: () => void;
}

/**
 * What a function fetches, for as long as `key` is the same. With `everyMs` it is asked for again and again while the page is
 * seen. A null key fetches nothing.
 */
export function useData<T>(
  key: string | null,
  fetcher: (signal: AbortSignal) => Promise<T>,
  options: { everyMs?: number } = {},
): Loaded<T> {
  const [state, setState] = useState<{ key: string | null; data?: T; error?: ApiError; loading: boolean }>({
    key: null,
    loading: false,
  });
  const [turn, setTurn] = useState(0);
  const latest = useRef(fetcher);
  latest.current = fetcher;
  const { everyMs } = options;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `turn` asks again
  useEffect(() => {
    if (key === null) return;
    const stop = new AbortController();
    setState((s) => (s.key === key ? { ...s, loading: true } : { key, loading: true }));
    latest.current(stop.signal).then(
      (data) => {
        if (!stop.signal.aborted) setState({ key, data, loading: false });
      },
      (e: unknown) => {
        if (!stop.signal.aborted) setState((s) => ({ ...s, key, error: asApiError(e), loading: false }));
      },
    );
    return () => stop.abort();
  }, [key, turn]);
  useEffect(() => {
    if (key === null || everyMs === undefined) return;
    const timer = setInterval(() => {
      if (!document.hidden) setTurn((t) => t + 1);
    }, everyMs);
    return () => clearInterval(timer);
  }, [key, everyMs]);
  const again = useCallback(() => setTurn((t) => t + 1), []);
  const mine = state.key === key && key !== null;
  return {
    data: mine ? state.data : undefined,
    error: mine ? state.error : undefined,
    loading: key !== null && (!mine || state.loading),
    again,
  };
}
