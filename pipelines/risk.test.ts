import { describe, expect, it } from 'vitest';
import { document, type Played, play, readPipeline, synthetic } from './testing/play.ts';

/** The rules that ship, on bars of a second and short windows, with a stop of `multiplier` × ATR. */
const shipped = (multiplier: string, more: Record<string, string> = {}) =>
  document(
    readPipeline('trend.yaml'),
    {
      interval: '1s',
      fast: '2',
      slow: '4',
      strength: '3',
      volatility: '6',
      regime: '4',
      atr_multiplier_low: multiplier,
      ...more,
    },
    synthetic('', '90s'),
  );

interface Stop {
  /** Of the mid at the decision to the intent's stop, in units. */
  distance: number;
  atr: number;
  t: number;
}
/** The entries, with the stop that was ordered for them. */
function entries(run: Played): Stop[] {
  return run.on('rules.intent').flatMap(({ t, key, values: v }) => {
    if (v['action'] !== 'enter') return [];
    const f = run.on('features.features').find((r) => r.t === t && r.key === key)!.values as Record<string, number>;
    const { pxScale } = run.keys.find(key)!;
    const stop = (v['stop_px'] as number) / pxScale;
    // Where a guardian was placed for it, it lies at the intent's stop, to the price step.
    for (const o of run.on('orders.order'))
      if (o.values['intent_id'] === v['id'] && o.values['type'] === 'stop_market')
        expect(Math.abs((o.values['stop_px'] as number) - (v['stop_px'] as number))).toBeLessThanOrEqual(1);
    return [{ t, atr: f['atr']!, distance: Math.abs(f['mid']! - stop) }];
  });
}

describe('the stop of the shipped rules', () => {
  it('lies atr_multiplier_low × ATR from the price, and the order that guards the position lies there too [RISK.11] [S3.9]', async () => {
    const runs = await Promise.all(['1.5', '3', '4.5'].map((m) => play(shipped(m))));
    for (const [i, run] of runs.entries()) {
      const found = entries(run);
      expect(found.length).toBeGreaterThan(1);
      // A price step of BTCUSDT is 0.1, so a rounded price is off by half of it at most.
      for (const e of found) expect(Math.abs(e.distance - 1.5 * (i + 1) * e.atr)).toBeLessThanOrEqual(0.0501);
      expect(run.on('orders.order').some((o) => o.values['type'] === 'stop_market')).toBe(true);
    }
    // Before the first entry nothing depends on it: the same moment, and a distance in proportion.
    const [near, middle, far] = runs.map((r) => entries(r)[0]!) as [Stop, Stop, Stop];
    expect(new Set([near.t, middle.t, far.t]).size).toBe(1);
    expect(middle.distance / near.distance).toBeCloseTo(2, 1);
    expect(far.distance / near.distance).toBeCloseTo(3, 1);
  });
});
