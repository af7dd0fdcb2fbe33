import { describe, expect, it } from 'vitest';
import type { Env } from '../../graph/node.ts';
import { type BlockReader, KeyTable, type ListColumn } from '../../graph/schema/index.ts';
import { Rng } from './rng.ts';
import { synthetic } from './source.ts';

interface Row {
  seq: number;
  t: number;
  port: string;
  key: number;
  v: Record<string, number | number[]>;
}
async function open(config: object, seed = 7): Promise<BlockReader> {
  const env: Env = { keys: new KeyTable(), inputs: [], dir: undefined, pipeline: 'p', node: 'n', seed };
  return synthetic.open(synthetic.config.parse(config), env);
}
async function rows(reader: BlockReader): Promise<Row[]> {
  const out: Row[] = [];
  for (let b = await reader.read(); b; b = await reader.read())
    for (let i = 0; i < b.n; i++) {
      const port = reader.ports[b.port[i]!]!;
      const r = b.row[i]!;
      const v: Row['v'] = {};
      Object.entries(port.schema.fields).forEach(([name, f], k) => {
        const c = b.ports[b.port[i]!]!.columns[k]!;
        if (f.kind === 'list') {
          const { values, offsets } = c as ListColumn;
          v[name] = Array.from(values.subarray(offsets[r]!, offsets[r + 1]!));
        } else v[name] = (c as Float64Array)[r]!;
      });
      out.push({ seq: b.seq0 + i, t: b.t[i]!, port: port.name, key: b.key[i]!, v });
    }
  return out;
}
const n = (r: Row, f: string): number => r.v[f] as number;
const l = (r: Row, f: string): number[] => r.v[f] as number[];

/** Rebuilds one symbol's book as USD-M prescribes and compares it with every book ticker of the same update id. */
function rebuild(all: Row[]): { diffs: number; agree: number; gaps: number; snapshots: number } {
  const result = { diffs: 0, agree: 0, gaps: 0, snapshots: 0 };
  const bids = new Map<number, number>();
  const asks = new Map<number, number>();
  const tickers = new Map(all.filter((r) => r.port === 'book_ticker').map((r) => [n(r, 'u'), r]));
  let u = -1; // no book
  let lastDiff = -1;
  let synced = false;
  for (const r of all) {
    if (r.port === 'depth_snapshot') {
      result.snapshots++;
      bids.clear();
      asks.clear();
      l(r, 'bid_px').forEach((p, i) => void bids.set(p, l(r, 'bid_qty')[i]!));
      l(r, 'ask_px').forEach((p, i) => void asks.set(p, l(r, 'ask_qty')[i]!));
      u = n(r, 'u');
      synced = false;
    }
    if (r.port !== 'depth') continue;
    if (lastDiff >= 0 && n(r, 'pu') !== lastDiff) {
      result.gaps++;
      if (synced) u = -1;
    }
    lastDiff = n(r, 'u');
    if (u < 0 || n(r, 'u') < u) continue;
    if (!synced) {
      expect([n(r, 'first_u') <= u, u <= n(r, 'u')]).toEqual([true, true]);
      synced = true;
    } else expect(n(r, 'pu')).toBe(u);
    u = n(r, 'u');
    for (const [book, side] of [
      [bids, 'bid'],
      [asks, 'ask'],
    ] as const)
      l(r, `${side}_px`).forEach((p, i) => {
        const q = l(r, `${side}_qty`)[i]!;
        if (q === 0) book.delete(p);
        else book.set(p, q);
      });
    result.diffs++;
    const bid = Math.max(...bids.keys());
    const ask = Math.min(...asks.keys());
    expect(bid).toBeLessThan(ask);
    const ticker = tickers.get(u);
    if (!ticker) continue;
    result.agree++;
    expect([bid, bids.get(bid), ask, asks.get(ask)]).toEqual(
      ['bid_px', 'bid_qty', 'ask_px', 'ask_qty'].map((f) => n(ticker, f)),
    );
  }
  return result;
}

describe('the synthetic market', () => {
  it('sends streams from which the book is rebuilt exactly', async () => {
    const all = await rows(await open({ duration: '40s' }));
    for (const key of [0, 1]) {
      const got = rebuild(all.filter((r) => r.key === key));
      expect([got.gaps, got.snapshots]).toEqual([0, 1]);
      expect(got.diffs).toBeGreaterThan(300);
      expect(got.agree).toBeGreaterThan(30);
    }
    all.forEach((r, i) => {
      expect(r.seq).toBe(i);
      if (i > 0) expect(r.t).toBeGreaterThanOrEqual(all[i - 1]!.t);
    });
  });
  it('trades at the best price of the moment, with ids without a gap', async () => {
    const all = (await rows(await open({ duration: '20s', symbols: ['BTCUSDT'] }))).filter((r) => r.key === 0);
    let id = -1;
    let [bid, ask] = [0, 0];
    let [trades, spread, sells] = [0, 0, 0];
    for (const r of all) {
      if (r.port === 'book_ticker') {
        [bid, ask] = [n(r, 'bid_px'), n(r, 'ask_px')];
        expect([ask > bid, n(r, 'bid_qty') > 0, n(r, 'ask_qty') > 0]).toEqual([true, true, true]);
      }
      if (r.port !== 'trade') continue;
      if (id >= 0) expect(n(r, 'id')).toBe(id + 1);
      id = n(r, 'id');
      trades++;
      sells += n(r, 'side');
      spread += ask - bid;
      // Trades of a sweep come before the ticker that shows its end, so only the direction is certain.
      if (bid > 0) expect(n(r, 'side') === 0 ? n(r, 'px') > bid : n(r, 'px') < ask).toBe(true);
    }
    expect(trades).toBeGreaterThan(300);
    expect(sells / trades).toBeGreaterThan(0.3);
    expect(sells / trades).toBeLessThan(0.7);
    expect(spread / trades).toBeLessThan(60); // ticks of 0.1 at 60000: under 1 bp
  });
  it('has bursts: trades per second vary more than they would by chance', async () => {
    const all = await rows(await open({ duration: '5m', symbols: ['BTCUSDT'] }));
    const counts = new Array<number>(300).fill(0);
    const t0 = Math.floor(all[0]!.t / 1e6);
    for (const r of all) if (r.port === 'trade') counts[Math.min(299, Math.floor(r.t / 1e6) - t0)]!++;
    const mean = counts.reduce((a, b) => a + b, 0) / counts.length;
    const variance = counts.reduce((a, b) => a + (b - mean) * (b - mean), 0) / counts.length;
    expect(variance / mean).toBeGreaterThan(4); // 1 for a Poisson process
  });
  it('announces funding with a mark price every second', async () => {
    const all = await rows(await open({ duration: '3m', symbols: ['BTCUSDT'], funding_interval: '1m' }));
    const marks = all.filter((r) => r.port === 'mark_price');
    expect(marks.length).toBe(180);
    for (const r of marks) {
      expect(n(r, 'next_funding_ms') - n(r, 'event_ms')).toBeGreaterThan(0);
      expect(n(r, 'next_funding_ms') % 60_000).toBe(0);
      expect(Math.abs(n(r, 'mark_px') / n(r, 'index_px') - 1)).toBeLessThan(0.01);
    }
  });
  it('loses frames when asked to: the chain breaks and a snapshot mends it', async () => {
    const all = await rows(await open({ duration: '2m', symbols: ['ETHUSDT'], outage_every: '20s' }));
    const got = rebuild(all);
    expect(got.gaps).toBeGreaterThan(1);
    expect(got.snapshots).toBeGreaterThan(1);
    expect(got.agree).toBeGreaterThan(30);
  });
  it('gives the same bytes for the same seed, others for another, and goes on from any input', async () => {
    const config = { duration: '4s', outage_every: '2s' };
    const all = await rows(await open(config));
    expect(await rows(await open(config))).toEqual(all);
    expect(await rows(await open(config, 8))).not.toEqual(all);
    for (const seq of [-1, 0, 777, 1024, all.length - 1]) {
      const reader = await open(config);
      await reader.read();
      await reader.seek!(seq);
      expect(await rows(reader)).toEqual(all.slice(seq + 1));
    }
  });
  it('names a symbol only once [CHM805]', async () => {
    await expect(open({ symbols: ['A', 'A'] })).rejects.toMatchObject({ code: 'CHM805' });
  });
});

describe('the random numbers', () => {
  it('have the moments they should have', () => {
    const r = new Rng(1);
    const N = 100_000;
    let [u, e, x, xx] = [0, 0, 0, 0];
    for (let i = 0; i < N; i++) {
      u += r.uniform() / N;
      e += r.exponential() / N;
      const z = r.normal();
      x += z / N;
      xx += (z * z) / N;
    }
    expect([u, e, x, xx].map((v) => Math.round(v * 50) / 50 + 0)).toEqual([0.5, 1, 0, 1]);
  });
  it('are the published xoshiro128** for its reference state', () => {
    // First outputs of xoshiro128** with state 1, 2, 3, 4 (the vector that common ports of it are tested with).
    const state = [1, 2, 3, 4];
    const rotl = (v: number, k: number): number => ((v << k) | (v >>> (32 - k))) >>> 0;
    const next = (): number => {
      const result = Math.imul(rotl(Math.imul(state[1]!, 5), 7), 9) >>> 0;
      const t = state[1]! << 9;
      state[2]! ^= state[0]!;
      state[3]! ^= state[1]!;
      state[1]! ^= state[2]!;
      state[0]! ^= state[3]!;
      state[2]! ^= t;
      state[3] = rotl(state[3]!, 11);
      return result;
    };
    const r = Rng.of(1, 2, 3, 4);
    for (let i = 0; i < 50; i++) expect(r.bits()).toBe(next());
    expect(Rng.of(1, 2, 3, 4).bits()).toBe(11520);
  });
});
