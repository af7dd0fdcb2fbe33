import { END_SOURCE, NO_PATH, type Phase, type Stamp, startOf } from '../engine/stamp.ts';
import { ChimeraError } from '../schema/index.ts';

/**
 * What a part says besides its records, in a stream of its own: how far it has come. Everything of its cycles before the
 * frontier has been sent, also when that was nothing; it lies in its streams up to the given positions.
 */
export interface Control {
  /** Hash of the graph. */
  readonly graph: string;
  /** Undefined: nothing is known to be complete yet. */
  readonly frontier: Stamp | undefined;
  /** Engine time of the run's first input, µs: nothing at all happened before it. */
  readonly origin: number | undefined;
  /** Of a part with sources, where other parts have some, too. */
  readonly sources: SourcesSaid | undefined;
  /** Which run of the graph speaks, from its start to its stop. One that went on later has another one. */
  readonly session: string;
  /** Streams that have grown since the last message, with their new ends. */
  readonly positions: Readonly<Record<string, number>>;
  /** Instruments that the part knows since the last message, in order of their numbers. */
  readonly keys: readonly KeyDeclaration[];
  /** Instruments that came to life since then, with the place of the cycle in which they did. */
  readonly births: readonly { readonly key: number; readonly stamp: Stamp }[];
  /** Clock of the sender, µs since the epoch: for measurements only. */
  readonly sentAtUs: number;
}
/** What sources promise by themselves, before anything that follows from their inputs has been run. */
export interface SourcesSaid {
  /** How many of them are open, in order of declaration: their instruments are known. */
  readonly open: number;
  /** Engine time before which none of them has an input, µs. */
  readonly first: number | undefined;
  /** All instruments that come to life through their inputs before this place have been told. Closed: there is no further input. */
  readonly upTo: Stamp | undefined;
}
export type KeyDeclaration = readonly [index: number, name: string, pxDigits: number, qtyDigits: number];

/** Behind everything: the run ends at engine time `t`, and the part has run its last cycle. */
export const closedAt = (t: number): Stamp => ({ ...startOf(t), source: END_SOURCE, seq: Number.MAX_SAFE_INTEGER });
/** Behind all inputs and timers at engine time `t`, should the run end there; before the last cycles. */
export const beforeEnd = (t: number): Stamp => ({ ...closedAt(t), seq: -1 });
export const isClosed = (s: Stamp): boolean => s.source === END_SOURCE && s.seq === Number.MAX_SAFE_INTEGER;

type Numbers = readonly number[];
const numbersOf = (s: Stamp): Numbers => [s.t, s.source, s.seq, s.phase, s.generation, s.place, s.number, ...s.path];
function stampOf(numbers: Numbers): Stamp {
  const [t, source, seq, phase, generation, place, number, ...path] = numbers as [
    number,
    number,
    number,
    Phase,
    number,
    number,
    number,
    ...number[],
  ];
  return { t, source, seq, phase, generation, place, number, path: path.length === 0 ? NO_PATH : path };
}

const toNumbers = (s: Stamp | undefined): Numbers | null => (s === undefined ? null : numbersOf(s));
const toStamp = (n: Numbers | null): Stamp | undefined => (n === null ? undefined : stampOf(n));

type Wire = [
  format: number,
  graph: string,
  frontier: Numbers | null,
  origin: number | null,
  positions: Record<string, number>,
  keys: readonly KeyDeclaration[],
  births: (readonly [number, Numbers])[],
  sentAtUs: number,
  sources: readonly [open: number, first: number | null, upTo: Numbers | null] | null,
  session: string,
];

export function encodeControl(c: Control): Uint8Array {
  const { graph, frontier, origin, positions, keys, births, sentAtUs, sources: s, session } = c;
  const born = births.map((b) => [b.key, numbersOf(b.stamp)] as const);
  const said = s ? ([s.open, s.first ?? null, toNumbers(s.upTo)] as const) : null;
  const wire: Wire = [2, graph, toNumbers(frontier), origin ?? null, positions, keys, born, sentAtUs, said, session];
  return Buffer.from(JSON.stringify(wire));
}

/** @throws CHM513 */
export function decodeControl(payload: Uint8Array): Control {
  try {
    const [format, graph, frontier, origin, positions, keys, born, sentAtUs, said, session] = JSON.parse(
      Buffer.from(payload).toString(),
    ) as Wire;
    if (format !== 2) throw new Error(`its format ${format} is unknown`);
    return {
      graph,
      frontier: toStamp(frontier),
      origin: origin ?? undefined,
      sources: said ? { open: said[0], first: said[1] ?? undefined, upTo: toStamp(said[2]) } : undefined,
      session,
      positions,
      keys,
      births: born.map(([key, stamp]) => ({ key, stamp: stampOf(stamp) })),
      sentAtUs,
    };
  } catch (e) {
    throw new ChimeraError('CHM513', `an entry of a control stream cannot be read: ${(e as Error).message}`, {});
  }
}
