import type { Socket } from 'node:net';
import type { Redis } from 'ioredis';

export type Command = readonly (string | number | Buffer)[];
/** Texts as latin1; an error of the server is a value. */
export type Reply = string | number | null | Error | readonly Reply[];

/** Payloads from here on are handed to the socket as they are. */
const COPIED_BYTES = 131_072;

/**
 * Commands over a connection that ioredis has opened (TLS, password, database, protocol) and that nothing else uses: several in
 * one write, their replies in one array. Short transactions spend most of their time in what a full client does for
 * each command and reply; here it is a few strings each. Knows the replies that they give, not all of RESP.
 */
export class RawCommands {
  readonly #redis: Redis;
  readonly #socket: Socket;
  #waiting: { count: number; done: (r: Reply[]) => void; failed: (e: Error) => void }[] = [];
  #replies: Reply[] = [];
  #bytes: Buffer = EMPTY;

  /** @param redis connected, with no command under way */
  constructor(redis: Redis, silentMs: number, onEnd: () => void) {
    this.#redis = redis;
    this.#socket = redis.stream as Socket;
    this.#socket.removeAllListeners('data');
    this.#socket.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#socket.setTimeout(silentMs, () => {
      if (this.#waiting.length > 0) this.#socket.destroy(new Error('Socket timeout'));
    });
    this.#socket.once('close', () => {
      this.#fail(new Error('Connection is closed.'));
      onEnd();
    });
  }

  /** Rejects when the connection ends first: then it is not known what was done. */
  send(commands: readonly Command[]): Promise<Reply[]> {
    return new Promise((done, failed) => {
      if (!this.#socket.writable) return failed(new Error('Connection is closed.'));
      this.#waiting.push({ count: commands.length, done, failed });
      this.#socket.cork();
      let text = '';
      const parts: Buffer[] = [];
      const flush = (): void => {
        if (text !== '') parts.push(Buffer.from(text, 'utf8'));
        text = '';
      };
      for (const command of commands) {
        text += `*${command.length}\r\n`;
        for (const arg of command) {
          if (typeof arg === 'object') {
            text += `$${arg.length}\r\n`;
            flush();
            parts.push(arg);
            text += '\r\n';
          } else {
            const s = String(arg);
            text += `$${Buffer.byteLength(s)}\r\n${s}\r\n`;
          }
        }
      }
      flush();
      let small: Buffer[] = [];
      const write = (): void => {
        if (small.length > 0) this.#socket.write(small.length === 1 ? small[0]! : Buffer.concat(small));
        small = [];
      };
      for (const p of parts) {
        if (p.length < COPIED_BYTES) small.push(p);
        else {
          write();
          this.#socket.write(p);
        }
      }
      write();
      this.#socket.uncork();
    });
  }
  close(): void {
    this.#redis.disconnect();
  }

  #take(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const reader = { bytes: this.#bytes, at: 0 };
    for (;;) {
      const start = reader.at;
      let reply: Reply | undefined;
      try {
        reply = readReply(reader);
      } catch (e) {
        this.#socket.destroy(e as Error);
        return;
      }
      if (reply === undefined) {
        this.#bytes = this.#bytes.subarray(start);
        return;
      }
      this.#replies.push(reply);
      const first = this.#waiting[0];
      if (first && this.#replies.length === first.count) {
        this.#waiting.shift();
        const replies = this.#replies;
        this.#replies = [];
        first.done(replies);
      }
    }
  }
  #fail(error: Error): void {
    for (const w of this.#waiting.splice(0)) w.failed(error);
  }
}
const EMPTY = Buffer.alloc(0);

/** Undefined: there is more to come. */
function readReply(from: { bytes: Buffer; at: number }): Reply | undefined {
  const { bytes } = from;
  const end = bytes.indexOf(13, from.at);
  if (end < 0 || end + 2 > bytes.length) return undefined;
  const type = bytes[from.at];
  const line = bytes.toString('latin1', from.at + 1, end);
  from.at = end + 2;
  switch (type) {
    case 0x2b: // +
      return line;
    case 0x2d: // -
      return new Error(line);
    case 0x3a: // :
      return Number(line);
    case 0x5f: // _
      return null;
    case 0x24: {
      // $
      const length = Number(line);
      if (length < 0) return null;
      const start = from.at;
      if (start + length + 2 > bytes.length) return undefined;
      from.at = start + length + 2;
      return bytes.toString('latin1', start, start + length);
    }
    case 0x2a: {
      // *
      const length = Number(line);
      if (length < 0) return null;
      const items: Reply[] = [];
      for (let i = 0; i < length; i++) {
        const item = readReply(from);
        if (item === undefined) return undefined;
        items.push(item);
      }
      return items;
    }
    default:
      throw new Error(`an answer of Redis begins with ${String.fromCharCode(type ?? 0)}`);
  }
}
