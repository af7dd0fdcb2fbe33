import type { Document } from '../document-store.ts';
import { searchable } from '../sqlite-tables.ts';

/**
 * Words as the embedded store's index splits them: runs of letters and digits without case and accents; each Han,
 * Hiragana or Katakana character is a word.
 */
export function words(text: string): string[] {
  const plain = text.normalize('NFD').replace(ACCENTS, '').normalize('NFC').toLowerCase();
  return searchable(plain).match(WORD) ?? [];
}
const ACCENTS = /[\u0300-\u036f]/g;
const WORD = /[\p{L}\p{N}\p{Co}]+/gu;

/** Words of a document's full-text fields, one field after the other. */
export function wordsOf(d: Document, fields: readonly string[]): string[] {
  const found: string[] = [];
  for (const f of fields) {
    const v = d[f];
    if (v === undefined || v === null || v === '') continue;
    for (const w of words(typeof v === 'string' ? v : JSON.stringify(v))) found.push(w);
  }
  return found;
}

/** What is looked for: each word of the text as the words that it consists of, all next to each other. */
export const phrasesOf = (text: string): string[][] =>
  text
    .split(/\s+/)
    .map(words)
    .filter((phrase) => phrase.length > 0);
