import { describe, expect, it } from 'vitest';
import { EngineClock } from './engine-clock.ts';

describe('the clock of a live run', () => {
  it('moves at its rate, and never back', () => {
    let wall = 5_000;
    const clock = new EngineClock(() => wall, 1_000_000, 4);
    wall += 250;
    expect(clock.now()).toBe(1_001_000);
    wall -= 100;
    expect(clock.now()).toBe(1_001_000);
    expect(clock.wallUntil(1_003_000)).toBe(500);
  });
  it('stamps what arrives later than what has been run', () => {
    const clock = new EngineClock(() => 0, 1_000_000);
    expect(clock.pass()).toBe(1_000_000);
    expect([clock.stamp(), clock.stamp()]).toEqual([1_000_001, 1_000_001]);
    expect(clock.pass()).toBe(1_000_001);
    expect(clock.stamp()).toBe(1_000_002);
  });
  it('goes on behind a checkpoint at once, also when it had begun long before it', () => {
    let wall = 0;
    const clock = new EngineClock(() => wall, 1_000_000, 2);
    clock.notBefore(9_000_000);
    expect(clock.stamp()).toBe(9_000_001);
    wall = 1_000;
    expect(clock.now()).toBe(9_002_000);
    clock.notBefore(5_000_000);
    expect(clock.now()).toBe(9_002_000);
  });
});
