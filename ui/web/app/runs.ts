import { useEffect } from 'react';
import type { Run, SystemHealth } from '../../api/contract/records.ts';
import { type ApiError, asApiError } from '../api/problem.ts';
import { client } from '../api/session.ts';
import { Store, useStore } from '../live/store.ts';
import { routeOf, usePlace } from './router.ts';

interface Known {
  readonly runs: readonly Run[] | undefined;
  readonly error: ApiError | undefined;
}
/** Runs that the server knows, newest first. */
const known = new Store<Known>({ runs: undefined, error: undefined });
export const system = new Store<SystemHealth | undefined>(undefined);

export async function loadRuns(): Promise<void> {
  try {
    const { items } = await client.get<{ items: Run[] }>('/runs', { limit: 200 });
    known.set({ runs: [...items].sort((a, b) => b.started_ms - a.started_ms), error: undefined });
  } catch (e) {
    known.update((k) => ({ ...k, error: asApiError(e) }));
  }
}
async function loadSystem(): Promise<void> {
  try {
    system.set(await client.get<SystemHealth>('/system'));
  } catch {
    system.set(undefined);
  }
}

/** Keeps runs and the state of the system fresh while somebody is signed in. */
export function useHeartbeat(): void {
  useEffect(() => {
    const beat = () => {
      if (document.hidden) return;
      void loadRuns();
      void loadSystem();
    };
    beat();
    const timer = setInterval(beat, 4000);
    return () => clearInterval(timer);
  }, []);
}
export const useRuns = (): Known => useStore(known);

let last: string | undefined;
/** The run of the address, else the one looked at last, else the newest that is alive, else the newest. */
export function useRun(): Run | undefined {
  const { runs } = useRuns();
  const route = routeOf(usePlace().path);
  const id = 'run' in route ? route.run : last;
  const run = runs?.find((r) => r.id === id);
  if (run) {
    last = run.id;
    return run;
  }
  if ('run' in route) return undefined;
  return runs?.find((r) => r.state === 'running' || r.state === 'starting') ?? runs?.[0];
}
