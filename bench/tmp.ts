import { loadPipeline } from '../graph/document/load.ts';
import { Registry } from '../graph/registry.ts';
import { runPipeline } from '../graph/runner/runner.ts';
import { silverNodes } from '../operators/silver/index.ts';
import { ema } from '../operators/feature/ema.ts';
import { sourceNodes } from '../sources/index.ts';
const text = `
chimera: 1
pipeline: tmp
nodes:
  market: { type: source.market }
  book: { type: silver.order_book, in: { depth: market.depth, snapshot: market.depth_snapshot }, each: instrument }
  agree: { type: silver.book_check, in: { top: book.top, ticker: market.book_ticker }, each: instrument }
  bars: { type: silver.time_bars, in: market.trade, each: instrument, with: { width: 1s } }
  fast: { type: feature.ema, in: bars.close, with: { period: 20 } }
`;
const { pipeline, diagnostics } = loadPipeline(text, 'tmp.yaml', new Registry(silverNodes, sourceNodes, [ema]));
console.log(diagnostics);
const rows: Record<string, number> = {}; let unequal = 0;
const t0 = performance.now(); let t1 = 0;
const r = await runPipeline(pipeline!, { inputs: process.argv.slice(2), taps: '*', digests: true, mode: 'generated', onProgress: () => { t1 ||= performance.now(); }, onTap: (t) => { rows[`${t.node}.${t.port}`] = (rows[`${t.node}.${t.port}`] ?? 0) + t.n; if (t.node==='agree') for (let i=0;i<t.n;i++) if (!t.value(i, 1)) unequal++; } });
console.log(r, rows, { unequal }, performance.now()-t0, performance.now()-t1);
