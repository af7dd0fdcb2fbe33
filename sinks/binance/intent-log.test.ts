import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeyTable } from '../../graph/schema/index.ts';
import { segments } from '../../lake/journal/journal-reader.ts';
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
  it('are known as long as a run can come back to them: for three commits; at a new start, all that is on disk', () => {
    const log = open();
    const known = () => ['a', 'b', 'c'].map((n) => log.has(`${n}/0`, command(n)));
    for (const n of ['a', 'b', 'c']) {
      log.intend('usdm:BTCUSDT', intent(`${n}/0`, n));
      log.committed();
    }
    expect(known()).toEqual([false, true, true]);
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

describe('the file of intents is written anew now and then', () => {
  const BTC = 'usdm:BTCUSDT';
  const folder = (): string => join(dir, 'intents');
  const bytes = (): number => segments(folder()).reduce((n, f) => n + statSync(f).size, 0);
  /** Everything that a start learns from the disk. */
  const learned = (log: IntentLog, ids: readonly string[]) => ({
    open: log.unsettled(keys).map((o) => [o.intent.id, o.intent.command.client_id, o.intent.madeMs, o.refused]),
    marks: [...log.marks],
    told: ['BTCUSDT', 'ETHUSDT'].map((symbol) => log.told(symbol).state),
    holdings: [...log.holdings],
    transfers: [...log.transfers],
    known: ids.filter((id) => log.has(id, command(id))),
  });

  it('so that it holds what is open and what can come again, however many orders there were', () => {
    const log = IntentLog.open(dir, () => 2_000, { compactBytes: 64 << 10 });
    log.intend(BTC, intent('rests', 'rests'));
    log.intend(BTC, intent('refused', 'refused'));
    log.refuse('refused', -2019, 'Margin is insufficient.');
    let most = 0;
    for (let i = 0; i < 20_000; i++) {
      const id = `o${i}`;
      log.intend(BTC, intent(id, id));
      log.intend(BTC, { ...intent(`${id}c`, id), command: { ...command(id), action: 'cancel' } });
      log.tell('BTCUSDT', i, { base: i, cost: 2 * i });
      log.ended([id]);
      if (i % 10 < 9) continue;
      log.sync();
      log.committed();
      most = Math.max(most, bytes());
    }
    log.sync();
    expect(most).toBeLessThan(160 << 10);
    const again = open();
    expect(learned(again, ['o19999', 'o19970', 'o19000'])).toMatchObject({
      open: [
        ['rests', 'rests', 1_000, undefined],
        ['refused', 'refused', 1_000, { code: -2019, reason: 'Margin is insufficient.' }],
      ],
      marks: [['BTCUSDT', 19_999]],
      holdings: [['BTCUSDT', { base: 19_999, cost: 39_998 }]],
    });
    expect(again.has('o19999', command('o19999'))).toBe(true);
  });

  it('and a process that dies at any step of it leaves a folder that says the same', () => {
    const op = fc.record({
      what: fc.constantFrom('place', 'place', 'end', 'refuse', 'mark', 'transfer', 'commit', 'commit', 'restart'),
      n: fc.nat(30),
    });
    let compactions = 0;
    fc.assert(
      fc.property(fc.array(op, { minLength: 20, maxLength: 60 }), (ops) => {
        const at = mkdtempSync(join(dir, 'run-'));
        const other = mkdtempSync(join(dir, 'plain-'));
        const start = (d: string, compactBytes: number) => IntentLog.open(d, () => 2_000, { compactBytes });
        let logs = [start(at, 1_000), start(other, 1e9)] as const;
        const ids: string[] = [];
        const recent: string[][] = [[], [], []];
        for (const { what, n } of ops) {
          const id = ids[n % Math.max(1, ids.length)] ?? 'none';
          for (const log of logs) log.sync();
          const before = crashes(at);
          for (const log of logs)
            if (what === 'place') log.intend(BTC, intent(`i${ids.length}`, `i${ids.length}`));
            else if (what === 'end') log.ended([id]);
            else if (what === 'refuse') log.refuse(id, -n, 'no');
            else if (what === 'mark') log.tell(n % 2 ? 'BTCUSDT' : 'ETHUSDT', n, { base: n, cost: n });
            else if (what === 'transfer') log.transfer(`t${n}`, { state: 'sent', sentMs: n });
            else if (what === 'commit') log.committed();
          if (what === 'place') recent[0]!.push(`i${ids.length}`);
          if (what === 'place') ids.push(`i${ids.length}`);
          if (what === 'commit') {
            recent.unshift([]);
            recent.length = 3;
          }
          if (what === 'restart') logs = [start(at, 1_000), start(other, 1e9)];
          if (what !== 'commit' || !before.changed()) continue;
          compactions++;
          const expected = learned(start(other, 1e9), recent.flat());
          expect(learned(start(at, 1e9), recent.flat())).toEqual(expected);
          for (const died of before.steps()) expect(learned(start(died, 1e9), recent.flat())).toEqual(expected);
        }
      }),
      { numRuns: 40 },
    );
    expect(compactions).toBeGreaterThan(40);
  });

  /** What a death within the writing leaves: the old files with part of the new one beside them, both, or some of the old. */
  function crashes(at: string) {
    const from = join(at, 'intents');
    const old = new Map(segments(from).map((f) => [basename(f), readFileSync(f)]));
    const news = () => segments(from).filter((f) => !old.has(basename(f)));
    return {
      changed: () => news().length > 0,
      *steps(): Generator<string> {
        const [file] = news() as [string];
        const made = readFileSync(file);
        const names = [...old.keys()];
        for (let left = 0; left <= names.length; left++)
          for (const [place, part] of [['next', 1 / 2] as const, ['next', 1] as const, ['', 1] as const]) {
            // The old files go only when the new one is in its place.
            if (place === 'next' && left > 0) continue;
            const died = mkdtempSync(join(dir, 'died-'));
            mkdirSync(join(died, 'intents', place), { recursive: true });
            for (const name of names.slice(left)) writeFileSync(join(died, 'intents', name), old.get(name)!);
            const half = made.subarray(0, Math.floor(made.length * part));
            writeFileSync(join(died, 'intents', place, basename(file)), half);
            yield died;
          }
      },
    };
  }
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
