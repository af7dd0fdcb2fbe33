import { readFileSync } from 'node:fs';
import { loadPipeline } from '../graph/document/load.ts';
import { registry } from '../ui/cli/registry.ts';
import { makeDataset } from '../ui/run/dataset.ts';
const [file, sets, hz, to, n, ...inputs] = process.argv.slice(2);
const { pipeline, diagnostics } = loadPipeline(readFileSync(file!, 'utf8'), file!, registry, { sets: Object.fromEntries(sets!.split(',').filter(Boolean).map((x) => x.split('='))) });
console.log(diagnostics.filter((d) => d.severity === 'error'));
const t0 = performance.now();
console.log(await makeDataset({ pipeline: pipeline!, inputs, horizons: hz!.split(','), to: to!, checkPrefix: Number(n) }), performance.now() - t0);
