import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Order } from '../contract/records.ts';
import { LiveProgram } from '../testing/live-program.ts';

const BTC = 'usdm:BTCUSDT';

describe('orders by hand, over HTTP into a run that goes on', () => {
  const home = mkdtempSync(join(tmpdir(), 'chimera-orders-'));
  let program: LiveProgram;
  beforeAll(async () => {
    program = await LiveProgram.start('start', '--once', '--json', '--seconds', '600', '--dir', join(home, 'run'));
    await program.person('otto', 'operator');
    await program.until('/positions', 'otto', (s) => s.status === 200);
    await program.until('/system', 'otto', (s) => s.status === 200);
    await program.until('/runs/run/trading', 'otto', (s) => (s.body.prices ?? []).length > 0);
  }, 120_000);
  afterAll(async () => {
    await program?.close();
    rmSync(home, { recursive: true, force: true });
  });
  const place = (body: object, key?: string) =>
    program.ask('POST', '/orders', { as: 'otto', body: { instrument: BTC, ...body }, ...(key ? { key } : {}) });
  const orders = async (): Promise<Order[]> => (await program.ask('GET', '/orders', { as: 'otto' })).body.items;
  const stands = (id: string, status: string) =>
    program.until('/orders', 'otto', (s) => s.body.items.some((o: Order) => o.client_id === id && o.status === status));
  /** A price of the instrument, and one that rests far below it. */
  async function price(): Promise<number> {
    const { prices } = (await program.ask('GET', '/runs/run/trading', { as: 'otto' })).body;
    return Number(prices.find((p: { instrument: string }) => p.instrument === BTC).price);
  }
  /** An order that rests, whatever the strategy holds at this moment. */
  async function resting(key?: string) {
    const px = (Math.floor((await price()) * 0.9 * 10) / 10).toFixed(1);
    return place({ side: 'buy', type: 'limit', qty: '0.003', price: px }, key);
  }

  it('reach the venue and stand there; the same command again, in whatever way, is the same order [S4.5]', async () => {
    const key = randomUUID();
    const first = await resting(key);
    expect([first.status, first.text]).toEqual([200, expect.stringContaining('hand-BTCUSDT-')]);
    const { client_id, price: px } = first.body;
    await stands(client_id, 'new');
    const again = await place({ side: 'buy', type: 'limit', qty: '0.003', price: px }, key);
    expect(again.body).toEqual(first.body);
    expect((await orders()).filter((o) => o.client_id.startsWith('hand-'))).toHaveLength(1);
    // Under the same key something else is refused, and nothing leaves.
    const other = await place({ side: 'buy', type: 'limit', qty: '0.004', price: px }, key);
    expect([other.status, other.body.error.code]).toEqual([422, 'CHM1114']);
  });
  it('are cancelled at the venue; cancelling an unknown or an ended one changes nothing [S4.3]', async () => {
    const open = (await orders()).find((o) => o.client_id.startsWith('hand-') && o.status === 'new')!;
    const cancel = (client_id: string) => program.ask('POST', '/cancel', { as: 'otto', body: { client_id } });
    expect((await cancel(open.client_id)).body.status).toBe('cancelling');
    await stands(open.client_id, 'canceled');
    const ended = await cancel(open.client_id);
    expect([ended.status, ended.body.error.code]).toEqual([409, 'CHM1118']);
    const unknown = await cancel('hand-nothing-1');
    expect([unknown.status, unknown.body.error.code]).toEqual([404, 'CHM1112']);
  });
  it('are compared with the venue’s on request: the sets, their differences, what was done, and Jaccard [S5.2]', async () => {
    const rests = await resting();
    await stands(rests.body.client_id, 'new');
    // The strategy trades meanwhile: what happens between two answers of the exchange is on one side alone for that moment.
    let said = await program.ask('POST', '/reconcile', { as: 'otto', body: {} });
    for (let i = 0; i < 20 && !(said.body.state === 'agreed' && said.body.jaccard === 1); i++) {
      expect(said.status, said.text).toBe(200);
      said = await program.ask('POST', '/reconcile', { as: 'otto', body: {} });
    }
    const compared = said.body.compared as { symbol: string; here: number; there: number; jaccard: number }[];
    expect(compared.map((c) => c.symbol).sort()).toEqual(['BTCUSDT', 'ETHUSDT']);
    const btc = compared.find((c) => c.symbol === 'BTCUSDT')!;
    expect(btc.here).toBeGreaterThanOrEqual(1);
    expect([btc.there, btc.jaccard]).toEqual([btc.here, 1]);
    expect(said.body).toMatchObject({ state: 'agreed', differences: 0, jaccard: 1 });
    // It goes on by itself, and its state stands beside the orders and in the metrics.
    const since = said.body.at_ms * 1000;
    await program.until(
      '/reconcile',
      'otto',
      ({ body: b }) => b.checked_us > since && b.jaccard === 1 && b.differences === 0,
    );
    await expect
      .poll(async () => (await program.ask('GET', '/metrics')).text, { timeout: 30_000 })
      .toMatch(/chimera_reconciliation_jaccard\{run="run"\} 1/);
    const { client_id } = rests.body;
    await program.ask('POST', '/cancel', { as: 'otto', body: { client_id } });
    await stands(client_id, 'canceled');
  });
  it('are refused by the limits of the account, with the reason', async () => {
    for (const [body, why] of [
      [{ side: 'buy', type: 'limit', qty: '0.003', price: '1.05' }, 'tick'],
      [{ side: 'buy', type: 'limit', qty: '0.003', price: String(Math.ceil((await price()) * 1.2)) }, 'bp beyond'],
      [{ side: 'buy', type: 'market', qty: '0.0001' }, 'decimals'],
      [{ side: 'buy', type: 'market', qty: '900' }, 'margin budget'],
    ] as const) {
      const said = await place(body);
      expect([said.status, said.body.error?.code], said.text).toEqual([422, 'CHM1140']);
      expect(said.body.error.message).toContain(why);
    }
    const wrong = await place({ side: 'buy', type: 'market', qty: '0.003', price: '60000' });
    expect([wrong.status, wrong.body.error.code]).toEqual([400, 'CHM1110']);
    const nowhere = await place({ instrument: 'usdm:DOGEUSDT', side: 'buy', type: 'market', qty: '1' });
    expect(nowhere.body.error.code).toBe('CHM954');
  });
  it('are for who may', async () => {
    await program.person('vic', 'viewer');
    const body = { instrument: BTC, side: 'buy', type: 'market', qty: '0.003' };
    expect((await program.ask('POST', '/orders', { as: 'vic', body })).status).toBe(403);
    expect((await program.ask('POST', '/cancel', { as: 'vic', body: { client_id: 'x' } })).status).toBe(403);
  });
  it('add no risk while the kill switch is engaged, and what rests is cancelled by it', async () => {
    const rests = await resting();
    await stands(rests.body.client_id, 'new');
    await program.person('kim', 'administrator');
    const kill = async (action: string) => {
      const { confirm } = (
        await program.ask('POST', '/kill-switch/prepare', { as: 'kim', body: { action, run: 'run' } })
      ).body;
      const body = { action, reason: 'drill', confirm, run: 'run' };
      return program.ask('POST', '/kill-switch', { as: 'kim', body });
    };
    expect((await kill('engage')).status).toBe(200);
    const said = await resting();
    expect([said.status, said.body.error.code]).toEqual([422, 'CHM1140']);
    expect(said.body.error.message).toContain('kill switch is engaged');
    await stands(rests.body.client_id, 'canceled');
    await program.until('/kill-switch', 'otto', (s) => s.body.state === 'flat');
    expect((await kill('release')).status).toBe(200);
  });
  it('fill like any other, and what is held then is protected by a stop at the venue', async () => {
    await program.until('/kill-switch', 'otto', (s) => s.body.state === 'released');
    const side = 'buy';
    let sent = await place({ side, type: 'market', qty: '0.003' });
    // The strategy may have an entry under way, or all places.
    for (let i = 0; i < 20 && sent.status === 422; i++) {
      await new Promise((done) => setTimeout(done, 500));
      sent = await place({ side, type: 'market', qty: '0.003' });
    }
    expect(sent.status, sent.text).toBe(200);
    await stands(sent.body.client_id, 'filled');
    // Whoever bought it: what is held has a stop at the venue.
    const guards = (o: Order) => o.type === 'stop_market' && o.reason === 'guardian' && o.instrument === BTC;
    await program.until('/orders', 'otto', (s) =>
      s.body.items.some((o: Order) => guards(o) && o.updated_us >= sent.body.created_us),
    );
  });
  it('are inputs of the run: a replay of what was captured sends the same orders, to the last byte', async () => {
    const { stdout, stderr } = await program.end();
    const verdict = JSON.parse(stdout);
    expect(verdict.first_difference, stderr).toBeNull();
    expect(verdict.events).toBeGreaterThan(1000);
    expect(verdict.idle).not.toContain('orders');
  }, 120_000);
});
