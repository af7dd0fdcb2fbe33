import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { afterAll, describe, expect, it } from 'vitest';
import { nextFloat, nextInt, seedRandom } from '../graph/math/index.ts';
import { KeyTable } from '../graph/schema/index.ts';
import { openInputs } from '../lake/decode/inputs.ts';
import { readAll } from '../lake/decode/testing/decode-lines.ts';
import { loadFile } from '../ui/cli/load-document.ts';
import { runJob } from '../ui/run/run.ts';

const dir = mkdtempSync(join(tmpdir(), 'chimera-archive-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A day's archive pair in the layout of data.binance.vision: trades, and the klines that the exchange would make of them. */
function archive(seed: number, market: 'um' | 'spot'): { trades: string; klines: string } {
  const random = seedRandom(seed);
  // Milliseconds in USD-M archives; Spot has had microseconds since 2025.
  const unit = market === 'spot' ? 1000n : 1n;
  const start = 1_748_131_200_000n;
  let px = 1_087_654n; // one decimal
  let id = 6_000_000_000n;
  let t = start;
  const lines: string[] = [];
  const bars = new Map<bigint, { o: bigint; h: bigint; l: bigint; c: bigint; v: bigint }>();
  for (let i = 0; i < 6000; i++) {
    // Trades that share a moment, and quiet minutes.
    if (nextFloat(random) < 0.7) t += BigInt(nextInt(random, nextFloat(random) < 0.003 ? 200_000 : 1500));
    px += BigInt(nextInt(random, 41)) - 20n;
    const qty = BigInt(1 + nextInt(random, 5000)); // three decimals
    const p = `${px / 10n}.${px % 10n}`;
    const q = `${qty / 1000n}.${String(qty % 1000n).padStart(3, '0')}`;
    const maker = nextFloat(random) < 0.5;
    const time = String(t * unit);
    lines.push(
      market === 'um'
        ? `${id},${p},${q},1.0,${time},${maker}`
        : `${id},${p},${q},1.0,${time},${maker ? 'True' : 'False'},True`,
    );
    id++;
    const minute = t - (t % 60_000n);
    const b = bars.get(minute);
    if (!b) bars.set(minute, { o: px, h: px, l: px, c: px, v: qty });
    else {
      if (px > b.h) b.h = px;
      if (px < b.l) b.l = px;
      b.c = px;
      b.v += qty;
    }
  }
  const d1 = (x: bigint) => `${x / 10n}.${x % 10n}`;
  const kline = ([m, b]: [bigint, { o: bigint; h: bigint; l: bigint; c: bigint; v: bigint }]): string =>
    [
      m * unit,
      d1(b.o),
      d1(b.h),
      d1(b.l),
      d1(b.c),
      `${b.v / 1000n}.${String(b.v % 1000n).padStart(3, '0')}`,
      (m + 60_000n) * unit - 1n,
      '1.0',
      '1',
      '1.0',
      '1.0',
      '0',
    ].join(',');
  const head = market === 'um';
  const put = (name: string, header: string, rows: string[]): string => {
    const csv = `${[...(head ? [header] : []), ...rows].join('\n')}\n`;
    const file = join(dir, `${market}-${seed}-${name}.zip`);
    writeFileSync(file, zipSync({ [`${name}.csv`]: strToU8(csv) }));
    const sum = createHash('sha256').update(readFileSync(file)).digest('hex');
    writeFileSync(`${file}.CHECKSUM`, `${sum}  ${market}-${seed}-${name}.zip\n`);
    return file;
  };
  return {
    trades: put('BTCUSDT-trades-2025-05-25', 'id,price,qty,quote_qty,time,is_buyer_maker', lines),
    klines: put(
      'BTCUSDT-1m-2025-05-25',
      'open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore',
      [...bars].map(kline),
    ),
  };
}

describe('an archive', () => {
  it.each([
    ['um', 1],
    ['um', 2],
    ['spot', 3],
  ] as const)('of %s trades gives the candles of the klines beside it (%i)', async (market, seed) => {
    const { trades, klines } = archive(seed, market);
    const { pipeline } = loadFile('pipelines/acceptance.yaml', {});
    const csv = join(dir, `${market}-${seed}.csv`);
    await runJob({ pipeline: pipeline!, inputs: [trades], taps: { 'bars_1m.bar': csv } });
    const [header, ...rows] = readFileSync(csv, 'utf8').trim().split('\n');
    const names = header!.split(',');
    const bars = rows.map((r) => {
      const cells = r.split(',');
      const at = (n: string) => Number(cells[names.indexOf(n)]);
      return [at('start'), at('open'), at('high'), at('low'), at('close'), at('volume')];
    });
    const keys = new KeyTable();
    const reader = await openInputs([klines], keys);
    const candles = (await readAll(reader, keys)).map(({ values: v }) => {
      const key = keys.list[0]!;
      const px = (n: string) => (v[n] as number) / key.pxScale;
      return [v['start_ms'], px('open'), px('high'), px('low'), px('close'), (v['volume'] as number) / key.qtyScale];
    });
    await reader.close();
    expect(bars.length).toBeGreaterThan(50);
    expect(bars).toEqual(candles);
  });
});
