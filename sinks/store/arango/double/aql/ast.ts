/** Names of what a query consists of. Collections are told from variables by the scope, as the server does it. */
export type Expression =
  | { readonly type: 'value'; readonly value: null | boolean | number | string }
  | { readonly type: 'parameter'; readonly name: string }
  | { readonly type: 'name'; readonly name: string }
  | { readonly type: 'array'; readonly items: readonly Expression[] }
  | { readonly type: 'object'; readonly entries: readonly ObjectEntry[] }
  | { readonly type: 'attribute'; readonly of: Expression; readonly name: string }
  | { readonly type: 'attributeParameter'; readonly of: Expression; readonly name: string }
  | { readonly type: 'element'; readonly of: Expression; readonly index: Expression }
  /** `of[*]` and what follows it, applied to each element as `item`. */
  | { readonly type: 'expansion'; readonly of: Expression; readonly item: Expression }
  | { readonly type: 'item' }
  | { readonly type: 'call'; readonly name: string; readonly args: readonly Expression[] }
  | { readonly type: 'unary'; readonly operator: '!' | '-' | '+'; readonly operand: Expression }
  | {
      readonly type: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly type: 'quantified';
      readonly quantifier: 'ANY' | 'ALL' | 'NONE';
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly type: 'ternary';
      readonly test: Expression;
      /** Null in the short form `test ? : else`. */
      readonly yes: Expression | null;
      readonly otherwise: Expression;
    }
  | { readonly type: 'range'; readonly from: Expression; readonly to: Expression }
  | { readonly type: 'subquery'; readonly query: Query };

export type BinaryOperator =
  | ('AND' | 'OR' | '==' | '!=' | '<' | '<=' | '>' | '>=' | 'IN' | 'NOT IN')
  | ('LIKE' | 'NOT LIKE' | '=~' | '!~' | '+' | '-' | '*' | '/' | '%');

export interface ObjectEntry {
  /** Text, or an expression for `{ [name]: … }`. */
  readonly name: string | Expression;
  readonly value: Expression;
}
export type Direction = 'OUTBOUND' | 'INBOUND' | 'ANY';

export interface Assignment {
  readonly variable: string;
  readonly value: Expression;
}
export interface Modification {
  readonly type: 'modify';
  readonly kind: 'INSERT' | 'UPDATE' | 'REPLACE' | 'REMOVE';
  /** UPDATE and REPLACE `key WITH changes`: the key or document; else the document itself. */
  readonly document: Expression;
  readonly changes: Expression | null;
  readonly collection: Expression;
  readonly options: Expression | null;
}
export interface Upsert {
  readonly type: 'upsert';
  readonly search: Expression;
  readonly insert: Expression;
  readonly kind: 'UPDATE' | 'REPLACE';
  readonly update: Expression;
  readonly collection: Expression;
  readonly options: Expression | null;
}
export type Statement =
  | {
      readonly type: 'for';
      readonly variable: string;
      readonly source: Expression;
      readonly options: Expression | null;
    }
  | {
      readonly type: 'traversal';
      /** Vertex, edge, path. */
      readonly variables: readonly string[];
      readonly min: Expression | null;
      readonly max: Expression | null;
      readonly direction: Direction;
      readonly start: Expression;
      readonly collections: readonly { readonly direction: Direction; readonly collection: Expression }[];
      readonly prune: Expression | null;
      readonly options: Expression | null;
    }
  | { readonly type: 'filter'; readonly condition: Expression }
  | { readonly type: 'let'; readonly assignments: readonly Assignment[] }
  | { readonly type: 'sort'; readonly by: readonly { readonly value: Expression; readonly descending: boolean }[] }
  | { readonly type: 'limit'; readonly offset: Expression | null; readonly count: Expression }
  | {
      readonly type: 'collect';
      readonly groups: readonly Assignment[];
      readonly aggregates: readonly { readonly variable: string; readonly name: string; readonly value: Expression }[];
      /** `INTO name [= value]` */
      readonly into: { readonly variable: string; readonly value: Expression | null } | null;
      readonly keep: readonly string[] | null;
      readonly count: string | null;
    }
  | Modification
  | Upsert
  | { readonly type: 'return'; readonly distinct: boolean; readonly value: Expression };

export interface Query {
  /** Collections named by WITH. */
  readonly with: readonly Expression[];
  readonly statements: readonly Statement[];
}
