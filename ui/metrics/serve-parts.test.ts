import { describe, expect, it } from 'vitest';
import type { BusState } from '../../graph/bus/bus.ts';
import { PartSnapshots, serveParts } from './serve-parts.ts';
import { parseExposition } from './testing/exposition.ts';
import { snapshot } from './testing/snapshots.ts';

describe('the parts of a process', () => {
  it('are ready when each of them has made a commit', () => {
    const parts = new PartSnapshots({}, ['s2.1', 's2.3']);
    expect(parts.ready()).toEqual({ ready: false, reason: 'no commit yet of s2.1, s2.3' });
    parts.take(snapshot());
    expect(parts.ready()).toEqual({ ready: false, reason: 'no commit yet of s2.3' });
    parts.take(snapshot({ part: 's2.3' }));
    expect(parts.ready()).toEqual({ ready: true });
    expect(parts.list().map((s) => s.part)).toEqual(['s2.1', 's2.3']);
  });
  it('show trouble with the bus at once, although a part that waits for it says nothing', () => {
    const bus: { state: BusState } = { state: { since: 1, message: 'connected' } };
    const parts = new PartSnapshots(bus, ['s2.1']);
    parts.take(snapshot());
    expect(parts.list()[0]!.state).toMatchObject({ since: 1 });
    bus.state = { code: 'CHM524', since: 5, message: 'gone' };
    expect(parts.list()[0]!.state).toMatchObject({ code: 'CHM524', since: 5 });
    // Said while it lasted, and not taken back since.
    parts.take(snapshot({ state: { code: 'CHM524', since: 5 } }));
    bus.state = { since: 9, message: 'connected' };
    expect(parts.list()[0]!.state?.code).toBeUndefined();
    // What only the part itself suffers from stays.
    parts.take(snapshot({ state: { code: 'CHM521', since: 7 } }));
    expect(parts.list()[0]!.state).toEqual({ code: 'CHM521', since: 7 });
  });
  it('are served as they were last heard of', async () => {
    const served = await serveParts('0', {}, ['s2.1']);
    try {
      expect((await fetch(`${served.url}/ready`)).status).toBe(503);
      served.take(snapshot({ cycles: 5 }));
      served.take(snapshot({ cycles: 9 }));
      expect((await fetch(`${served.url}/ready`)).status).toBe(200);
      const { samples } = parseExposition(await (await fetch(`${served.url}/metrics`)).text());
      expect(samples.get('chimera_part_cycles_total{part="s2.1",service="s2"}')).toBe(9);
    } finally {
      await served.close();
    }
  });
});
