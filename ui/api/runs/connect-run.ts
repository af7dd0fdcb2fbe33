import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { FromEngine } from '../../observe/messages.ts';
import { LiveRunHandle } from './live-run.ts';
import type { RunRegistry } from './run-registry.ts';

/**
 * Takes what an observer says on a port: its first message makes the run known.
 * @returns takes what has been said and not been taken yet: before the end
 */
export function connectRun(runs: RunRegistry, port: MessagePort, onError: (e: unknown) => void): () => void {
  let run: LiveRunHandle | undefined;
  const take = (m: FromEngine): void => {
    try {
      if (run) run.take(m);
      else if (m.kind === 'begin') {
        run = new LiveRunHandle(port, m.beginning);
        runs.add(run);
      }
    } catch (e) {
      // One bad message must not end the API of a run that trades.
      onError(e);
    }
  };
  port.on('message', take);
  return () => {
    for (let m = receiveMessageOnPort(port); m; m = receiveMessageOnPort(port)) take(m.message as FromEngine);
  };
}
