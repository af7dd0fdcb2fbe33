import { SingleBar } from 'cli-progress';
import type { Stream } from './io.ts';

/** Shown only when the work is still going on after this long. */
const PATIENCE_MS = 400;

/** A bar with a share of the work, or a running text when the share is not known. Silent without a terminal. */
export class Progress {
  readonly #stream: Stream;
  readonly #label: string;
  readonly #on: boolean;
  readonly #started = performance.now();
  #drawn = 0;
  #bar: SingleBar | undefined;
  #text = false;
  constructor(stream: Stream, label: string, on: boolean) {
    this.#stream = stream;
    this.#label = label;
    this.#on = on;
  }
  /** @param share of the work that is done, 0–1; undefined = not known */
  update(share: number | undefined, detail = ''): void {
    const now = performance.now();
    if (!this.#on || now - this.#started < PATIENCE_MS || now - this.#drawn < 100) return;
    this.#drawn = now;
    if (share === undefined) {
      this.#text = true;
      this.#stream.write(`\r\u001b[2K${this.#label}  ${detail}`);
      return;
    }
    if (!this.#bar) {
      this.#bar = new SingleBar({
        format: `${this.#label} {bar} {percentage}%  {detail}`,
        stream: this.#stream as unknown as NodeJS.WritableStream,
        barsize: 30,
        hideCursor: true,
        clearOnComplete: true,
        barCompleteChar: '█',
        barIncompleteChar: '░',
      });
      this.#bar.start(1000, 0, { detail });
    }
    this.#bar.update(Math.round(Math.min(1, share) * 1000), { detail });
  }
  done(): void {
    this.#bar?.stop();
    if (this.#text) this.#stream.write('\r\u001b[2K');
    this.#bar = undefined;
    this.#text = false;
  }
}
