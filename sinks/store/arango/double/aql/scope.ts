import { refuse } from '../arango-error.ts';
import type { Expression } from './ast.ts';
import type { ObjectValue, Value } from './values.ts';

/** What a query does with collections. Documents are never changed in place: whoever has one may keep it. */
export interface DataAccess {
  has(collection: string): boolean;
  /** In an order that nothing promises. */
  scan(collection: string): readonly ObjectValue[];
  get(collection: string, key: string): ObjectValue | undefined;
  /** Edges that begin or end at a document. */
  edges(collection: string, end: '_from' | '_to', id: string): readonly ObjectValue[];
  isEdges(collection: string): boolean;
  insert(collection: string, document: ObjectValue, mode: OverwriteMode): Change;
  replace(collection: string, key: string, document: ObjectValue): Change;
  update(collection: string, key: string, changes: ObjectValue, o: UpdateOptions): Change;
  remove(collection: string, key: string): ObjectValue;
}
export type OverwriteMode = 'conflict' | 'ignore' | 'replace' | 'update';
export interface UpdateOptions {
  readonly keepNull: boolean;
  readonly mergeObjects: boolean;
}
export interface Change {
  readonly old: ObjectValue | null;
  readonly new: ObjectValue;
}

/** One value per variable of the query. */
export type Frame = Value[];

/** Compilation of one query: what is bound, what is read and written, where variables lie. */
export class Scope {
  readonly data: DataAccess;
  readonly #bindings: Readonly<Record<string, Value>>;
  readonly usedBindings = new Set<string>();
  readonly reads = new Set<string>();
  readonly writes = new Set<string>();
  /** One map per subquery level. */
  #levels: Map<string, number>[] = [new Map()];
  slots = 0;
  constructor(data: DataAccess, bindings: Readonly<Record<string, Value>>) {
    this.data = data;
    this.#bindings = bindings;
  }

  declare(name: string): number {
    if (this.slotOf(name) !== undefined)
      throw refuse('variableRedeclared', `variable '${name}' is assigned multiple times`);
    this.#levels.at(-1)!.set(name, this.slots);
    return this.slots++;
  }
  /** OLD and NEW may be made again by a later modification. */
  pseudo(name: 'OLD' | 'NEW'): number {
    this.#levels.at(-1)!.set(name, this.slots);
    return this.slots++;
  }
  slotOf(name: string): number | undefined {
    for (let i = this.#levels.length - 1; i >= 0; i--) {
      const slot = this.#levels[i]!.get(name);
      if (slot !== undefined) return slot;
    }
    return undefined;
  }
  /** Variables of this level only. */
  variables(): readonly (readonly [string, number])[] {
    return [...this.#levels.at(-1)!];
  }
  /** COLLECT: what was before is not seen behind it. */
  forget(): void {
    this.#levels[this.#levels.length - 1] = new Map();
  }
  /** Undoes what an expression declared for itself. */
  inner<T>(work: () => T): T {
    this.#levels.push(new Map());
    try {
      return work();
    } finally {
      this.#levels.pop();
    }
  }

  binding(name: string): Value {
    if (!Object.hasOwn(this.#bindings, name))
      throw refuse('bindMissing', `no value specified for declared bind parameter '${name}'`);
    this.usedBindings.add(name);
    return this.#bindings[name]!;
  }
  /** The collection that an expression names, or undefined when it is no name of one. */
  collectionOf(e: Expression): string | undefined {
    if (e.type === 'parameter' && e.name.startsWith('@')) {
      const name = this.binding(e.name);
      if (typeof name !== 'string') throw refuse('bindType', `bind parameter '${e.name}' has an invalid value or type`);
      return this.#existing(name);
    }
    return e.type === 'name' && this.slotOf(e.name) === undefined ? this.#existing(e.name) : undefined;
  }
  #existing(name: string): string {
    if (!this.data.has(name)) throw refuse('collectionMissing', `AQL: collection or view not found: ${name}`);
    return name;
  }
  read(collection: string): string {
    if (this.writes.has(collection))
      throw refuse('accessAfterModification', `AQL: access after data-modification by ${collection}`);
    this.reads.add(collection);
    return collection;
  }
  write(collection: string): string {
    if (this.writes.has(collection))
      throw refuse('accessAfterModification', `AQL: access after data-modification by ${collection}`);
    this.writes.add(collection);
    return collection;
  }
  /** Bindings that the query has no place for. */
  refuseUnused(): void {
    for (const name of Object.keys(this.#bindings))
      if (!this.usedBindings.has(name))
        throw refuse('bindUndeclared', `AQL: bind parameter '${name}' was not declared in the query`);
  }
}
