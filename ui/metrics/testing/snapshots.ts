import { HandoverTimes, type PartSnapshot } from '../../../graph/cut/part-snapshot.ts';

/** A part that is well; what a test is about is given. */
export function snapshot(more: Partial<PartSnapshot> = {}): PartSnapshot {
  const handover = new HandoverTimes();
  for (const us of [80, 150, 150, 30_000, 20_000_000]) handover.observe(us);
  return {
    part: 's2.1',
    service: 's2',
    cycles: 1234,
    nowUs: 1_723_075_200_500_000,
    lagUs: 250_000,
    counters: { filtered: 1, late: 2, dead_lettered: 3, dropped: 0 },
    restarts: 1,
    commits: 10,
    commitMs: 55,
    state: { since: 1_723_075_100_000 },
    inlets: [{ stream: 'mkt:{usdm:BTCUSDT}', position: 90, arrived: 100, behind: 12 }],
    outlets: [{ stream: 'feat:events:{usdm:BTCUSDT}', position: 40, waiting: 7 }],
    handover: [handover.snapshot('s1.0')],
    ...more,
  };
}
