import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Block, KeyTable, type LiveReader } from '../../graph/schema/index.ts';
import { readJournal } from '../../lake/journal/journal-reader.ts';
import { JournaledReader } from '../../lake/journal/journaled-reader.ts';
import { control } from './control.ts';
import { ControlInlet } from './inlet.ts';

const root = mkdtempSync(join(tmpdir(), 'chimera-control-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const ENGAGE = { kind: 'kill_engage', who: 'ana', reason: 'drill' };
let folders = 0;

/** A source that is opened like in a live run, with its journal behind it. */
async function open(dir = join(root, String(folders++)), waiting = 256) {
  const keys = new KeyTable();
  keys.declare('usdm:BTCUSDT', 1, 3);
  const inlet = new ControlInlet();
  let now = 1_000_000;
  const reader = await control.open(control.config.parse({ waiting }), {
    keys,
    inputs: [],
    dir,
    pipeline: 'p',
    node: 'control',
    seed: 1,
    clock: { now: () => now, stamp: () => now++ },
    access: { control: inlet },
  });
  const journal = join(dir, 'journal', 'control');
  const live = JournaledReader.open(reader, journal, keys, () => 0) as JournaledReader & LiveReader;
  let woken = 0;
  live.wake = () => {
    woken++;
  };
  return {
    dir,
    inlet,
    live,
    journaled: () => [...readJournal(journal)].length,
    woken: () => woken,
    poll: (): Block | null => live.poll(now),
    close: () => live.close(),
  };
}

describe('commands by people', () => {
  it('are answered with their place once the journal has them, and not before', async () => {
    const c = await open();
    let answered = false;
    const receipt = c.inlet.append({ ...ENGAGE, correlation_id: 'c1', idempotency_key: 'k1' }).then((r) => {
      answered = true;
      return r;
    });
    await Promise.resolve();
    expect([answered, c.woken(), c.journaled()]).toEqual([false, 1, 0]);
    const block = c.poll()!;
    expect([block.n, block.seq0, block.t[0]]).toEqual([1, 0, 1_000_000]);
    expect(c.journaled()).toBe(1);
    expect(await receipt).toEqual({
      source: 'control',
      seq: 0,
      t_avail_us: 1_000_000,
      correlation_id: 'c1',
      idempotency_key: 'k1',
      repeated: false,
    });
    await c.close();
  });

  it('with the same idempotency key are one event, also after a restart', async () => {
    const c = await open();
    const command = { ...ENGAGE, idempotency_key: 'once' };
    const [a, b] = [c.inlet.append(command), c.inlet.append(command)];
    expect(c.poll()!.n).toBe(1);
    const first = await a;
    expect(await b).toEqual({ ...first, repeated: true });
    expect(await c.inlet.append(command)).toEqual({ ...first, repeated: true });
    expect(c.poll()).toBeNull();
    await c.close();

    const again = await open(c.dir);
    expect(await again.inlet.append(command)).toEqual({ ...first, repeated: true });
    await expect(again.inlet.append({ ...command, reason: 'another' })).rejects.toMatchObject({ code: 'CHM953' });
    const next = again.inlet.append({ ...ENGAGE, idempotency_key: 'next' });
    expect((await again.live.read())!.n).toBe(1);
    expect(again.poll()!.seq0).toBe(1);
    expect(await next).toMatchObject({ seq: 1, repeated: false });
    await again.close();
    expect(again.journaled()).toBe(2);
  });

  it('that are malformed are refused with the field, and leave no trace', async () => {
    const c = await open();
    for (const [wrong, field] of [
      [{ ...ENGAGE, kind: 'sell_all' }, 'kind'],
      [{ ...ENGAGE, reason: ' ' }, 'reason'],
      [{ ...ENGAGE, reason: 'two\nlines' }, 'reason'],
      [{ ...ENGAGE, who: '' }, 'who'],
      [{ ...ENGAGE, instrument: 'usdm:BTCUSDT' }, 'instrument'],
      [{ ...ENGAGE, extra: 1 }, undefined],
      [{ kind: 'acknowledge', who: 'ana' }, 'subject'],
      ['kill', undefined],
    ] as const)
      await expect(c.inlet.append(wrong), JSON.stringify(wrong)).rejects.toMatchObject({
        code: 'CHM950',
        where: field === undefined ? {} : { field },
      });
    await expect(
      c.inlet.append({ kind: 'risk_pause', who: 'ana', reason: 'x', instrument: 'usdm:NONE' }),
    ).rejects.toMatchObject({ code: 'CHM954' });
    expect(c.poll()).toBeNull();
    await c.close();
  });

  it('are refused when too many wait, and free their key when the run ends before they are journaled', async () => {
    const c = await open(undefined, 2);
    const waiting = [1, 2].map((i) => c.inlet.append({ ...ENGAGE, idempotency_key: `k${i}` }));
    await expect(c.inlet.append({ ...ENGAGE, idempotency_key: 'k3' })).rejects.toMatchObject({ code: 'CHM952' });
    expect(c.poll()!.n).toBe(2);
    await Promise.all(waiting);
    const lost = c.inlet.append({ ...ENGAGE, idempotency_key: 'k4' });
    await Promise.all([expect(lost).rejects.toMatchObject({ code: 'CHM951' }), c.close()]);
    await expect(c.inlet.append(ENGAGE)).rejects.toMatchObject({ code: 'CHM951' });
    expect(c.journaled()).toBe(2);
  });
});

describe('source.control in a replay', () => {
  it('has nothing without a lake', async () => {
    const reader = await control.open(control.config.parse({}), {
      keys: new KeyTable(),
      inputs: [join(import.meta.dirname, 'control.ts')],
      dir: undefined,
      pipeline: 'p',
      node: 'control',
      seed: 1,
    });
    expect(await reader.read()).toBeNull();
  });
});
