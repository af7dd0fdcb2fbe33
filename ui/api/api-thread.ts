import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { ChimeraError } from '../../graph/schema/index.ts';
import type { FromWorker, ToWorker, WorkerData } from './worker.ts';

/** Beside this file in the built program; from the sources, what was built of them. */
const PROGRAM = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../dist/ui/api/worker.js' : './worker.js', import.meta.url),
);
const CLOSE_MS = 5000;

/** The API in a thread of its own, for a process that trades. */
export class ApiThread {
  readonly url: string;
  readonly port: number;
  /** Makes the first administrator; undefined when there is one. */
  readonly code: string | undefined;
  readonly #worker: Worker;

  private constructor(worker: Worker, served: FromWorker & { kind: 'served' }) {
    this.#worker = worker;
    this.url = served.url;
    this.port = served.port;
    this.code = served.code;
  }
  /** @throws what keeps the API from being served: CHM1130, CHM1131, CHM1132 */
  static async start(options: WorkerData): Promise<ApiThread> {
    const worker = new Worker(PROGRAM, { workerData: options, name: 'api' });
    const first = await new Promise<FromWorker>((done, fail) => {
      worker.once('message', done);
      worker.once('error', fail);
      worker.once('exit', () => fail(new Error('the thread of the API ended')));
    });
    worker.removeAllListeners('exit');
    worker.removeAllListeners('error');
    if (first.kind !== 'served') {
      await worker.terminate();
      const { code, message, help, where } = first as FromWorker & { kind: 'failed' };
      throw new ChimeraError(code, message, { ...where, ...(help === undefined ? {} : { help }) });
    }
    // A run goes on without its page.
    worker.on('error', () => undefined);
    worker.unref();
    return new ApiThread(worker, first);
  }
  /** A line to the API for one run: the engine's end of it. */
  line(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.#say({ kind: 'run', port: port2 }, [port2]);
    // A line does not keep the process alive.
    port1.unref();
    return port1;
  }
  async close(): Promise<void> {
    const ended = new Promise<void>((done) => this.#worker.once('exit', () => done()));
    this.#say({ kind: 'close' });
    const timer = setTimeout(() => void this.#worker.terminate(), CLOSE_MS);
    this.#worker.ref();
    await ended;
    clearTimeout(timer);
  }
  #say(m: ToWorker, move: readonly MessagePort[] = []): void {
    this.#worker.postMessage(m, [...move]);
  }
}
