import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { toBlock } from '../../graph/runner/rows-reader.ts';
import {
  BLOCK_ROWS,
  type Block,
  ChimeraError,
  ControlCommand,
  type KeyTable,
  type LiveReader,
} from '../../graph/schema/index.ts';
import { InputCodec } from '../../lake/journal/input-codec.ts';
import { readJournal } from '../../lake/journal/journal-reader.ts';
import type { ControlInlet, ControlReceipt, ControlTaker } from './inlet.ts';
import { type ControlValues, contentOf, controlValues } from './request.ts';

export const CONTROL_PORTS = [{ name: 'control', schema: ControlCommand }] as const;

/** Keys that are remembered: far more than people use within the life of a journal. */
const REMEMBERED = 10_000;

interface Waiting {
  t: number;
  values: ControlValues;
  done(receipt: ControlReceipt): void;
  fail(e: unknown): void;
}
interface Known {
  content: string;
  receipt: Promise<ControlReceipt>;
}

export interface ControlReaderOptions {
  readonly node: string;
  readonly keys: KeyTable;
  /** Arrival time of what is received now, µs. */
  readonly stamp: () => number;
  /** The run's folder: commands that its journal holds are known. */
  readonly dir: string | undefined;
  /** Commands that may wait for the journal at once. */
  readonly waiting: number;
  readonly inlet: ControlInlet | undefined;
}

/** Commands of people as they come; each is answered once the journal has it. */
export class ControlReader implements LiveReader, ControlTaker {
  readonly ports = CONTROL_PORTS;
  wake: () => void = () => {};
  readonly #o: ControlReaderOptions;
  readonly #queue: Waiting[] = [];
  /** Handed to the run, and not in the journal yet. */
  #handed: Waiting[] = [];
  readonly #known = new Map<string, Known>();

  constructor(options: ControlReaderOptions) {
    this.#o = options;
    if (options.dir !== undefined) this.#recall(join(options.dir, 'journal', options.node));
    options.inlet?.attach(this);
  }

  async take(request: unknown): Promise<ControlReceipt> {
    const values = controlValues(request, randomUUID);
    const content = contentOf(values);
    const known = this.#known.get(values.idempotency_key);
    if (known) {
      if (known.content === content) return { ...(await known.receipt), repeated: true };
      throw new ChimeraError('CHM953', `idempotency key ${values.idempotency_key} stands for another command`, {
        field: 'idempotency_key',
        help: 'the earlier command stays as it is; give this one a key of its own',
      });
    }
    const { keys, waiting, node, stamp } = this.#o;
    if (values.instrument !== '' && !keys.find(values.instrument))
      throw new ChimeraError('CHM954', `the run has no instrument ${values.instrument}`, {
        field: 'instrument',
        help: `it has ${keys.list.map((k) => k.name).join(', ') || 'none yet'}`,
      });
    if (this.#queue.length + this.#handed.length >= waiting)
      throw new ChimeraError('CHM952', `${waiting} commands wait for the journal of ${node}`, {
        node,
        help: 'look at the health of the run; send it again with the same idempotency key',
      });
    const receipt = new Promise<ControlReceipt>((done, fail) => {
      this.#queue.push({ t: stamp(), values, done, fail });
    });
    this.#remember(values, receipt);
    // Not journaled after all: the key is free again.
    receipt.catch(() => this.#known.delete(values.idempotency_key));
    this.wake();
    return receipt;
  }

  poll(nowUs: number): Block | null {
    let n = 0;
    while (n < this.#queue.length && n < BLOCK_ROWS && this.#queue[n]!.t <= nowUs) n++;
    if (n === 0) return null;
    const rows = this.#queue.splice(0, n);
    this.#handed.push(...rows);
    return toBlock(
      this.ports,
      rows.map(({ t, values }) => ({ t, port: 'control', key: -1, values })),
    );
  }
  written(seq: number, n: number): void {
    for (const [i, w] of this.#handed.splice(0, n).entries()) w.done(this.#receipt(seq + i, w.t, w.values));
  }
  read(): Promise<null> {
    return Promise.resolve(null);
  }
  async close(): Promise<void> {
    this.#o.inlet?.detach(this);
    const over = new ChimeraError('CHM951', 'the run has ended before the command was journaled', {
      help: 'send it to the next run with the same idempotency key',
    });
    for (const w of [...this.#handed, ...this.#queue]) w.fail(over);
    this.#handed = [];
    this.#queue.length = 0;
  }

  #receipt(seq: number, t: number, v: ControlValues): ControlReceipt {
    const { correlation_id, idempotency_key } = v;
    return { source: this.#o.node, seq, t_avail_us: t, correlation_id, idempotency_key, repeated: false };
  }
  #remember(values: ControlValues, receipt: Promise<ControlReceipt>): void {
    this.#known.set(values.idempotency_key, { content: contentOf(values), receipt });
    if (this.#known.size > REMEMBERED) this.#known.delete(this.#known.keys().next().value as string);
  }
  /** The journal is the truth about which keys were used: nothing else has to survive. */
  #recall(dir: string): void {
    const codec = new InputCodec(this.ports);
    const names = Object.keys(ControlCommand.fields);
    for (const record of readJournal(dir)) {
      const [block] = codec.decode([{ ...record, payload: Uint8Array.from(record.payload) }]);
      const { columns } = block!.ports[0]!;
      const values = Object.fromEntries(
        names.map((name, i) => {
          const c = columns[i];
          return [name, Array.isArray(c) ? c[0]! : ControlCommand.fields.kind.values[(c as Float64Array)[0]!]!];
        }),
      ) as unknown as ControlValues;
      this.#remember(values, Promise.resolve(this.#receipt(record.seq, record.t, values)));
    }
  }
}
