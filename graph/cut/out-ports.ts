import type { Clock } from '../engine/clock.ts';
import type { Fielded } from '../engine/slot.ts';
import type { Tap } from '../engine/tap.ts';
import type { KeyTable, Schema } from '../schema/index.ts';
import type { Cut, Part } from './cut.ts';
import { OutStream } from './out-stream.ts';
import { dataStream, type Naming } from './streams.ts';

/** Everything that a part sends: its exported ports write into the stream of their family and key. */
export class OutPorts {
  readonly streams = new Map<string, OutStream>();
  readonly #naming: Naming;
  readonly #keys: KeyTable;
  readonly #clock: Clock;
  readonly #families: { name: string; schemas: Schema[]; byKey: OutStream[] }[];
  /** Where each stream begins: what a checkpoint says, and what is on the bus. */
  start: (stream: string) => { position: number; known: number } = () => ({ position: 0, known: 0 });

  constructor({ plan }: Cut, part: Part, naming: Naming, keys: KeyTable, clock: Clock) {
    this.#naming = naming;
    this.#keys = keys;
    this.#clock = clock;
    this.#families = part.families.map((f) => ({
      name: f.name,
      schemas: f.ports.map((p) => plan.nodes[p.node]!.outs[p.out]!.schema),
      byKey: [],
    }));
  }
  /** Names of all streams that there are with the keys known now. */
  get names(): string[] {
    const keys = ['', ...this.#keys.list.map((k) => k.name)];
    return this.#families.flatMap((f) => keys.map((k) => dataStream(this.#naming, f.name, k)));
  }
  /** Records of instances go to the stream of their key; those of a node that has one instance for all, to one stream. */
  write(family: number, port: number, perKey: boolean, record: Fielded): void {
    const key = perKey ? record.key : -1;
    const { byKey } = this.#families[family]!;
    const stream = byKey[key + 1] ?? this.#create(family, key);
    stream.push(port, record);
  }
  /** Makes the streams of all keys known now: what has been written to one counts, whether or not anything more will be. */
  open(): void {
    this.#families.forEach((f, family) => {
      for (let key = -1; key < this.#keys.list.length; key++) if (!f.byKey[key + 1]) this.#create(family, key);
    });
  }
  #create(family: number, key: number): OutStream {
    const f = this.#families[family]!;
    const name = dataStream(this.#naming, f.name, key < 0 ? '' : this.#keys.at(key).name);
    const stream = new OutStream(name, f.schemas, this.#clock, { ...this.start(name), anyKey: key < 0 });
    f.byKey[key + 1] = stream;
    this.streams.set(name, stream);
    return stream;
  }
  /** Records that wait to be sent. */
  get waiting(): number {
    let n = 0;
    for (const s of this.streams.values()) n += s.records;
    return n;
  }
}

/** Takes the records of a port that leaves the part; a tap on the same port goes on seeing them. */
export class PortExit {
  readonly #out: () => OutPorts;
  readonly #family: number;
  readonly #port: number;
  readonly #perKey: boolean;
  readonly #tap: Tap | undefined;
  constructor(out: () => OutPorts, family: number, port: number, perKey: boolean, tap: Tap | undefined) {
    this.#out = out;
    this.#family = family;
    this.#port = port;
    this.#perKey = perKey;
    this.#tap = tap;
  }
  push(record: Fielded): void {
    this.#tap?.push(record);
    this.#out().write(this.#family, this.#port, this.#perKey, record);
  }
}
