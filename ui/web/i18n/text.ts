import { useSettings } from '../app/settings.ts';
import { TEXTS } from './texts.ts';

export { TEXTS };
export type TextKey = keyof typeof TEXTS;
export type Translate = (key: TextKey, values?: Readonly<Record<string, string | number>>) => string;

export function translate(language: 'en' | 'zh-Hant'): Translate {
  const column = language === 'en' ? 0 : 1;
  return (key, values) => {
    const text: string = TEXTS[key][column];
    return values ? text.replace(/\{(\w+)\}/g, (all, name: string) => String(values[name] ?? all)) : text;
  };
}
const bound = { en: translate('en'), 'zh-Hant': translate('zh-Hant') };
export const useText = (): Translate => bound[useSettings().language];

/** A word of the API (a state, a kind) in the person's language; what is unknown stays as it is. */
export function word(t: Translate, family: string, value: string): string {
  const key = `${family}.${value}`;
  return key in TEXTS ? t(key as TextKey) : value.replaceAll('_', ' ');
}

/** As `word`, for what is put together of several (`enter_buy`). */
export const words = (t: Translate, family: string, value: string): string =>
  value
    .split(/[_ ]/)
    .map((w) => word(t, family, w))
    .join(' ');
