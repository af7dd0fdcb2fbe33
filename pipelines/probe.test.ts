import { it } from 'vitest';
import { loadPipeline } from '../graph/document/load.ts';
import { registry } from '../ui/cli/registry.ts';
const base = `chimera: 1
pipeline: leak
nodes:
  market: { type: source.synthetic }
  bars: { type: silver.time_bars, in: market.trade, each: instrument, with: { width: 1s } }
  fast: { type: feature.ema, in: bars.bar.close, with: { period: 3 } }
  features: { type: feature.join, in: { trigger: bars.bar, fast: fast.value } }
  labels: { type: label.dataset_row, in: { features: features.features, price: bars.bar.close }, with: { horizons: [5s] } }
`;
it('probe', () => {
for (const more of [
`  smooth: { type: feature.ema, in: labels.row.return_5s, with: { period: 3 } }`,
`  again: { type: feature.join, in: { trigger: bars.bar, next: labels.row.return_5s } }`,
`  again: { type: feature.join, in: { trigger: labels.row, fast: fast.value } }`,
`  rules: { type: decision.rules, in: { features: labels.row }, with: { rules: [{ id: peek, when: return_5s > 0, do: { action: intent, intent: enter, side: buy } }] } }`,
`  scaled: { type: feature.scale, in: labels.row.fast, with: { factor: 2 } }`,
`  out: { type: sink.parquet, in: { rows: labels.row } }`,
]) {
const r = loadPipeline(base + more + '\n', 'x.yaml', registry);
console.log(more, r.diagnostics.map((d) => `${d.line}:${d.column}-${d.end_column} ${d.code} ${d.message} | ${d.help}`));
}
});
