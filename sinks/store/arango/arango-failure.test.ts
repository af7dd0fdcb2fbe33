import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Document } from '../document-store.ts';
import type { ArangoStore } from './arango-store.ts';
import { ArangoDouble, type DoubleOptions } from './double/arango-double.ts';
import { CONFLICT, type FaultRule } from './double/faults.ts';
import { type ArangoOptions, openArangoStore, probeArango } from './open.ts';
import type { RetryNote } from './retry.ts';

const SECRET = 'correct horse';
const USERS: DoubleOptions['users'] = {
  chimera: { password: SECRET, rights: { _system: 'rw', '*': 'rw' } },
  guest: { password: SECRET, rights: { there: 'rw' } },
  reader: { password: SECRET, rights: { there: 'ro' } },
};
let double: ArangoDouble;
let notes: RetryNote[];
let store: ArangoStore;

const options = (more: ArangoOptions = {}): ArangoOptions => ({
  passwordFrom: () => SECRET,
  // Long enough for a busy machine where nothing is late.
  timeoutMs: 20_000,
  retry: { attempts: 8 },
  wait: async () => {},
  log: (n) => notes.push(n),
  alone: true,
  ...more,
});
const open = (more: ArangoOptions = {}, user = 'chimera', database = 'there') =>
  openArangoStore(`arango:${double.url.replace('//', `//${user}@`)}/${database}`, options(more));
const batch = (n: number, from = 0): Document[] =>
  Array.from({ length: n }, (_, i) => ({ _key: `k${from + i}`, t: from + i, reason: `word${from + i}` }));
const all = () => store.query('by_time', { collection: 'signals', from: 0, to: 1e9 });

beforeEach(async () => {
  notes = [];
  double = await ArangoDouble.start({ users: USERS });
  store = await open({ batch: { documents: 100 } });
});
afterEach(async () => {
  await store.close();
  await double.stop();
});

describe('a server that fails for a while', () => {
  const cursor = 'POST /_api/cursor';
  const faults: readonly (readonly [string, FaultRule])[] = [
    ['says that it is not ready', { fault: { kind: 'state', status: 503 }, on: cursor, times: 3 }],
    ['cuts the connection before it does anything', { fault: { kind: 'cut before' }, on: cursor, times: 2, after: 1 }],
    ['cuts the connection within the answer', { fault: { kind: 'cut within' }, on: cursor, times: 2, after: 1 }],
    ['meets another writer', { fault: CONFLICT, on: cursor, times: 3, after: 2 }],
    ['cannot begin a transaction', { fault: { kind: 'state', status: 503 }, on: 'POST /_api/transaction', times: 2 }],
    ['does not say whether it committed', { fault: { kind: 'cut within' }, on: 'PUT /_api/transaction', times: 2 }],
    ['fails to commit', { fault: { kind: 'state', status: 503 }, on: 'PUT /_api/transaction', times: 2 }],
    ['is slow', { fault: { kind: 'slow', ms: 30 }, on: cursor, times: 3 }],
  ];
  for (const [what, rule] of faults)
    it(`leaves each document there once, in order, when it ${what}`, async () => {
      double.faults.add(rule);
      await store.transaction(async () => {
        await store.upsert('signals', batch(250));
        await store.upsert('orders', [{ _key: 'o', t: 1, client_id: 'c' }]);
      });
      await store.upsert('signals', batch(50, 250));
      expect(await all()).toEqual(batch(300));
      expect(await store.count('orders')).toBe(1);
      if (rule.fault.kind !== 'slow') expect(notes.length).toBe(rule.times);
      expect([...double.database('there')!.open.keys()]).toEqual([]);
    });

  it('is asked again for what is read, and what a transaction reads fits what it wrote', async () => {
    await store.upsert('signals', batch(20));
    double.faults.add({ fault: { kind: 'cut within' }, on: cursor, times: 2 });
    expect(await all()).toHaveLength(20);
    await store.transaction(async () => {
      await store.upsert('signals', batch(10, 20));
      double.faults.add({ fault: { kind: 'cut within' }, on: cursor, after: 1, inTransaction: true });
      expect(await store.count('signals')).toBe(30);
      double.faults.add({ fault: CONFLICT, on: cursor, inTransaction: true });
      expect(await all()).toEqual(batch(30));
    });
    expect(await all()).toEqual(batch(30));
  });

  it('may restart in the middle of a transaction', async () => {
    await store.transaction(async () => {
      await store.upsert('signals', batch(150));
      expect(await store.count('signals')).toBe(150);
      await double.stop();
      await double.listen();
      await store.upsert('signals', batch(100, 150));
      expect(await store.count('signals')).toBe(250);
    });
    expect(await all()).toEqual(batch(250));
  });

  it('still holds the transaction of a process that was killed: the next one of that state folder aborts it', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'chimera-left-'));
    try {
      const killed = await open({ dir });
      let begun = (): void => {};
      const within = new Promise<void>((done) => {
        begun = done;
      });
      // It never comes to the end of its commit.
      void killed.transaction(async () => {
        await killed.upsert('signals', batch(1));
        await killed.count('signals');
        begun();
        await new Promise(() => {});
      });
      await within;
      const running = () => [...double.database('there')!.open.keys()];
      expect(running()).toHaveLength(1);
      const elsewhere = await open({ dir: join(dir, 'other') });
      expect(running()).toHaveLength(1);
      await elsewhere.close();
      const next = await open({ dir });
      expect(running()).toEqual([]);
      await next.transaction(async () => {
        await next.upsert('signals', batch(2));
        await next.count('signals');
      });
      expect(await all()).toEqual(batch(2));
      expect(notes).toEqual([]);
      await next.close();
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it('may be away for a while, and is found again', async () => {
    await double.stop();
    let waits = 0;
    const patient = { wait: async () => void (++waits === 3 && (await double.listen())) };
    const other = open(patient);
    await expect(other.then((s) => s.close())).resolves.toBeUndefined();
    expect(waits).toBeGreaterThanOrEqual(3);
  });

  it('may come back empty: opening makes what is missing, and the same run writes the same documents', async () => {
    await store.upsert('signals', batch(10));
    await double.stop();
    await double.listen('lost');
    await expect(store.upsert('signals', batch(10))).rejects.toMatchObject({ code: 'CHM862' });
    const again = await open();
    await again.upsert('signals', batch(10));
    expect(await again.query('by_time', { collection: 'signals', from: 0, to: 99 })).toEqual(batch(10));
    await again.close();
  });

  it('is given up after a while with a code, and what was not confirmed can be written later', async () => {
    double.faults.add({ fault: { kind: 'state' }, on: cursor, times: 8 });
    await expect(store.upsert('signals', batch(1))).rejects.toMatchObject({ code: 'CHM855' });
    expect(notes.map((n) => n.waitMs).every((ms, i) => ms <= Math.min(5000, 50 * 2 ** i))).toBe(true);
    double.faults.add({ fault: CONFLICT, on: cursor, times: 8 });
    await expect(store.upsert('signals', batch(1))).rejects.toMatchObject({ code: 'CHM861' });
    await store.upsert('signals', batch(1));
    expect(await store.count('signals')).toBe(1);
  });

  it('that answers half of it or nothing at all is not waited for longer than the limit', async () => {
    const hasty = await open({ timeoutMs: 300 });
    for (const kind of ['silent', 'stuck within'] as const) {
      double.faults.add({ fault: { kind }, on: cursor, times: 2 });
      await hasty.upsert('signals', batch(3));
    }
    expect(await hasty.count('signals')).toBe(3);
    expect(notes.length).toBe(4);
    await hasty.close();
  });

  it('keeps nothing of a transaction whose work failed, also when parts of it were sent', async () => {
    const failing = store.transaction(async () => {
      await store.upsert('signals', batch(10));
      expect(await store.count('signals')).toBe(10);
      throw new Error('no more');
    });
    await expect(failing).rejects.toThrow('no more');
    expect(await store.count('signals')).toBe(0);
    expect([...double.database('there')!.open.keys()]).toEqual([]);
  });
});

describe('what the store says when the server refuses', () => {
  const codeOf = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => 'no error',
      (e: { code: string }) => e.code,
    );
  it('has a code for each case, and something to do about it', async () => {
    const wrong = { passwordFrom: () => 'wrong' };
    expect(await codeOf(open(wrong))).toBe('CHM856');
    expect(await codeOf(open({}, 'nobody'))).toBe('CHM856');
    expect(await codeOf(open({}, 'guest', 'elsewhere'))).toBe('CHM857');
    const reader = await codeOf(open({}, 'reader').then((s) => s.upsert('logs', batch(1))));
    expect(reader).toBe('CHM857');
    expect(await codeOf(openArangoStore('http://127.0.0.1:1/x', options()))).toBe('CHM855');
    double.version = '3.10.9';
    expect(await codeOf(open())).toBe('CHM860');
    double.version = '3.11.0';
    expect(await probeArango(`${double.url}/there`, options({ user: 'chimera' }))).toBe('3.11.0');
    for (const address of [
      'http://a:b@host/x',
      'redis://host/1',
      'no address',
      'http://host/1bad',
      'http://host/x?y=1',
    ])
      expect(await codeOf(openArangoStore(address))).toBe('CHM854');
    double.readOnly = true;
    expect(await codeOf(store.upsert('logs', batch(1)))).toBe('CHM863');
    double.readOnly = false;
    double.database('there')!.collections.delete('logs');
    expect(await codeOf(store.upsert('logs', batch(1)))).toBe('CHM859');
    double.database('there')!.create('logs', 2);
    const { collections } = double.database('there')!;
    double
      .database('there')!
      .ensureIndex(collections.get('logs')!, { type: 'persistent', fields: ['t'], unique: true });
    await store.upsert('logs', [{ _key: 'a', t: 1 }]);
    const twice = store.upsert('logs', [{ _key: 'b', t: 1 }]);
    await expect(twice).rejects.toMatchObject({ code: 'CHM858', help: expect.stringContaining('index') });
    expect(await store.count('logs')).toBe(1);
    expect(await codeOf(store.upsert('lineage', [{ _key: 'e', _from: 'nowhere', _to: 'a/b', kind: 'x' }]))).toBe(
      'CHM547',
    );
  });
  it('knows a server that is none', async () => {
    double.faults.add({ fault: { kind: 'state', status: 200 }, on: 'GET /_api/version' });
    expect(await codeOf(open())).toBe('CHM864');
    double.faults.add({ fault: { kind: 'state', status: 404 }, on: 'GET /_api/version' });
    expect(await codeOf(open())).toBe('CHM862');
  });
  it('never repeats a secret, in no message, no field and no note', async () => {
    const seen: unknown[] = [notes];
    const keep = (work: Promise<unknown>) => work.catch((e) => seen.push(e));
    double.faults.add({ fault: { kind: 'cut within' }, times: 2 });
    double.faults.add({ fault: CONFLICT, times: 2 });
    await keep(store.upsert('signals', batch(3)));
    await keep(open({}, 'guest', 'elsewhere'));
    await keep(open({}, 'nobody'));
    await keep(openArangoStore(`http://u:${SECRET.replace(' ', '%20')}@127.0.0.1/x`));
    await double.stop();
    await keep(store.count('signals'));
    await double.listen();
    expect(seen.length).toBeGreaterThan(4);
    const text = inspect(seen, { depth: 20, showHidden: true });
    expect(text).not.toContain(SECRET);
    expect(text).not.toContain('horse');
    expect(text).not.toContain(btoa(`chimera:${SECRET}`));
    expect(text.toLowerCase()).not.toContain('authorization');
  });
});
