import { ChimeraError } from '../../../graph/schema/index.ts';
import type { CollectionSpec } from '../collections.ts';
import { KEY_SHAPE } from '../document-key.ts';
import type { Document } from '../document-store.ts';
import { wordsOf } from './words.ts';

/**
 * The one field that the driver adds to documents.
 * - `n`: place in the order of first insertion, which the server does not keep;
 * - `w`: words of the full-text fields, in order;
 * - `s`: engine time in whole seconds, where documents expire;
 * - `json`: the document as text, where the server cannot hold it as it is.
 */
export const OWN = 'chimera';
interface Own {
  n: number;
  w?: readonly string[];
  s?: number;
  json?: string;
}

/** JSON text of a document as the server gets it. @throws CHM547 */
export function storedText(collection: string, spec: CollectionSpec, d: Document, n: number, expires: boolean): string {
  checkDocument(collection, spec, d);
  const own: Own = { n };
  if (spec.fullText.length > 0) {
    const w = wordsOf(d, spec.fullText);
    if (w.length > 0) own.w = w;
  }
  if (expires && typeof d['t'] === 'number') own.s = Math.floor(d['t'] / 1e6);
  let text = JSON.stringify(d);
  const odd = hasOddName(d, spec.kind === 'edge');
  if (odd || LONE_SURROGATE.test(text)) {
    own.json = asciiOf(text);
    text = JSON.stringify(holdable(d, spec.kind === 'edge'));
  }
  return `${text.slice(0, -1)},"${OWN}":${JSON.stringify(own)}}`;
}

/** The document as it was given. */
export function originalOf(stored: Readonly<Record<string, unknown>>): Document {
  const own = stored[OWN] as Own | undefined;
  if (own?.json !== undefined) return JSON.parse(own.json) as Document;
  const d: Record<string, unknown> = {};
  for (const name in stored) if (name !== OWN && name !== '_id' && name !== '_rev') d[name] = stored[name];
  return d as Document;
}

function checkDocument(collection: string, spec: CollectionSpec, d: Document): void {
  if (typeof d._key !== 'string' || !KEY_SHAPE.test(d._key))
    throw new ChimeraError('CHM547', `a document of ${collection} has the key ${JSON.stringify(d._key)}`, {
      help: 'make keys with documentKey()',
    });
  const bad = badNumber(d);
  if (bad !== undefined)
    throw new ChimeraError('CHM547', `${collection}/${d._key} has a number that JSON has not, in ${bad}`, {
      field: bad,
      help: 'leave the field out, or set it to null',
    });
  if (spec.kind === 'edge')
    for (const end of ['_from', '_to'])
      if (!isDocumentId(d[end]))
        throw new ChimeraError('CHM547', `${collection}/${d._key} has no document's id in ${end}`, {
          field: end,
          help: 'make ids with documentId()',
        });
}
/** Whether the server takes it as the end of an edge and the start of a walk. */
export function isDocumentId(id: unknown): id is string {
  if (typeof id !== 'string') return false;
  const slash = id.indexOf('/');
  return slash > 0 && COLLECTION_NAME.test(id.slice(0, slash)) && KEY_SHAPE.test(id.slice(slash + 1));
}
const COLLECTION_NAME = /^[a-zA-Z_][a-zA-Z0-9_-]{0,255}$/;

/** Field of a NaN or infinity, which JSON.stringify would silently make null. */
function badNumber(v: object): string | undefined {
  for (const field in v) {
    const x = (v as Record<string, unknown>)[field];
    if (typeof x === 'number' ? !Number.isFinite(x) : typeof x === 'object' && x !== null && badNumber(x) !== undefined)
      return field;
  }
  return undefined;
}

const UNDERSCORE = 95;
/** Names that the server drops or keeps for itself: none at all, and what begins with an underscore. */
function hasOddName(d: Document, edge: boolean): boolean {
  for (const name in d) if (isOdd(name, edge)) return true;
  return false;
}
const isOdd = (name: string, edge: boolean): boolean =>
  name === '' ||
  name === OWN ||
  (name.charCodeAt(0) === UNDERSCORE && name !== '_key' && !(edge && (name === '_from' || name === '_to')));

/** JSON.stringify writes half of a character as `\ud83d`; an escaped backslash before it only costs a second look. */
const LONE_SURROGATE = /\\ud[89a-f]/;
/** The same JSON in ASCII: it goes through any server as it is. */
const asciiOf = (json: string): string =>
  json.replace(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** What of the document can be searched by: without odd names, broken characters replaced. */
function holdable(d: Document, edge: boolean): object {
  const kept = Object.entries(d).filter(([name]) => !isOdd(name, edge));
  return Object.fromEntries(kept.map(([name, v]) => [wellFormed(name), mended(v)]));
}
function mended(v: unknown): unknown {
  if (typeof v === 'string') return wellFormed(v);
  if (Array.isArray(v)) return v.map(mended);
  if (typeof v !== 'object' || v === null) return v;
  return Object.fromEntries(Object.entries(v).map(([name, x]) => [wellFormed(name), mended(x)]));
}
const wellFormed = (s: string): string => s.replace(/\p{Surrogate}/gu, '\ufffd');
