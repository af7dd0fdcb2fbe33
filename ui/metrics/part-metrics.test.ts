import { describe, expect, it } from 'vitest';
import type { PartSnapshot } from '../../graph/cut/part-snapshot.ts';
import { partMetrics } from './part-metrics.ts';
import { type Exposition, parseExposition } from './testing/exposition.ts';
import { snapshot } from './testing/snapshots.ts';

const scrape = async (...parts: PartSnapshot[]): Promise<Exposition> =>
  parseExposition(await (await partMetrics(parts)).metrics());
const own = 'part="s2.1",service="s2"';

describe('the metrics of parts', () => {
  it('say what the snapshots say, in the units of Prometheus', async () => {
    const { samples } = await scrape(snapshot());
    const expected: Record<string, number> = {
      [`chimera_part_cycles_total{${own}}`]: 1234,
      [`chimera_part_engine_timestamp_seconds{${own}}`]: 1_723_075_200.5,
      [`chimera_part_lag_seconds{${own}}`]: 0.25,
      [`chimera_part_restarts_total{${own}}`]: 1,
      [`chimera_part_commits_total{${own}}`]: 10,
      [`chimera_part_commit_seconds_total{${own}}`]: 0.055,
      [`chimera_edge_queue_cycles{${own},stream="mkt:{usdm:BTCUSDT}"}`]: 10,
      [`chimera_edge_behind_cycles{${own},stream="mkt:{usdm:BTCUSDT}"}`]: 12,
      [`chimera_edge_read_position{${own},stream="mkt:{usdm:BTCUSDT}"}`]: 90,
      [`chimera_edge_written_position{${own},stream="feat:events:{usdm:BTCUSDT}"}`]: 40,
      [`chimera_edge_unsent_records{${own},stream="feat:events:{usdm:BTCUSDT}"}`]: 7,
    };
    for (const [name, value] of Object.entries(expected)) expect([name, samples.get(name)]).toEqual([name, value]);
  });
  it('count filtered, late, dead-lettered and dropped apart', async () => {
    const { samples, types } = await scrape(
      snapshot({ counters: { filtered: 11, late: 12, dead_lettered: 13, dropped: 14 } }),
    );
    const names = ['filtered', 'late', 'dead_lettered', 'dropped'].map((c) => `chimera_events_${c}_total`);
    expect(names.map((n) => samples.get(`${n}{${own}}`))).toEqual([11, 12, 13, 14]);
    expect(names.map((n) => types.get(n))).toEqual(['counter', 'counter', 'counter', 'counter']);
  });
  it('give the hand-over as a histogram: cumulative buckets in seconds, sum and count', async () => {
    const { samples, types } = await scrape(snapshot());
    const bucket = (le: string) => samples.get(`chimera_edge_handover_seconds_bucket{from="s1.0",le="${le}",${own}}`);
    expect(types.get('chimera_edge_handover_seconds')).toBe('histogram');
    expect([bucket('0.0001'), bucket('0.0002'), bucket('0.02'), bucket('0.05'), bucket('10')]).toEqual([1, 3, 3, 4, 4]);
    expect(bucket('+Inf')).toBe(5);
    expect(samples.get(`chimera_edge_handover_seconds_count{from="s1.0",${own}}`)).toBe(5);
    expect(samples.get(`chimera_edge_handover_seconds_sum{from="s1.0",${own}}`)).toBeCloseTo(20.03038, 9);
  });
  it('show the state of the bus as one series per code, one of them 1', async () => {
    const states = (e: Exposition) =>
      [...e.samples].filter(([n, v]) => n.startsWith('chimera_bus_state{') && v === 1).map(([n]) => n);
    expect(states(await scrape(snapshot()))).toEqual([`chimera_bus_state{code="ok",${own}}`]);
    const full = await scrape(snapshot({ state: { code: 'CHM525', since: 1_723_075_100_000 } }));
    expect(states(full)).toEqual([`chimera_bus_state{code="CHM525",${own}}`]);
    expect(full.samples.get(`chimera_bus_state{code="ok",${own}}`)).toBe(0);
    expect(full.samples.get(`chimera_bus_state_since_timestamp_seconds{${own}}`)).toBe(1_723_075_100);
    // One that is not in the list is not kept back.
    expect(states(await scrape(snapshot({ state: { code: 'CHM529', since: 0 } })))).toEqual([
      `chimera_bus_state{code="CHM529",${own}}`,
    ]);
  });
  it('keep parts apart, and know nothing of the scrape before', async () => {
    const other = snapshot({ part: 's3.2', service: 's3', cycles: 5 });
    await scrape(snapshot(), other);
    const { samples } = await scrape(snapshot({ cycles: 2 }), other);
    expect(samples.get(`chimera_part_cycles_total{${own}}`)).toBe(2);
    expect(samples.get('chimera_part_cycles_total{part="s3.2",service="s3"}')).toBe(5);
  });
  it('stay readable whatever a stream is called', async () => {
    const stream = 'a"b\\c\nd';
    const { samples } = await scrape(snapshot({ inlets: [{ stream, position: 1, arrived: 3, behind: 2 }] }));
    expect(samples.get(`chimera_edge_queue_cycles{${own},stream="a\\"b\\\\c\\nd"}`)).toBe(2);
  });
  it('have names as Prometheus wants them: a unit, and total for counters alone', async () => {
    const { types } = await scrape(snapshot());
    expect(types.size).toBeGreaterThan(15);
    for (const [name, type] of types) {
      expect(name).toMatch(/^chimera_[a-z_]+$/);
      expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
      expect(name).not.toMatch(/_(ms|us|millis|micros)(_|$)/);
    }
  });
});
