import type { ObjectValue, Value } from './aql/values.ts';
import { keyOf, own } from './aql/values.ts';

export interface IndexData {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly fields: readonly string[];
  readonly unique: boolean;
  readonly sparse: boolean;
  readonly expireAfter?: number;
}
/** One state of a document; null: there was none. Older states stay while a transaction may look at them. */
interface State {
  readonly document: ObjectValue | null;
  readonly version: number;
  readonly before: State | undefined;
}
const ENDS = ['_from', '_to'] as const;

/** The documents of a collection in all states that somebody may see. */
export class CollectionData {
  readonly id: string;
  readonly name: string;
  readonly edges: boolean;
  readonly indexes: IndexData[] = [];
  readonly #states = new Map<string, State>();
  /** Keys of edges by the ids of their ends; also of edges that were there once. */
  readonly #byEnd = { _from: new Map<string, Set<string>>(), _to: new Map<string, Set<string>>() };
  constructor(id: string, name: string, edges: boolean) {
    this.id = id;
    this.name = name;
    this.edges = edges;
  }

  at(key: string, version: number): ObjectValue | undefined {
    let state = this.#states.get(key);
    while (state && state.version > version) state = state.before;
    return state?.document ?? undefined;
  }
  /** When the document was last written. */
  versionOf(key: string): number {
    return this.#states.get(key)?.version ?? 0;
  }
  /** In an odd order: no query may rely on one that it did not ask for. */
  keys(): string[] {
    return shuffled([...this.#states.keys()]);
  }
  keysByEnd(end: '_from' | '_to', id: string): string[] {
    return shuffled([...(this.#byEnd[end].get(id) ?? [])]);
  }
  /** @param remembered whether somebody may still look at the state before */
  write(key: string, document: ObjectValue | null, version: number, remembered: boolean): void {
    const before = remembered ? this.#states.get(key) : undefined;
    if (document === null && !before) this.#states.delete(key);
    else this.#states.set(key, { document, version, before });
    if (!this.edges || !document) return;
    for (const end of ENDS) {
      const id = own(document, end) as string;
      let keys = this.#byEnd[end].get(id);
      if (!keys) {
        keys = new Set();
        this.#byEnd[end].set(id, keys);
      }
      keys.add(key);
    }
  }
  truncate(): void {
    this.#states.clear();
    for (const end of ENDS) this.#byEnd[end].clear();
  }
}

/** From the middle on, neighbours swapped: neither oldest nor newest first, and the same each time. */
function shuffled(keys: readonly string[]): string[] {
  const n = keys.length;
  return keys.map((_, i) => {
    const neighbour = (i ^ 1) < n ? i ^ 1 : i;
    return keys[((n >> 1) + neighbour) % n]!;
  });
}

/** What a unique index compares; undefined where a sparse one leaves the document out. */
export function indexedKey(index: IndexData, d: ObjectValue): string | undefined {
  const values = index.fields.map((f) => f.split('.').reduce<Value>((v, name) => own(v, name), d));
  return index.sparse && values.includes(null) ? undefined : keyOf(values);
}
