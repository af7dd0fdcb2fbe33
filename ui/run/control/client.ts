import { connect, type Socket } from 'node:net';
import { ChimeraError } from '../../../graph/schema/index.ts';
import type { ControlReceipt } from '../../../sources/control/inlet.ts';
import type { ControlRequest } from '../../../sources/control/request.ts';
import { readNote, unreachable } from './address.ts';
import { readAnswer, VERSION } from './protocol.ts';
import type { Hello, KillReport } from './run-requests.ts';

const DEADLINE_MS = 5_000;
/** A command waits for a run that is starting, and for the journal. */
const COMMAND_MS = 20_000;

interface Asked {
  done(result: unknown): void;
  fail(e: unknown): void;
  timer: NodeJS.Timeout;
}

/** Talks to the run of a state folder. Several requests may be under way at once. */
export class ControlClient {
  readonly #socket: Socket;
  readonly #state: string;
  readonly #asked = new Map<string, Asked>();
  #n = 0;

  /** @throws CHM955 when no run can be reached there */
  static async open(state: string): Promise<ControlClient> {
    const note = readNote(state);
    if (!note) throw unreachable(state);
    const socket = connect(note.socket);
    await new Promise<void>((done, fail) => {
      socket.once('connect', done);
      socket.once('error', (e) => fail(unreachable(state, e)));
    });
    return new ControlClient(socket, state);
  }
  /** Whether a run lives there. */
  static async answers(state: string): Promise<boolean> {
    try {
      const client = await ControlClient.open(state);
      client.close();
      return true;
    } catch {
      return false;
    }
  }
  private constructor(socket: Socket, state: string) {
    this.#socket = socket;
    this.#state = state;
    socket.setEncoding('utf8');
    socket.unref();
    let text = '';
    socket.on('data', (d: string) => {
      text += d;
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
        this.#take(text.slice(0, end));
        text = text.slice(end + 1);
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      for (const a of this.#asked.values()) this.#settle(a, () => a.fail(unreachable(state)));
      this.#asked.clear();
    });
  }

  /**
   * Asks one thing. The fields of `request` are those of its kind.
   * @throws what the run answers, under its own code; CHM955 when it went away, CHM959 when it did not answer in time
   */
  ask(kind: string, request: Readonly<Record<string, unknown>> = {}, timeoutMs = DEADLINE_MS): Promise<unknown> {
    if (this.#socket.destroyed) return Promise.reject(unreachable(this.#state));
    const id = String(++this.#n);
    return new Promise((done, fail) => {
      const timer = setTimeout(() => {
        this.#asked.delete(id);
        fail(
          new ChimeraError('CHM959', `the run did not answer ${kind} within ${timeoutMs} ms`, {
            help: 'ask for the state, or send it again with the same idempotency key',
          }),
        );
      }, timeoutMs);
      this.#asked.set(id, { done, fail, timer });
      this.#socket.write(`${JSON.stringify({ ...request, v: VERSION, id, kind })}\n`);
    });
  }

  hello(): Promise<Hello> {
    return this.ask('hello') as Promise<Hello>;
  }
  /** Brings a command into the graph; answered once it is journaled and has been run. */
  command(
    command: ControlRequest,
    timeoutMs = COMMAND_MS,
  ): Promise<{ receipt: ControlReceipt; kill: KillReport | null }> {
    return this.ask('command', { command }, timeoutMs) as Promise<{ receipt: ControlReceipt; kill: KillReport | null }>;
  }
  kill(): Promise<KillReport> {
    return this.ask('kill.status') as Promise<KillReport>;
  }
  close(): void {
    this.#socket.end();
    this.#socket.destroy();
  }

  #take(line: string): void {
    let answer: ReturnType<typeof readAnswer>;
    try {
      answer = readAnswer(line);
    } catch {
      this.#socket.destroy();
      return;
    }
    const a = this.#asked.get(answer.id);
    if (!a) return;
    this.#asked.delete(answer.id);
    this.#settle(a, () => {
      if (answer.ok) a.done(answer.result);
      else {
        const { code, message, help, field } = answer.error;
        a.fail(
          new ChimeraError(code, message, {
            ...(help === null ? {} : { help }),
            ...(field === null ? {} : { field }),
          }),
        );
      }
    });
  }
  #settle(a: Asked, then: () => void): void {
    clearTimeout(a.timer);
    then();
  }
}
