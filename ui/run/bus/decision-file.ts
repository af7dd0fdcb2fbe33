import {
  closeSync,
  existsSync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { Decision, DecisionLog } from '../../../graph/cut/poison.ts';

/**
 * What a part has decided about entries that it could not read, one line for each, in the part's folder of the state. A Redis that comes
 * back empty has forgotten the commits that say it, and the sinks have not.
 */
export class DecisionFile implements DecisionLog {
  readonly #path: string;
  readonly #graph: string;
  /** @param graph hash; lines of another graph do not count */
  constructor(path: string, graph: string) {
    this.#path = path;
    this.#graph = graph;
  }
  async load(): Promise<Decision[]> {
    if (!existsSync(this.#path)) return [];
    const text = readFileSync(this.#path, 'utf8');
    // A last line that a crash cut off: nothing had depended on it.
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    if (whole.length < text.length) truncateSync(this.#path, Buffer.byteLength(whole));
    return whole.split('\n').flatMap((line) => {
      if (line === '') return [];
      const { graph, payload, ...d } = JSON.parse(line) as { graph: string; payload?: string } & Decision;
      if (graph !== this.#graph) return [];
      if (!('replay' in d)) return [d as Decision];
      return [{ ...d, replay: { ...d.replay, payload: Buffer.from(payload!, 'base64') } }];
    });
  }
  async append(decisions: readonly Decision[]): Promise<void> {
    mkdirSync(dirname(this.#path), { recursive: true });
    const lines = decisions.map((d) => {
      if (!('replay' in d)) return JSON.stringify({ graph: this.#graph, ...d });
      const { payload, ...replay } = d.replay;
      const text = Buffer.from(payload).toString('base64');
      return JSON.stringify({ graph: this.#graph, ...d, replay, payload: text });
    });
    const file = openSync(this.#path, 'a', 0o600);
    try {
      writeSync(file, `${lines.join('\n')}\n`);
      fdatasyncSync(file);
    } finally {
      closeSync(file);
    }
  }
}
