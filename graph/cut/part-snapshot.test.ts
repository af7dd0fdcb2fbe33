import { describe, expect, it } from 'vitest';
import { HANDOVER_BOUNDS_US, HandoverTimes } from './part-snapshot.ts';

describe('hand-over times', () => {
  it('lie in the bucket whose upper bound they do not exceed', () => {
    const times = new HandoverTimes();
    for (const us of [0, 100, 101, 1_000, 10_000_000, 10_000_001]) times.observe(us);
    const { counts, sumUs, boundsUs, from } = times.snapshot('s1.0');
    expect(from).toBe('s1.0');
    expect(counts).toHaveLength(boundsUs.length + 1);
    expect([counts[0], counts[1], counts[3], counts.at(-2), counts.at(-1)]).toEqual([2, 1, 1, 1, 1]);
    expect(sumUs).toBe(20_001_202);
  });
  it('count as none when the clocks of two machines disagree', () => {
    const times = new HandoverTimes();
    times.observe(-50);
    expect(times.snapshot('a')).toMatchObject({ sumUs: 0, counts: [1, ...HANDOVER_BOUNDS_US.map(() => 0)] });
  });
  it('have increasing bounds', () => {
    expect([...HANDOVER_BOUNDS_US].sort((a, b) => a - b)).toEqual(HANDOVER_BOUNDS_US);
  });
});
