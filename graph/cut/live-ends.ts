import type { CommandSink, Gateway, InPorts } from '../node.ts';
import type { EngineClock } from '../runner/engine-clock.ts';
import { type BlockReader, ChimeraError, KeyTable } from '../schema/index.ts';

/** What the parts of a live run need beside the bus. */
export interface PartLive {
  readonly clock: EngineClock;
  /** The sources stop: their part says that nothing comes after this moment, and the run ends with it everywhere. */
  readonly finish: AbortSignal;
  readonly ends: LiveEnds;
  /** Puts a source's journal between it and its part. */
  wrap(source: string, reader: BlockReader, keys: KeyTable): BlockReader;
  /** Arrival of the last input in the journals of these sources, µs; −∞ = there is none. */
  lastUs(sources: readonly string[]): number;
  /** What the sources of this process were told is durable when this returns. */
  sync(): void;
}

/** A gateway that is open. Both halves are used by parts of their own. */
export class OpenGateway {
  readonly id: string;
  /** Its source is run by the world, no longer by its journal: commands may leave. */
  started = false;
  closed = false;
  readonly #gateway: Gateway<InPorts>;
  constructor(id: string, gateway: Gateway<InPorts>) {
    this.id = id;
    this.#gateway = gateway;
  }
  get reader(): Gateway<InPorts>['reader'] {
    return this.#gateway.reader;
  }
  get sink(): CommandSink<InPorts> {
    return this.#gateway.sink;
  }
}

/**
 * The connections of one process to the world. They outlive a part that goes back to its last commit: only who loses a part to
 * another process has to let go of them, because that one opens them anew.
 */
export class LiveEnds {
  /** Instruments as all parts number them; who stamps arrivals keeps them by number. */
  readonly keys = new KeyTable();
  readonly #sources = new Map<string, BlockReader>();
  readonly #gateways = new Map<string, OpenGateway>();
  readonly #waiting = new Set<() => void>();

  source(id: string): BlockReader | undefined {
    return this.#sources.get(id);
  }
  keep(id: string, reader: BlockReader): void {
    this.#sources.set(id, reader);
  }
  opened(id: string, gateway: Gateway<InPorts>): OpenGateway {
    const open = new OpenGateway(id, gateway);
    this.#gateways.set(id, open);
    for (const wake of [...this.#waiting]) wake();
    return open;
  }
  started(id: string): void {
    const gateway = this.#gateways.get(id);
    if (gateway) gateway.started = true;
  }
  /** Reports have been taken into their journal. */
  took(id: string, sync: () => void): void {
    const gateway = this.#gateways.get(id);
    if (!gateway?.sink.settle) return;
    sync();
    gateway.sink.settle();
  }
  /** The gateway, once its source is open here. @throws CHM522 when the signal ends the waiting */
  async gateway(id: string, signal: AbortSignal | undefined): Promise<OpenGateway> {
    for (;;) {
      if (signal?.aborted) throw new ChimeraError('CHM522', `waiting for gateway ${id} was ended`, {});
      const open = this.#gateways.get(id);
      if (open) return open;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.#waiting.delete(done);
          signal?.removeEventListener('abort', done);
          resolve();
        };
        this.#waiting.add(done);
        signal?.addEventListener('abort', done);
      });
    }
  }
  /** Lets go of sources: somebody else may hold them from now on. */
  async drop(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const gateway = this.#gateways.get(id);
      if (gateway) gateway.closed = true;
      this.#gateways.delete(id);
      const reader = this.#sources.get(id);
      this.#sources.delete(id);
      await reader?.close();
      await gateway?.reader.close();
    }
  }
  close(): Promise<void> {
    return this.drop([...new Set([...this.#sources.keys(), ...this.#gateways.keys()])]);
  }
}
