import type { MouseEvent } from 'react';
import { Store, useStore } from '../live/store.ts';

export interface Place {
  /** Without the slash at the end. */
  readonly path: string;
  readonly query: URLSearchParams;
}
/** The page's views lie below it: what is beside it is the API's. */
export const BASE = '/app';
const here = (): Place => ({
  path: location.pathname.replace(/\/+$/, '') || '/',
  query: new URLSearchParams(location.search),
});

export const place = new Store<Place>(here());
export const usePlace = (): Place => useStore(place);
if (typeof window !== 'undefined') window.addEventListener('popstate', () => place.set(here()));

export function go(to: string, options: { replace?: boolean } = {}): void {
  if (to === location.pathname + location.search) return;
  if (options.replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  place.set(here());
}
/** Changes parts of the query; undefined takes one away. */
export function setQuery(
  change: Readonly<Record<string, string | undefined>>,
  options: { replace?: boolean } = {},
): void {
  const query = new URLSearchParams(location.search);
  for (const [k, v] of Object.entries(change)) {
    if (v === undefined || v === '') query.delete(k);
    else query.set(k, v);
  }
  const text = query.toString();
  go(location.pathname + (text === '' ? '' : `?${text}`), options);
}
/** Follows a link without loading the page anew; what opens a tab goes on to do so. */
export const follow =
  (to: string) =>
  (e: MouseEvent): void => {
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    e.preventDefault();
    go(to);
  };

export const RUN_VIEWS = ['graph', 'trading', 'time', 'editor'] as const;
export type RunView = (typeof RUN_VIEWS)[number];
export type Route =
  | { readonly view: RunView; readonly run: string }
  | { readonly view: 'home' | 'runs' | 'compare' | 'unknown' }
  | { readonly view: 'report'; readonly run: string }
  | { readonly view: 'operations'; readonly tab: string };

export function routeOf(path: string): Route {
  const [base, first, second, third, more] = path.split('/').slice(1).map(decodeURIComponent);
  if (base === '' || first === '' || first === undefined) return { view: 'home' };
  if (`/${base}` !== BASE) return { view: 'unknown' };
  if (first === 'compare' && second === undefined) return { view: 'compare' };
  if (first === 'operations' && third === undefined) return { view: 'operations', tab: second ?? 'health' };
  if (first === 'runs' && more === undefined) {
    if (second === undefined) return { view: 'runs' };
    if (third === undefined || third === 'report') return { view: 'report', run: second };
    const view = RUN_VIEWS.find((v) => v === third);
    if (view) return { view, run: second };
  }
  return { view: 'unknown' };
}
export const runPath = (
  run: string,
  view: RunView | 'report',
  query: Readonly<Record<string, string>> = {},
): string => {
  const text = new URLSearchParams(query).toString();
  return `${BASE}/runs/${encodeURIComponent(run)}/${view}${text === '' ? '' : `?${text}`}`;
};
/** Where the API has the graph of a run. */
export const graphPath = (run: string): string => `/runs/${encodeURIComponent(run)}/graph`;
export const RUNS = `${BASE}/runs`;
export const operationsPath = (tab = 'health'): string => `${BASE}/operations/${tab}`;
export const comparePath = (a: string, b: string): string =>
  `${BASE}/compare?a=${encodeURIComponent(a)}&b=${encodeURIComponent(b)}`;
