import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { ChimeraError, type Where } from '../../graph/schema/index.ts';
import { apiLog, type LocalApiOptions, openLocalApi } from './local-api.ts';
import { connectRun } from './runs/connect-run.ts';

export type WorkerData = Omit<LocalApiOptions, 'log'>;
export type ToWorker = { readonly kind: 'run'; readonly port: MessagePort } | { readonly kind: 'close' };
export type FromWorker =
  | { readonly kind: 'served'; readonly url: string; readonly port: number; readonly code: string | undefined }
  | {
      readonly kind: 'failed';
      readonly code: string;
      readonly message: string;
      readonly help: string | undefined;
      readonly where: Where;
    }
  | { readonly kind: 'closed' };

/** The thread of the API: HTTP, JSON and websockets are not the engine's work. */
const said = (m: FromWorker): void => parentPort?.postMessage(m);
const options = workerData as WorkerData;
const log = apiLog(options.env ?? {});
process.on('unhandledRejection', (e) => log.error({ err: e }, 'a fault of the API'));
try {
  const local = await openLocalApi({ ...options, log });
  const drains: (() => void)[] = [];
  parentPort?.on('message', (m: ToWorker) => {
    if (m.kind === 'run') {
      drains.push(connectRun(local.runs, m.port, (e) => log.error({ err: e }, 'a message of a run')));
      return;
    }
    // The last word of a run is on another line than the word to close.
    for (const drain of drains) drain();
    void local.close().finally(() => {
      said({ kind: 'closed' });
      parentPort?.close();
      process.exit(0);
    });
  });
  said({ kind: 'served', url: local.url, port: local.port, code: local.code });
} catch (e) {
  const known = e instanceof ChimeraError ? e : new ChimeraError('CHM1125', e instanceof Error ? e.message : String(e));
  said({ kind: 'failed', code: known.code, message: known.message, help: known.help, where: known.where });
}
