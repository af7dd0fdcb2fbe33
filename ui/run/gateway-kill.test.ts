import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { loadPipeline } from '../../graph/document/load.ts';
import type { Pipeline } from '../../graph/document/types.ts';
import { nextInt, seedRandom } from '../../graph/math/index.ts';
import { DirectAccount } from '../../sinks/binance/testing/direct-account.ts';
import { chimera } from '../cli/commands/parity.ts';
import { registry } from '../cli/registry.ts';
import { type Connection, openConnection } from './connection.ts';
import { ControlClient } from './control/client.ts';
import { type LiveReport, replayLive, runLive } from './live.ts';

const RATE = 4;
/** More of them give a better figure, and take longer. */
const TRIALS = Number(process.env['CHIMERA_KILL_TRIALS'] ?? 6);
let dir = '';
let connection: Connection | undefined;
afterEach(async () => {
  await connection?.close();
  connection = undefined;
  if (dir !== '') rmSync(dir, { recursive: true, force: true });
  dir = '';
});

interface Trading {
  client: ControlClient;
  direct: DirectAccount;
  /** An order has gone out since the last call. */
  traded(): boolean;
  stop(): Promise<LiveReport>;
  pipeline: Pipeline;
}
/** The paper profile with a venue that runs beside it: what trades is the graph, through the gateway, over sockets. */
async function trading(): Promise<Trading> {
  dir ||= mkdtempSync(join(tmpdir(), 'chimera-kill-'));
  const read = (name: string): string => readFileSync(join(import.meta.dirname, '../../pipelines', name), 'utf8');
  const { pipeline, diagnostics } = loadPipeline(read('trend.yaml'), 'trend.yaml', registry, {
    sets: { preset: 'recording', interval: '1s' },
    profile: { file: 'paper.yaml', text: read('profiles/paper.yaml') },
  });
  if (!pipeline) throw new Error(JSON.stringify(diagnostics));
  connection ??= await openConnection(pipeline.live!, {
    command: chimera(),
    env: {},
    rate: RATE,
    seed: 5,
    limits: 'none',
    balanceUsdt: 1_000_000,
  });
  const ended = new AbortController();
  const state = join(dir, 'state');
  let sent = 0;
  const run = runLive({
    onTap: (tap) => {
      if (tap.node === 'last_gate' && tap.port === 'order') sent += tap.n;
    },
    commitMs: 100,
    pipeline,
    connection,
    state,
    capture: join(dir, 'lake'),
    stop: ended.signal,
    final: false,
    listen: true,
    taps: { 'last_gate.order': join(dir, 'orders.jsonl') },
  });
  run.catch(() => {});
  const direct = new DirectAccount(connection.venue!);
  const client = await until(async () => ControlClient.open(state).catch(() => undefined), run);
  await until(async () => ((await client.hello().catch(() => undefined)) ? true : undefined), run);
  return {
    client,
    direct,
    pipeline,
    traded: () => {
      const any = sent > 0;
      sent = 0;
      return any;
    },
    stop: () => {
      client.close();
      ended.abort();
      return run;
    },
  };
}
async function until<T>(look: () => Promise<T | undefined>, run?: Promise<unknown>, ms = 60_000): Promise<T> {
  const end = performance.now() + ms;
  let failed: unknown;
  run?.catch((e) => {
    failed = e;
  });
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (failed !== undefined) throw failed;
    if (performance.now() > end) throw new Error('it did not come to it in time');
    await new Promise((done) => setTimeout(done, 20));
  }
}
type Json = Record<string, string | number | boolean>;
const orders = async (d: DirectAccount, symbol: string): Promise<Json[]> =>
  (await d.ask('/fapi/v1/allOrders', { symbol, limit: 1000 })) as Json[];
const adds = (o: Json): boolean => o['reduceOnly'] === false && o['closePosition'] === false;
const SYMBOLS = ['BTCUSDT', 'ETHUSDT'];
/** What asking costs is counted against the account's limit, which the gateway shares: it is done seldom. */
async function exposed(d: DirectAccount): Promise<{ positions: number; open: number; algo: number }> {
  const of = async (path: string) =>
    (await Promise.all(SYMBOLS.map((symbol) => d.ask(path, { symbol })))).flat() as Json[];
  const positions = (await d.ask('/fapi/v3/positionRisk', {})) as Json[];
  const [open, algo] = [await of('/fapi/v1/openOrders'), await of('/fapi/v1/openAlgoOrders')];
  return {
    positions: positions.filter((p) => Number(p['positionAmt']) !== 0).length,
    open: open.length,
    algo: algo.length,
  };
}

describe('the kill switch of a run that trades on the paper venue', () => {
  it(
    'lets no order that adds risk leave after it is journaled, closes all, and is flat by the exchange’s own word [S12.4] [FLOW.21]',
    async () => {
      const t = await trading();
      const lateMs: number[] = [];
      const flatMs: number[] = [];
      let busy = 0;
      const random = seedRandom(11);
      await until(async () => (t.traded() ? true : undefined));
      for (let trial = 0; trial < TRIALS; trial++) {
        // Somewhere within its trading: at a decision, with an order out, with a position.
        await new Promise((done) => setTimeout(done, 200 + nextInt(random, 1_500)));
        const key = `trial-${trial}`;
        const command = { kind: 'kill_engage' as const, who: 'test', reason: 'drill', idempotency_key: key };
        const began = performance.now();
        const { receipt } = await t.client.command(command);
        const status = await until(async () => {
          const report = await t.client.kill();
          return report.status?.['phase'] === 'flat' ? report.status : undefined;
        });
        flatMs.push(performance.now() - began);
        expect(status).toMatchObject({ engaged: true, positions: 0, orders: 0, closing: 0, resting: 0, unknown: 0 });
        // Past the gateway: the exchange is asked itself.
        expect(await exposed(t.direct), key).toEqual({ positions: 0, open: 0, algo: 0 });
        const all = (await Promise.all(SYMBOLS.map((s) => orders(t.direct, s)))).flat();
        const last = Math.max(...all.filter(adds).map((o) => Number(o['time'])));
        lateMs.push((last - receipt.t_avail_us / 1000) / RATE);
        if (all.some((o) => !adds(o) && Number(o['time']) * 1000 >= receipt.t_avail_us)) busy++;
        // The same again is the same event.
        expect((await t.client.command(command)).receipt).toEqual({ ...receipt, repeated: true });
        await t.client.command({
          kind: 'kill_release',
          who: 'test',
          reason: 'next',
          idempotency_key: `${key}-release`,
        });
      }
      const report = await t.stop();
      expect(report.ok).toBe(true);
      const p99 = (list: number[]): number => list.toSorted((a, b) => a - b)[Math.ceil(list.length * 0.99) - 1]!;
      const figures = `last order that adds risk after the journaled command: p99 ${p99(lateMs).toFixed(1)} ms; flat: p99 ${p99(flatMs).toFixed(0)} ms; ${busy} of ${TRIALS} had something to close`;
      console.info(figures);
      // It was written down before it, and was on its way.
      expect(p99(lateMs), figures).toBeLessThan(250);
      expect(busy).toBeGreaterThan(TRIALS / 3);
      // And the replay of what was captured does the same, command for command.
      const replay = await replayLive(
        { pipeline: t.pipeline, state: join(dir, 'state'), capture: join(dir, 'lake'), final: false },
        report.until_us,
        { taps: { 'last_gate.order': join(dir, 'again.jsonl') } },
      );
      expect(replay.taps['last_gate.order']).toEqual({ ...report.taps['last_gate.order'] });
      expect(replay.taps['last_gate.order']!.rows).toBeGreaterThan(TRIALS);
    },
    120_000 + 20_000 * TRIALS,
  );

  it('stays engaged over a restart, and entries are refused until a person releases it', async () => {
    const first = await trading();
    await until(async () => (first.traded() ? true : undefined));
    const command = { kind: 'kill_engage' as const, who: 'test', reason: 'drill', idempotency_key: 'over-restart' };
    const { receipt } = await first.client.command(command);
    await first.stop();
    const second = await trading();
    const state = await until(async () => (await second.client.kill()).state ?? undefined);
    expect(state).toMatchObject({ engaged: true, reason: 'drill' });
    expect((await second.client.command(command)).receipt).toEqual({ ...receipt, repeated: true });
    await until(async () => ((await second.client.kill()).status?.['phase'] === 'flat' ? true : undefined));
    expect(await exposed(second.direct)).toEqual({ positions: 0, open: 0, algo: 0 });
    second.traded();
    await second.client.command({ kind: 'kill_release', who: 'test', reason: 'looked at' });
    await until(async () => (second.traded() ? true : undefined));
    await second.stop();
  });
});
