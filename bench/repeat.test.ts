import { describe, expect, it } from 'vitest';
import { rowsReader } from '../graph/runner/rows-reader.ts';
import { MARKET_PORTS } from '../graph/schema/index.ts';
import { keepBlocks, RepeatReader } from './repeat.ts';

const PORTS = (['trade', 'depth', 'depth_snapshot'] as const).map((name) => ({ name, schema: MARKET_PORTS[name] }));
const none = Float64Array.of();
const lists = { bid_px: none, bid_qty: none, ask_px: none, ask_qty: none };
const diff = (t: number, first_u: number, u: number, pu: number) => ({
  t,
  port: 'depth',
  key: 0,
  values: { first_u, u, pu, time_ms: t / 1000, event_ms: t / 1000, ...lists },
});
const trade = (t: number, id: number) => ({
  t,
  port: 'trade',
  key: 0,
  values: {
    id,
    px: 100,
    qty: 1,
    side: 'buy',
    time_ms: t / 1000,
    event_ms: t / 1000,
    on_market: 1,
    agg: 0,
    first_id: id,
    last_id: id,
  },
});

describe('a repeated recording', () => {
  it('goes on over its seams: times, update ids and trade ids, each round behind a fresh snapshot', async () => {
    const rows = [
      diff(1_000_000, 1, 5, 0),
      trade(1_001_000, 7),
      diff(1_002_000, 6, 12, 5),
      { t: 1_003_000, port: 'depth_snapshot', key: 0, values: { u: 10, time_ms: 1003, event_ms: 1003, ...lists } },
      trade(1_004_000, 8),
      diff(1_005_000, 13, 20, 12),
      trade(1_006_000, 9),
    ];
    const reader = new RepeatReader(PORTS, await keepBlocks(rowsReader(PORTS, rows)), 3, { alignUs: 10_000 });
    const seen: string[] = [];
    const last = { t: 0, u: 5, id: 7, seq: -1 };
    for (let b = await reader.read(); b; b = await reader.read())
      for (let i = 0; i < b.n; i++) {
        const port = PORTS[b.port[i]!]!.name;
        const value = (field: string) => {
          const columns = b.ports[b.port[i]!]!.columns;
          return (columns[Object.keys(PORTS[b.port[i]!]!.schema.fields).indexOf(field)] as Float64Array)[b.row[i]!]!;
        };
        expect(b.t[i]).toBeGreaterThanOrEqual(last.t);
        expect(b.seq0 + i).toBe(last.seq + 1);
        last.t = b.t[i]!;
        last.seq = b.seq0 + i;
        seen.push(`${port}@${b.t[i]}`);
        if (port === 'depth') {
          expect(value('pu')).toBe(last.u);
          last.u = value('u');
          expect(value('event_ms') * 1000).toBe(b.t[i]);
        } else if (port === 'depth_snapshot') {
          // It continues with the next diff: pu ≤ its id ≤ u.
          expect(value('u')).toBe(last.u + 5);
        } else {
          expect(value('id')).toBe(last.id + 1);
          last.id = value('id');
        }
      }
    // The diff that the snapshot holds and what came before it are gone; the snapshot stands before the diff that continues it.
    const round = ['depth_snapshot', 'depth', 'trade', 'depth', 'trade'];
    expect(seen.map((s) => s.split('@')[0])).toEqual([...round, ...round, ...round]);
    expect(seen[5]).toBe('depth_snapshot@1012000');
    expect(reader.events).toBe(15);
  });
});
