import { appendFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeyTable } from '../../graph/schema/index.ts';
import { IntentLog } from './intent-log.ts';
import type { Command, Intent } from './order-state.ts';
import type { Answer, Rest } from './rest.ts';
import { Transfers } from './transfer.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'chimera-intents-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));
const keys = new KeyTable();
keys.declare('usdm:BTCUSDT', 1, 3);
const command = (client_id: string): Command => ({
  action: 'place',
  client_id,
  side: 'buy',
  type: 'market',
  tif: 'gtc',
  qty: 5,
  px: Number.NaN,
  stop_px: Number.NaN,
  working: 'last',
  reduce_only: false,
  close_position: false,
  intent_id: '',
  origin: 'entry',
});
const intent = (id: string, client: string): Intent => ({ id, key: 0, command: command(client), madeMs: 1_000 });
const open = (): IntentLog => IntentLog.open(dir, () => 2_000);

describe('the intents on disk', () => {
  it('survive the process; what ended is not asked for again, and a refusal keeps its reason', () => {
    const log = open();
    for (const n of ['a', 'b', 'c']) log.intend('usdm:BTCUSDT', intent(`${n}/0`, n));
    log.refuse('b/0', -2019, 'Margin is insufficient.');
    log.ended(['a/0']);
    log.mark('BTCUSDT', 77);
    log.sync();
    // No close: the process is gone.
    const again = open();
    expect(again.has('a/0', command('a'))).toBe(true);
    expect(again.has('d/0', command('d'))).toBe(false);
    const left = again.unsettled(keys);
    expect(left.map((o) => [o.symbol, o.intent.id, o.refused?.code])).toEqual([
      ['BTCUSDT', 'b/0', -2019],
      ['BTCUSDT', 'c/0', undefined],
    ]);
    expect(left[1]!.intent.command).toEqual(command('c'));
    expect(again.marks.get('BTCUSDT')).toBe(77);
  });
  it('are known in memory as long as a run can come back to them: since the commit before the last; on disk for good', () => {
    const log = open();
    log.intend('usdm:BTCUSDT', intent('a/0', 'a'));
    log.committed();
    expect(log.has('a/0', command('a'))).toBe(true);
    log.intend('usdm:BTCUSDT', intent('b/0', 'b'));
    log.committed();
    expect([log.has('a/0', command('a')), log.has('b/0', command('b'))]).toEqual([false, true]);
    log.sync();
    expect(open().has('a/0', command('a'))).toBe(true);
  });
  it('repair an end that a crash cut off', () => {
    const log = open();
    log.intend('usdm:BTCUSDT', intent('a/0', 'a'));
    log.sync();
    const [file] = readdirSync(join(dir, 'intents'));
    appendFileSync(join(dir, 'intents', file!), Buffer.from('CREChalf a record'));
    const again = open();
    again.intend('usdm:BTCUSDT', intent('b/0', 'b'));
    again.sync();
    expect(open().unsettled(keys)).toHaveLength(2);
  });
  it('refuse another command in a place that has one', () => {
    const log = open();
    log.intend('usdm:BTCUSDT', intent('a/0', 'a'));
    expect(() => log.has('a/0', command('b'))).toThrow(expect.objectContaining({ code: 'CHM963' }));
  });
});

describe('a transfer', () => {
  const T = { id: 't1', asset: 'USDT', amount: '20', type: 'MAIN_UMFUTURE' } as const;
  /** A wallet that answers as told: `lost` has moved the money, `dropped` has not, and neither says so. */
  function wallet(answers: ('ok' | 'lost' | 'dropped' | 'refused')[]) {
    const rows: object[] = [{ asset: 'USDT', amount: '20', type: T.type, status: 'CONFIRMED', tranId: 5 }];
    const failed = (status: number, code: number): Answer => ({
      ok: false,
      failure: { status, code, msg: 'no', retryAfterS: undefined },
      text: '',
    });
    const rest = {
      call: (method: string): Promise<Answer> => {
        if (method === 'sapiGetAssetTransfer') return Promise.resolve({ ok: true, body: { rows } });
        const how = answers.shift() ?? 'ok';
        if (how === 'refused') return Promise.resolve(failed(400, -5013));
        if (how !== 'dropped')
          rows.push({ asset: 'USDT', amount: '20.0', type: T.type, status: 'CONFIRMED', tranId: 6 + rows.length });
        return Promise.resolve(how === 'ok' ? { ok: true, body: { tranId: 6 + rows.length - 1 } } : failed(504, 0));
      },
    };
    let now = 10_000;
    const make = (): Transfers =>
      new Transfers(rest as unknown as Rest, {
        log: open(),
        now: () => now,
        sleep: (ms) => {
          now += ms;
          return Promise.resolve();
        },
        acceptMs: 5_000,
      });
    return { rows, make };
  }
  it('moves once, whatever is asked again, also by the next process', async () => {
    const { rows, make } = wallet([]);
    const first = make();
    const done = await first.transfer(T);
    expect(done).toEqual({ state: 'done', tranId: '7' });
    expect(await first.transfer(T)).toEqual(done);
    expect(await make().transfer(T)).toEqual(done);
    expect(rows).toHaveLength(2);
  });
  it('whose answer was lost is found, and not taken for an earlier one of the same amount', async () => {
    const { rows, make } = wallet(['lost']);
    expect(await make().transfer(T)).toEqual({ state: 'done', tranId: '7' });
    expect(rows).toHaveLength(2);
  });
  it('that never arrived is sent again once it can no longer arrive', async () => {
    const { rows, make } = wallet(['dropped', 'dropped']);
    expect(await make().transfer(T)).toMatchObject({ state: 'done' });
    expect(rows).toHaveLength(2);
  });
  it('that is refused stays refused', async () => {
    const { make } = wallet(['refused']);
    const t = make();
    expect(await t.transfer(T)).toMatchObject({ state: 'refused', code: -5013 });
    expect(await t.transfer(T)).toMatchObject({ state: 'refused' });
  });
  it('is given up after three sends, and can be asked for again', async () => {
    const { make } = wallet(['dropped', 'dropped', 'dropped']);
    const t = make();
    await expect(t.transfer(T)).rejects.toMatchObject({ code: 'CHM966' });
    expect(await t.transfer(T)).toMatchObject({ state: 'done' });
  });
});
