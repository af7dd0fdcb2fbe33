import { END_SOURCE, NO_PATH, type Phase, type Stamp, startOf } from '../engine/stamp.ts';
import { ChimeraError } from '../schema/index.ts';

/**
 * What a part says besides its records, in a stream of its own: how far it has come. Everything of its cycles before the
 * frontier has been sent, also when that was nothing; it lies in its streams up to the given positions.
 */
export interface Control {
  /** Hash of the graph. */
  readonly graph: string;
  readonly frontier: Stamp;
  /** Engine time of the run's first input, µs: nothing at all happened before it. */
  readonly origin: number | undefined;
  /** Streams that have grown since the last message, with their new ends. */
  readonly positions: Readonly<Record<string, number>>;
  /** Instruments that the part knows since the last message, in order of their numbers. */
  readonly keys: readonly KeyDeclaration[];
  /** Instruments that came to life since then, with the place of the cycle in which they did. */
  readonly births: readonly { readonly key: number; readonly stamp: Stamp }[];
  /** Clock of the sender, µs since the epoch: for measurements only. */
  readonly sentAtUs: number;
}
export type KeyDeclaration = readonly [index: number, name: string, pxDigits: number, qtyDigits: number];

/** Behind everything: the run ends at engine time `t`, and the part has run its last cycle. */
export const closedAt = (t: number): Stamp => ({ ...startOf(t), source: END_SOURCE, seq: Number.MAX_SAFE_INTEGER });
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

export function encodeControl({ graph, frontier, origin, positions, keys, births, sentAtUs }: Control): Uint8Array {
  const born = births.map((b) => [b.key, numbersOf(b.stamp)]);
  return Buffer.from(JSON.stringify([1, graph, numbersOf(frontier), origin ?? null, positions, keys, born, sentAtUs]));
}

/** @throws CHM513 */
export function decodeControl(payload: Uint8Array): Control {
  try {
    const [format, graph, frontier, origin, positions, keys, born, sentAtUs] = JSON.parse(
      Buffer.from(payload).toString(),
    ) as [
      number,
      string,
      Numbers,
      number | null,
      Record<string, number>,
      KeyDeclaration[],
      [number, Numbers][],
      number,
    ];
    if (format !== 1) throw new Error(`its format ${format} is unknown`);
    return {
      graph,
      frontier: stampOf(frontier),
      origin: origin ?? undefined,
      positions,
      keys,
      births: born.map(([key, stamp]) => ({ key, stamp: stampOf(stamp) })),
      sentAtUs,
    };
  } catch (e) {
    throw new ChimeraError('CHM513', `an entry of a control stream cannot be read: ${(e as Error).message}`, {});
  }
}
