import { describe, expect, it } from 'vitest';
import { MarketClock } from './market-clock.ts';
import { type Player, Pump } from './pump.ts';

class List implements Player {
  readonly #due: number[];
  readonly #run: (us: number) => void;
  constructor(due: number[], run: (us: number) => void) {
    this.#due = due;
    this.#run = run;
  }
  nextUs = (): number => this.#due[0] ?? Number.POSITIVE_INFINITY;
  advance(us: number): void {
    while (this.nextUs() <= us) this.#run(this.#due.shift()!);
  }
}
const clockAt = (us: number) => ({ us, wallMs: () => 0, marketUs: () => clockAt.now });
clockAt.now = 0;

describe('the pump', () => {
  const by = (players: readonly Player[], failed: (e: unknown) => void = () => {}): Pump => {
    clockAt.now = 0;
    const pump = new Pump(clockAt(0), players, 1, failed);
    pump.start(false);
    return pump;
  };

  it('plays what is due in order of time, the first player first where times are equal', () => {
    const said: string[] = [];
    const pump = by([
      new List([2, 5, 9], (us) => said.push(`order ${us}`)),
      new List([1, 2, 5, 6], (us) => said.push(`market ${us}`)),
    ]);
    clockAt.now = 6;
    expect(pump.play()).toBe(true);
    expect(said).toEqual(['market 1', 'order 2', 'market 2', 'order 5', 'market 5', 'market 6']);
    expect(pump.nowUs).toBe(6);
    clockAt.now = 8;
    pump.play();
    expect([pump.nowUs, said.length]).toEqual([8, 6]);
  });
  it('stops when its time is up, says so, and has the time of what it played last', () => {
    let n = 0;
    const pump = by([
      new List(
        Array.from({ length: 1000 }, (_, i) => i + 1),
        () => n++,
      ),
    ]);
    clockAt.now = 2000;
    expect(pump.play(-1)).toBe(false);
    expect([pump.nowUs, n, pump.lagUs]).toEqual([8, 8, 1992]);
    while (!pump.play(-1));
    expect([pump.nowUs, n, pump.lagUs]).toEqual([2000, 1000, 0]);
  });
  it('puts away a player that fails or does not move on, and plays the others', () => {
    const failures: unknown[] = [];
    const said: number[] = [];
    const stuck: Player = { nextUs: () => 3, advance: () => {} };
    const failing: Player = {
      nextUs: () => 2,
      advance: () => {
        throw new Error('torn');
      },
    };
    const pump = by([failing, stuck, new List([1, 4], (us) => said.push(us))], (e) => failures.push(e));
    clockAt.now = 10;
    while (!pump.play());
    expect(said).toEqual([1, 4]);
    expect(failures.map(String)).toEqual(['Error: torn', 'Error: the market does not move on from 3 µs']);
  });
  it('does not go back, and does not play inside of itself', () => {
    const said: number[] = [];
    const pump: Pump = by([
      new List([1, 2], (us) => {
        said.push(us);
        expect(pump.play()).toBe(false);
      }),
    ]);
    clockAt.now = 5;
    pump.play();
    clockAt.now = 3;
    pump.play();
    expect([said, pump.nowUs]).toEqual([[1, 2], 5]);
  });
  it('sleeps until something is due, and wakes for what was put in later', async () => {
    const clock = new MarketClock(1, 1_000_000);
    const said: string[] = [];
    let late = Number.POSITIVE_INFINITY;
    const first: Promise<void> = new Promise((done) => {
      const players: Player[] = [
        new List([1_060_000], () => {
          said.push('market');
          done();
        }),
        {
          nextUs: () => late,
          advance: () => {
            late = Number.POSITIVE_INFINITY;
            said.push('order');
          },
        },
      ];
      const pump = new Pump(clock, players, 1, () => {});
      expect(clock.marketUs()).toBe(1_000_000);
      clock.start();
      pump.start();
      late = 1_003_000;
      pump.poke();
    });
    await first;
    expect(said).toEqual(['order', 'market']);
  });
});
