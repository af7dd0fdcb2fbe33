import { useEffect, useRef } from 'react';
import { go, operationsPath, RUNS, runPath } from './router.ts';
import { useRun } from './runs.ts';
import { change, settings } from './settings.ts';

/** After `g`: where to. */
export const GO = { g: 'graph', t: 'trading', m: 'time', e: 'editor', r: 'runs', o: 'operations' } as const;
/** How long the second key of a pair may take, ms. */
const PAIR_MS = 1500;

const typing = (e: KeyboardEvent): boolean => {
  // A shadow root shows its host as the target.
  const target = e.composedPath()[0];
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
};

/** Keys of the whole page. None works while somebody types or a dialogue is open. */
export function useShortcuts(on: { onHelp: () => void; onKill: () => void }): void {
  const run = useRun();
  const latest = useRef({ ...on, run });
  latest.current = { ...on, run };
  useEffect(() => {
    let pairUntil = 0;
    const press = (e: KeyboardEvent) => {
      if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || typing(e)) return;
      if (document.querySelector('dialog[open]')) return;
      const { onHelp, onKill, run: current } = latest.current;
      const paired = performance.now() < pairUntil;
      pairUntil = 0;
      if (paired && e.key in GO) {
        const to = GO[e.key as keyof typeof GO];
        if (to === 'runs') go(RUNS);
        else if (to === 'operations') go(operationsPath());
        else if (current) go(runPath(current.id, to));
      } else if (e.key === 'g') pairUntil = performance.now() + PAIR_MS;
      else if (e.key === '?') onHelp();
      else if (e.key === 'K') onKill();
      else if (e.key === 'u') change({ zone: settings.get().zone === 'utc' ? 'local' : 'utc' });
      else if (e.key === 'd') change({ theme: isDark() ? 'light' : 'dark' });
      else if (e.key === '/') document.querySelector<HTMLElement>('[data-search]')?.focus();
      else return;
      e.preventDefault();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
}
const isDark = (): boolean => {
  const { theme } = settings.get();
  return theme === 'dark' || (theme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);
};
