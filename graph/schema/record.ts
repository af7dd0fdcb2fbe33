import type { Field, FieldValue } from './field.ts';

export type Fields = Readonly<Record<string, Field>>;

/** A named, versioned record layout. From it come the TypeScript type, the slots, the taps, the Parquet columns and the validator. */
export interface Schema<F extends Fields = Fields> {
  readonly name: string;
  readonly version: number;
  readonly fields: F;
  readonly doc?: string;
}

/** Plain values of a record: what `emit.port({...})` takes and what a decoded row is. */
export type Values<S> = S extends Schema<infer F> ? { -readonly [K in keyof F]: FieldValue<F[K]> } : never;

/**
 * A port's value as a consumer sees it: the fields, and whether it has ever had a value (`seen`) and got one in this
 * very cycle (`ticked`). `time` is the engine time of
 * the value (µs). It is the producer's own slot, so it must be neither kept nor written.
 */
export type RecordView<S> = Readonly<Values<S>> & {
  readonly ticked: boolean;
  readonly seen: boolean;
  readonly time: number;
};

/** A `many` port's value: all records of this cycle in order of emission; empty when the port did not tick. */
export interface ManyView<S> {
  readonly ticked: boolean;
  readonly n: number;
  at(i: number): Readonly<Values<S>> & { readonly key: number };
}

export function record<const F extends Fields>(name: string, version: number, fields: F, doc?: string): Schema<F> {
  return Object.freeze({ name, version, fields: Object.freeze(fields), ...(doc ? { doc } : {}) });
}
