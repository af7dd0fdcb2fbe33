import { ChimeraError } from '../../graph/schema/index.ts';

/** Where a command is found from now on: by (source, seq) in the journal, the lake and every trace. */
export interface ControlReceipt {
  readonly source: string;
  readonly seq: number;
  /** Engine time at which it entered, µs. */
  readonly t_avail_us: number;
  readonly correlation_id: string;
  readonly idempotency_key: string;
  /** The key had been used for this command before; that one's place is given. */
  readonly repeated: boolean;
}
/** Takes commands for a running graph. */
export interface ControlTaker {
  take(request: unknown): Promise<ControlReceipt>;
}

/**
 * The way in for commands: made by the program, handed to the run as `access.control`, and held by whoever has a face for people
 * (a socket, an HTTP route). The source of the run takes its place behind it when it opens.
 */
export class ControlInlet {
  #taker: ControlTaker | undefined;
  #attached = () => {};
  /** A run that is starting gets its commands as soon as it can take them. */
  readonly #first = new Promise<void>((done) => {
    this.#attached = done;
  });
  #ended = false;

  get open(): boolean {
    return this.#taker !== undefined;
  }
  attach(taker: ControlTaker): void {
    this.#taker = taker;
    this.#attached();
  }
  detach(taker: ControlTaker): void {
    if (this.#taker === taker) this.#taker = undefined;
    this.#ended = true;
  }
  /**
   * Answers once the command is in the journal and survives a loss of power, before any node has seen it.
   * @throws CHM950, CHM953, CHM954: refused; CHM951, CHM952: not now. In every case nothing was journaled
   */
  async append(request: unknown): Promise<ControlReceipt> {
    if (!this.#taker && !this.#ended) await within(START_MS, this.#first);
    if (!this.#taker)
      throw new ChimeraError('CHM951', 'this run takes no commands', {
        help: 'give the pipeline a node of type source.control, and wait until the run is ready',
      });
    return this.#taker.take(request);
  }
}

/** How long a command waits for a run that is starting, ms. */
const START_MS = 10_000;
async function within(ms: number, what: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((done) => {
    timer = setTimeout(done, ms);
  });
  await Promise.race([what, late]);
  clearTimeout(timer);
}
