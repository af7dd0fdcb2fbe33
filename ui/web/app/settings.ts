import { Store, useStore } from '../live/store.ts';

/** How the person wants the page: kept in the browser, never sent anywhere. */
export interface Settings {
  readonly language: 'en' | 'zh-Hant';
  readonly theme: 'system' | 'light' | 'dark';
  readonly zone: 'utc' | 'local';
}
const KEY = 'chimera.settings';

function load(): Settings {
  const language = navigator.languages?.[0]?.toLowerCase().startsWith('zh') ? 'zh-Hant' : 'en';
  const standard: Settings = { language, theme: 'system', zone: 'utc' };
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Settings>;
    return {
      language: kept.language === 'en' || kept.language === 'zh-Hant' ? kept.language : standard.language,
      theme: kept.theme === 'light' || kept.theme === 'dark' ? kept.theme : 'system',
      zone: kept.zone === 'local' ? 'local' : 'utc',
    };
  } catch {
    return standard;
  }
}

export const settings = new Store<Settings>(load());
export const useSettings = (): Settings => useStore(settings);
export function change(part: Partial<Settings>): void {
  settings.update((s) => ({ ...s, ...part }));
  try {
    localStorage.setItem(KEY, JSON.stringify(settings.get()));
  } catch {
    // A browser that keeps nothing: the choice lasts as long as the page.
  }
  applySettings();
}
export function applySettings(): void {
  const { language, theme } = settings.get();
  document.documentElement.lang = language;
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
}

const dark = typeof matchMedia === 'function' ? matchMedia('(prefers-color-scheme: dark)') : undefined;
const systemDark = new Store(dark?.matches ?? false);
dark?.addEventListener('change', (e) => systemDark.set(e.matches));
/** For canvases, which do not know of CSS. */
export function useDark(): boolean {
  const { theme } = useSettings();
  const system = useStore(systemDark);
  return theme === 'dark' || (theme === 'system' && system);
}
