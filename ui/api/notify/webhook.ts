import { createHmac } from 'node:crypto';
import type { Logger } from 'pino';
import { ChimeraError } from '../../../graph/schema/index.ts';
import type { AlertBoard } from '../alerts.ts';
import type { Alert, Level } from '../contract/records.ts';
import { isLoopback } from '../loopback.ts';

export interface WebhookOptions {
  /** Often holds a token: it is shown nowhere. */
  readonly url: string;
  /** Signs each message, so that whoever gets it knows from whom it is. */
  readonly secret?: string | undefined;
  /** The least level that is told; default WARN. */
  readonly level?: Level;
  /** First pause before a message is sent again, ms; it doubles up to a minute. */
  readonly pauseMs?: number;
}
const LEVELS: readonly Level[] = ['INFO', 'WARN', 'ERROR', 'FATAL'];
const ROOM = 200;
const TRIES = 8;
const WITHIN_MS = 5000;
const LONGEST_MS = 60_000;

interface Message {
  readonly id: string;
  readonly body: string;
}

/**
 * Tells an address of alerts: one message when an alert begins to fire and one when it is over, in order, each with an id under which
 * it is the same however often it comes. What cannot be delivered is tried again, ever more seldom; beyond a bound the oldest is given up.
 */
export class Webhook {
  readonly counts = { sent: 0, failed: 0, dropped: 0 };
  readonly #o: WebhookOptions;
  readonly #log: Pick<Logger, 'warn' | 'error'>;
  readonly #end = new AbortController();
  readonly #off: () => void;
  #queue: Message[] = [];
  #busy = false;

  /** @throws CHM1142 an address that would show what is told to others */
  constructor(options: WebhookOptions, board: Pick<AlertBoard, 'onAlert'>, log: Pick<Logger, 'warn' | 'error'>) {
    const url = URL.canParse(options.url) ? new URL(options.url) : undefined;
    if (!url || !(url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))))
      throw new ChimeraError('CHM1142', 'the address for notifications is not https', {
        help: 'give an https:// address in CHIMERA_WEBHOOK_URL, or an http:// one of this machine',
      });
    this.#o = options;
    this.#log = log;
    const least = LEVELS.indexOf(options.level ?? 'WARN');
    this.#off = board.onAlert((run, alert) => {
      if (alert.state !== 'acknowledged' && LEVELS.indexOf(alert.level) >= least) this.#take(run, alert);
    });
  }
  close(): void {
    this.#off();
    this.#end.abort();
    this.#queue = [];
  }

  #take(run: string, { id, name, level, state, since_ms, cause, what_to_do }: Alert): void {
    const delivery = `${id}/${state}`;
    const body = JSON.stringify({ id: delivery, alert: id, run, name, level, state, since_ms, cause, what_to_do });
    this.#queue.push({ id: delivery, body });
    if (this.#queue.length > ROOM) {
      this.#queue.shift();
      this.counts.dropped++;
      this.#log.warn({ dropped: this.counts.dropped }, 'notifications wait too long: the oldest was given up');
    }
    void this.#send();
  }
  async #send(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let next = this.#queue.shift(); next && !this.#end.signal.aborted; next = this.#queue.shift())
        await this.#deliver(next);
    } finally {
      this.#busy = false;
    }
  }
  async #deliver(m: Message): Promise<void> {
    let pause = this.#o.pauseMs ?? 1000;
    let why = '';
    for (let n = 0; n < TRIES; n++) {
      if (n > 0) {
        await this.#sleep(pause);
        pause = Math.min(pause * 2, LONGEST_MS);
      }
      if (this.#end.signal.aborted) return;
      const status = await this.#post(m);
      if (status >= 200 && status < 300) {
        this.counts.sent++;
        return;
      }
      why = status === 0 ? 'no answer' : `answered ${status}`;
      // What is refused for its own sake will be refused again.
      if (status >= 400 && status < 500 && status !== 408 && status !== 429) break;
    }
    this.counts.failed++;
    // Not the address: it may hold a token.
    this.#log.error({ alert: m.id, why }, 'a notification could not be delivered');
  }
  /** @returns the status, 0 when there was no answer */
  async #post({ id, body }: Message): Promise<number> {
    const { url, secret } = this.#o;
    try {
      const answer = await fetch(url, {
        method: 'POST',
        body,
        headers: {
          'content-type': 'application/json',
          'x-chimera-delivery': id,
          ...(secret === undefined
            ? {}
            : { 'x-chimera-signature': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` }),
        },
        redirect: 'manual',
        signal: AbortSignal.any([this.#end.signal, AbortSignal.timeout(WITHIN_MS)]),
      });
      await answer.body?.cancel();
      return answer.status;
    } catch {
      return 0;
    }
  }
  #sleep(ms: number): Promise<void> {
    const { signal } = this.#end;
    return new Promise((done) => {
      const over = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', over);
        done();
      };
      const timer = setTimeout(over, ms);
      signal.addEventListener('abort', over, { once: true });
    });
  }
}
