import { crc32c } from '../codec/crc32c.ts';
import { END_SOURCE, NO_PATH, type Phase, type Stamp, startOf } from '../engine/stamp.ts';
import { Unreadable } from './batch.ts';

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
  /** It says everything, not only what is new: who missed a message goes on from here. */
  readonly whole?: boolean;
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

const FORMAT = 3;
/** In front of the text: a number with another digit would be as good a number. */
const checksum = (text: Uint8Array): string => crc32c(text).toString(16).padStart(8, '0');

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
  whole: number,
];

export function encodeControl(c: Control): Uint8Array {
  const { graph, frontier, origin, positions, keys, births, sentAtUs, sources: s, session, whole } = c;
  const born = births.map((b) => [b.key, numbersOf(b.stamp)] as const);
  const told = s ? ([s.open, s.first ?? null, toNumbers(s.upTo)] as const) : null;
  const said = [toNumbers(frontier), origin ?? null, positions, keys, born, sentAtUs, told, session] as const;
  const wire: Wire = [FORMAT, graph, ...said, whole ? 1 : 0];
  const text = Buffer.from(JSON.stringify(wire));
  return Buffer.concat([Buffer.from(checksum(text)), text]);
}

/** @throws CHM513 */
export function decodeControl(payload: Uint8Array): Control {
  try {
    const text = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
    if (text.toString('latin1', 0, 8) !== checksum(text.subarray(8))) throw new Error('its checksum is another one');
    const [format, graph, frontier, origin, positions, keys, born, sentAtUs, said, session, whole] = JSON.parse(
      text.toString('utf8', 8),
    ) as Wire;
    if (typeof format === 'number' && format !== FORMAT)
      throw new Unreadable(
        'unknown_version',
        `a control message has format ${format}, and this program knows ${FORMAT}`,
      );
    if (format !== FORMAT || typeof graph !== 'string') throw new Error('it is no control message');
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
      whole: whole === 1,
    };
  } catch (e) {
    if (e instanceof Unreadable) throw e;
    throw new Unreadable('undecodable', `an entry of a control stream cannot be read: ${(e as Error).message}`);
  }
}
