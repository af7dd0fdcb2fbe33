import { useEffect, useState } from 'react';
import type { Kill, Stats, Trading } from '../../api/contract/records.ts';
import { client, onToken } from '../api/session.ts';
import { LiveSocket } from './socket.ts';
import { Store, useStore } from './store.ts';

/** The page's one live connection. */
export const live = new LiveSocket({
  url: () => `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/v1/live`,
  token: () => client.token,
  refresh: () => client.refresh(),
});
onToken((token) => live.renew(token));

/** The newest message of a kind for a run. */
class PerRun<T> {
  readonly #stores = new Map<string, Store<T | null>>();
  of(run: string): Store<T | null> {
    let store = this.#stores.get(run);
    if (!store) {
      store = new Store<T | null>(null);
      this.#stores.set(run, store);
    }
    return store;
  }
}
export const stats = new PerRun<Stats>();
export const trading = new PerRun<Trading>();
export const kills = new PerRun<Kill>();
/** How long what is told of a kill switch may be from before a command that was answered already, ms. */
const ECHO_MS = 3000;
const commanded = new Map<string, { engaged: boolean; untilMs: number }>();

/** The answer to a command of one's own. */
export function killAnswered(run: string, kill: Kill): void {
  commanded.set(run, { engaged: isEngaged(kill.state), untilMs: performance.now() + ECHO_MS });
  kills.of(run).set(kill);
}
/** What is told of the switch lags behind a command's answer: for a moment it is believed only where it does not contradict it. */
export function killTold(run: string, kill: Kill): void {
  const last = commanded.get(run);
  if (last && performance.now() < last.untilMs && isEngaged(kill.state) !== last.engaged) return;
  kills.of(run).set(kill);
}
/** What is not known may not be engaged: then it can be engaged, not released. */
export const isEngaged = (state: Kill['state']): boolean => state !== 'released' && state !== 'unknown';

live.on('stats', (m) => stats.of(m.stats.run).set(m.stats));
live.on('trading', (m) => {
  trading.of(m.run).set(m.trading);
  killTold(m.run, m.trading.kill);
});
live.on('kill', (m) => killTold(m.run, m.kill));

export function useStats(run: string, everyMs = 250): Stats | null {
  useEffect(() => live.watch(run, 'stats', everyMs), [run, everyMs]);
  return useStore(stats.of(run));
}
/** What the server says at once, then what the connection brings. */
export function useTrading(run: string): { trading: Trading | null; error: unknown } {
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    setError(null);
    const stop = new AbortController();
    client.get<Trading>(`/runs/${encodeURIComponent(run)}/trading`, undefined, stop.signal).then(
      (t) => {
        if (trading.of(run).get() === null) trading.of(run).set(t);
        killTold(run, t.kill);
      },
      (e: unknown) => {
        if (!stop.signal.aborted) setError(e);
      },
    );
    const end = live.watch(run, 'trading', 500);
    return () => {
      stop.abort();
      end();
    };
  }, [run]);
  return { trading: useStore(trading.of(run)), error };
}
