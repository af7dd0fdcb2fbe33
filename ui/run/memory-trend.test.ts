import { expect, it } from 'vitest';
import { MemorySampler } from './memory-trend.ts';

it('tells a leak from a start: the slope is that of the second half', () => {
  const leak = new MemorySampler(1000);
  const flat = new MemorySampler(1000);
  for (let s = 0; s < 600; s++) {
    leak.see(s * 1000, () => (100 + s / 60) * 1e6);
    flat.see(s * 1000, () => Math.min(100 + s, 300) * 1e6);
  }
  expect(leak.trend().slope_mb_per_min).toBeCloseTo(1, 6);
  expect(flat.trend()).toEqual({ first_mb: 100, last_mb: 300, peak_mb: 300, slope_mb_per_min: 0, samples: 600 });
});
it('samples no more often than told, and says nothing of a moment', () => {
  const s = new MemorySampler(1000);
  for (let ms = 0; ms < 5000; ms += 10) s.see(ms, () => 1e6);
  expect(s.trend()).toMatchObject({ samples: 5, slope_mb_per_min: null });
});
it('of a run of weeks keeps a bounded number of samples, and still its peak and its slope', () => {
  const s = new MemorySampler(1000);
  for (let t = 0; t < 14 * 86_400; t++) s.see(t * 1000, () => (t === 5 ? 900 : 100 + t / 60) * 1e6);
  const { samples, peak_mb, slope_mb_per_min } = s.trend();
  expect(samples).toBeLessThanOrEqual(4096);
  expect(peak_mb).toBeCloseTo(100 + (14 * 86_400) / 60, -2);
  expect(slope_mb_per_min).toBeCloseTo(1, 3);
});
