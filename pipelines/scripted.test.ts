import { describe, expect, it } from 'vitest';
import { loadTests } from '../graph/document/tests.ts';
import { runTest } from '../graph/pipeline-test/run-test.ts';
import { parquetDetour } from '../ui/run/parquet-detour.ts';
import { document, readPipeline, trend } from './testing/play.ts';

/** A scripted path through pipelines/trend.yaml, run straight, resumed at every input, and through Parquet. */
async function scripted(name: string, body: string) {
  const pipeline = trend({}, undefined, (t) => t);
  const { tests, diagnostics } = loadTests(
    `chimera: 1\ntests:\n  - name: ${name}\n${body}`,
    'scripted.test.yaml',
    pipeline,
  );
  expect(diagnostics.map((d) => `${d.line}:${d.column} ${d.message}`)).toEqual([]);
  const detour = parquetDetour();
  const result = await runTest(tests[0]!, {
    load: (sets) => ({ pipeline: document(readPipeline('trend.yaml'), { ...sets }), diagnostics: [] }),
    throughParquet: detour.through,
  }).finally(() => detour.close());
  expect(result.failures.map((f) => `${f.line}: ${f.message}`)).toEqual([]);
  expect(result.ways.map((w) => w.way)).toContain('parquet');
}

const LONG = `    instruments: { usdm:BTCUSDT: { px_digits: 1, qty_digits: 3 } }
    sets: { stagnant_after: 1m, stagnant_roe: 0.05 }
    defaults:
      market.trade: { id: 1, px: 60000, side: buy, qty: 1, time_ms: 0s, event_ms: 0s, on_market: true, agg: false, first_id: 1, last_id: 1 }
      venue.report:
        { client_id: c1, order_id: 1, exec: trade, status: filled, code: 0, reason: "", side: buy, type: limit, tif: gtx, px: 60000, qty: 0.006,
          reduce_only: false, last_px: 60000, last_qty: 0.006, cum_qty: 0.006, cum_quote: 360, fee: 0.072, realized_pnl: 0, maker: true, trade_id: 1, time_ms: 0s }
    given:
      - { at: 1s, node: venue, port: report }
`;

describe('a position of pipelines/trend.yaml that gets nowhere', () => {
  it('is left once when the price stays flat for the stated time, and not when it moves [S6.12]', async () => {
    // ROE of 5 % at 20× is a move of 0.25 %: 60,150. Flat: never beyond 60,060. Leaving is asked for at 1 s + 1 min, once.
    const flat = [10, 20, 30, 40, 50, 59, 70, 80, 90]
      .map(
        (s, i) =>
          `      - { at: ${s}s, node: market, port: trade, values: { id: ${i + 2}, px: ${60000 + (i % 3) * 30}, time_ms: ${s}s } }\n`,
      )
      .join('');
    await scripted(
      'flat',
      `${LONG}${flat}    advance: 4m
    expect:
      stops.intent: [{ at: 61s, values: { action: exit, side: sell, rule: stagnation, reason: stagnation } }]
`,
    );
    const moving = flat.replace(
      'at: 30s, node: market, port: trade, values: { id: 4, px: 60060',
      'at: 30s, node: market, port: trade, values: { id: 4, px: 60160',
    );
    expect(moving).not.toBe(flat);
    await scripted('moving', `${LONG}${moving}    advance: 4m\n    expect: { stops.intent: none }\n`);
  });
});
