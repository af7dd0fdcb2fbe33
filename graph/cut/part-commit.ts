import { decode, encode } from '../codec/index.ts';
import type { Snapshot } from '../engine/snapshot.ts';
import type { Stamp } from '../engine/stamp.ts';
import type { Promised } from './in-part.ts';
import type { PoisonState } from './poison.ts';

/** All that a part needs to go on from a commit. */
export interface PartCommit {
  readonly epoch: number;
  readonly snapshot: Snapshot;
  /** Last cycle consumed of each stream read, last cycle made of each stream written. */
  readonly read: Readonly<Record<string, number>>;
  readonly written: Readonly<Record<string, number>>;
  /** By part that is read. */
  readonly fronts: Readonly<Record<string, { position: number; promise: Promised | null }>>;
  readonly origin: number | null;
  /** Keys that other parts have called to life in cycles that have not been run here. */
  readonly births: readonly { readonly key: number; readonly stamp: Stamp }[];
  /** Births that others have been told of. */
  readonly told?: readonly { readonly key: number; readonly stamp: Stamp }[];
  /** Last input of each own source. */
  readonly offsets: Readonly<Record<string, number>>;
  readonly endTime: number | null;
  /** In which session `endTime` is the end. */
  readonly session: string;
  /** Last cycles (`end`) that have been run. */
  readonly ended: number;
  readonly cycles: number;
  readonly inputs: number;
  /** What was decided about entries that cannot be read; absent: there were none. */
  readonly poison?: PoisonState;
  /** What else belongs to the commit, e.g. how long the files of taps are. */
  readonly extra: unknown;
}

export const encodeCommit = (c: PartCommit): Uint8Array => encode(c);
export const decodeCommit = (blob: Uint8Array): PartCommit => decode(blob) as PartCommit;
