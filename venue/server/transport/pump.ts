import type { VenueClock } from '../contract.ts';

/** Wall time that one turn may take before it lets sockets have theirs, ms. */
const TURN_MS = 2;
/** Rounds at one market time after which a player is taken to be stuck. */
const STUCK = 100_000;

/** The feed, an account engine, faults with a time of their own: whoever does something at a market time. */
export interface Player {
  /** µs; Infinity = nothing waits. */
  nextUs(): number;
  advance(marketUs: number): void;
}

/**
 * Plays the market: whatever is due goes out in order of market time, orders in flight before the events of the same
 * time. Turns are short, so that sockets are served between them; sleep is cut to the next due time.
 */
export class Pump {
  readonly #clock: VenueClock;
  readonly #rate: number;
  readonly #players: Player[];
  readonly #failed: (error: unknown) => void;
  #nowUs: number;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #wakeUs = Number.POSITIVE_INFINITY;
  #running = false;
  #alone = true;
  #playing = false;
  #rounds = 0;
  /** Market time of the event that is being played. */
  #dueUs = Number.NaN;

  /**
   * @param players of those that are due at the same time, the first goes first
   * @param rate market seconds per second, for the length of a sleep only
   */
  constructor(clock: VenueClock, players: readonly Player[], rate: number, failed: (error: unknown) => void) {
    this.#clock = clock;
    this.#rate = rate;
    this.#players = [...players];
    this.#failed = failed;
    this.#nowUs = clock.marketUs();
  }

  /** Market time up to which everything has been played, µs. Never decreases. */
  get nowUs(): number {
    return this.#nowUs;
  }
  /** By how much the market that has been played is behind its clock, µs. */
  get lagUs(): number {
    return Math.max(0, this.#clock.marketUs() - this.#nowUs);
  }

  /** @param alone false: nothing happens by itself, only `play` moves the market */
  start(alone = true): void {
    if (this.#running) return;
    this.#running = true;
    this.#alone = alone;
    if (alone) this.#turn();
  }
  stop(): void {
    this.#running = false;
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#timer = undefined;
    this.#immediate = undefined;
  }

  /**
   * Plays what is due, for at most `budgetMs` of wall time.
   * @returns whether nothing due is left
   */
  play(budgetMs = TURN_MS): boolean {
    // A handler inside a played event may ask for the time: it has that of the event.
    if (this.#playing || !this.#running) return !this.#running;
    this.#playing = true;
    const target = this.#clock.marketUs();
    const until = performance.now() + budgetMs;
    try {
      for (let n = 1; ; n++) {
        const player = this.#next();
        const due = player === undefined ? Number.POSITIVE_INFINITY : this.#dueUs;
        if (player === undefined || due > target) {
          if (target > this.#nowUs) this.#nowUs = target;
          return true;
        }
        if (due > this.#nowUs) {
          this.#nowUs = due;
          this.#rounds = 0;
        } else if (++this.#rounds > STUCK) {
          this.#drop(player, new Error(`the market does not move on from ${due} µs`));
          continue;
        }
        try {
          player.advance(this.#nowUs);
        } catch (e) {
          this.#drop(player, e);
        }
        if ((n & 7) === 0 && performance.now() > until) return false;
      }
    } finally {
      this.#playing = false;
    }
  }

  /** After a call that may have put something new on its way: wakes in time for it. */
  poke(): void {
    if (!this.#running || !this.#alone || this.#immediate !== undefined || this.#playing) return;
    this.#next();
    if (this.#dueUs < this.#wakeUs) this.#sleep();
  }

  /** The player whose turn is next; its time is left in `#dueUs`. */
  #next(): Player | undefined {
    let first: Player | undefined;
    let due = Number.POSITIVE_INFINITY;
    for (const p of this.#players) {
      const at = p.nextUs();
      if (at < due) {
        due = at;
        first = p;
      }
    }
    this.#dueUs = due;
    return first;
  }
  #drop(player: Player, error: unknown): void {
    this.#players.splice(this.#players.indexOf(player), 1);
    this.#rounds = 0;
    this.#failed(error);
  }

  #turn = (): void => {
    this.#timer = undefined;
    this.#immediate = undefined;
    if (!this.#running) return;
    if (this.play()) this.#sleep();
    else this.#immediate = setImmediate(this.#turn);
  };
  /** Sleeps until the next due time. Timers count whole milliseconds, so the last part of one is waited for awake. */
  #sleep(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#next();
    this.#wakeUs = this.#dueUs;
    const waitMs = (this.#dueUs - this.#clock.marketUs()) / (1000 * this.#rate);
    if (waitMs < AWAKE_MS) this.#immediate = setImmediate(this.#turn);
    // A market that is at its end, or that does not run yet, is looked at now and then.
    else this.#timer = setTimeout(this.#turn, Math.max(1, Math.min(50, Math.floor(waitMs))));
  }
}
const AWAKE_MS = 0.25;
