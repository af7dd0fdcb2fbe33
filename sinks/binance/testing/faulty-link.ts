import { nextFloat, nextInt, type RandomState } from '../../../graph/math/index.ts';
import type { StreamNews } from '../symbol-orders.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What can go wrong with a request that is sent. `none` is one of them. */
export const SEND_FAULTS = [
  'none',
  '5xx before acceptance',
  '5xx after acceptance',
  'time-out, never arrived',
  'time-out, answer lost',
  'time-out, arrives late',
  'disconnect before',
  'disconnect after',
  'answer garbled',
  'turned away: -1008',
  'turned away: -1021',
  'crash before the send',
  'crash after the send',
] as const;
export type SendFault = (typeof SEND_FAULTS)[number];

const TIMEOUT_MS = 1_000;
/** A request that arrives later than this after it was signed is refused. */
export const WINDOW_MS = 2_000;

/** The way between a gateway and an exchange, in virtual time: requests and frames are lost, late, doubled, cut off. */
export abstract class FaultyLink {
  readonly faults = new Map<string, number>();
  /** Takes what the stream brings; undefined: not connected. */
  stream: ((e: StreamNews) => void) | undefined;
  onDisconnect: () => void = () => {};
  /** The program dies at this moment. False: it does not. */
  onCrash: () => boolean = () => false;
  /** The next sends fail in these ways. */
  chooseFault: () => SendFault;
  /** Chance that a frame is lost within a connection; that it comes twice. */
  loss = 0;
  repeat = 0.1;
  quiet = false;
  protected readonly time: VirtualTime;
  protected readonly r: RandomState;
  #connection = 0;
  #streamMs = 0;

  constructor(time: VirtualTime, r: RandomState) {
    this.time = time;
    this.r = r;
    this.chooseFault = () => SEND_FAULTS[nextInt(r, SEND_FAULTS.length)]!;
  }

  connect(take: (e: StreamNews) => void): void {
    this.#connection++;
    this.stream = take;
  }
  disconnect(): void {
    if (!this.stream) return;
    this.stream = undefined;
    this.#connection++;
    this.onDisconnect();
  }
  protected chance(p: number): boolean {
    return nextFloat(this.r) < p;
  }
  protected count(name: string): void {
    this.faults.set(name, (this.faults.get(name) ?? 0) + 1);
  }
  /** Frames of a connection arrive in order; those under way when it breaks do not arrive. */
  protected publish(e: StreamNews): void {
    if (!this.stream) return;
    if (this.chance(this.loss)) {
      this.count('frame lost');
      return;
    }
    const twice = this.chance(this.repeat);
    if (twice) this.count('frame twice');
    const late = this.chance(0.05);
    if (late) this.count('frame late');
    const connection = this.#connection;
    this.#streamMs = Math.max(this.#streamMs, this.time.ms + (late ? 1500 : 1 + nextInt(this.r, 20)));
    for (let i = twice ? 2 : 1; i > 0; i--)
      this.time.after(this.#streamMs - this.time.ms, () => {
        if (connection === this.#connection) this.stream?.(e);
      });
  }

  protected later(ms: number, run: () => void): void {
    this.time.after(ms, run);
  }
  protected send<A>(
    go: () => A,
    done: (a: A) => void,
    unknown: (reason: string) => A,
    special: { '-1008': A; '-1021': A; garbled: A },
  ): void {
    const fault = this.quiet ? 'none' : this.chooseFault();
    this.count(fault);
    const there = 1 + nextInt(this.r, 30);
    const back = 1 + nextInt(this.r, 30);
    const answer = (a: A, ms = there + back): void => this.later(ms, () => done(a));
    switch (fault) {
      case 'none':
        this.later(there, () => {
          const a = go();
          this.later(back, () => done(a));
        });
        return;
      case '5xx before acceptance':
        answer(unknown(fault));
        return;
      case '5xx after acceptance':
        this.later(there, go);
        answer(unknown(fault));
        return;
      case 'time-out, never arrived':
        answer(unknown(fault), TIMEOUT_MS);
        return;
      case 'time-out, answer lost':
        this.later(there, go);
        answer(unknown(fault), TIMEOUT_MS);
        return;
      case 'time-out, arrives late':
        this.later(there + nextInt(this.r, WINDOW_MS + 500), go);
        answer(unknown(fault), TIMEOUT_MS);
        return;
      case 'disconnect before':
        this.disconnect();
        answer(unknown(fault), 1);
        return;
      case 'disconnect after':
        this.later(there, () => {
          go();
          this.disconnect();
        });
        answer(unknown(fault));
        return;
      case 'answer garbled':
        this.later(there, go);
        answer(special.garbled);
        return;
      case 'turned away: -1008':
        answer(special['-1008']);
        return;
      case 'turned away: -1021':
        answer(special['-1021']);
        return;
      case 'crash before the send':
        if (!this.onCrash()) answer(unknown(fault));
        return;
      case 'crash after the send':
        this.later(there, go);
        if (!this.onCrash()) answer(unknown(fault));
    }
  }
  /** Reading is answered, or fails, or is a moment behind for new orders. */
  protected read<A>(go: () => A, failed: A, done: (a: A) => void): void {
    const lost = !this.quiet && this.chance(0.15);
    if (lost) this.count('query failed');
    const ms = 1 + nextInt(this.r, 30);
    this.later(ms, () => {
      const a = lost ? failed : go();
      this.later(ms, () => done(a));
    });
  }
}
