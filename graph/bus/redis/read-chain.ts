import type { StreamEntry } from '../bus.ts';
import { Rewound } from '../rewound.ts';

/**
 * Where a reader stands in one stream. Each entry says which record came before it, so that a gap shows, whatever made it: records
 * removed too early, or a stream that began anew.
 */
export class ReadChain {
  readonly stream: string;
  readonly index: number;
  /** The last record that was read. */
  position: number;
  /** The id after which the server goes on. An entry without records follows its position under `position-1`, `position-2`, … */
  id: string;

  constructor(stream: string, index: number, after: number) {
    this.stream = stream;
    this.index = index;
    this.position = after;
    this.id = `${after}-0`;
  }
  /**
   * The entry, or undefined when all of it was read before. One that begins earlier and ends later is given as it is.
   * @throws CHM523
   */
  follow(id: string, prev: number, payload: Uint8Array): StreamEntry | undefined {
    const last = Number(id.slice(0, id.indexOf('-')));
    if (prev > this.position)
      throw new Rewound(
        this.stream,
        this.position,
        `${this.stream} goes on after record ${prev}, but the records from ${this.position + 1} on are not there`,
        prev,
      );
    this.id = id;
    if (last < this.position || (last === this.position && prev !== last)) return undefined;
    this.position = last;
    return { stream: this.index, prev, last, payload };
  }
  /** Compares with the position that the bus knows. @throws CHM523 */
  confirm(at: number): void {
    if (at < this.position)
      throw new Rewound(
        this.stream,
        at,
        `${this.stream} ends with record ${at}, but record ${this.position} was read or asked for before`,
      );
  }
  /** The bus has records up to `at` and yet the stream has none to give. */
  missing(at: number): Rewound {
    return new Rewound(
      this.stream,
      this.position,
      `the records ${this.position + 1}–${at} of ${this.stream} are not there`,
      at,
    );
  }
}
