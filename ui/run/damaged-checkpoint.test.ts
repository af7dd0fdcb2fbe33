import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { loadPipeline } from '../../graph/document/load.ts';
import { createPlan } from '../../graph/plan/plan.ts';
import { openEmbeddedStore } from '../../sinks/store/index.ts';
import { registry } from '../cli/registry.ts';
import { compareTaps } from './compare-taps.ts';
import { portsOf, runJob } from './run.ts';

const read = (name: string) => readFileSync(fileURLToPath(new URL(`../../pipelines/${name}`, import.meta.url)), 'utf8');

it('a run whose newest checkpoint is damaged goes on from the one before, and its taps have no row twice', async () => {
  const text = read('profiles/synthetic.yaml').replace('duration: 1m', 'duration: 20s');
  const { pipeline } = loadPipeline(read('trend.yaml'), 'trend.yaml', registry, {
    sets: { preset: 'recording' },
    profile: { text, file: 'synthetic.yaml' },
  });
  const dir = mkdtempSync(join(tmpdir(), 'chimera-damaged-'));
  const at = (name: string) => join(dir, name);
  try {
    const job = { pipeline: pipeline!, inputs: [], commitInputs: 2000 };
    await runJob({ ...job, tapAll: at('straight') });
    const abort = new AbortController();
    const onProgress = ({ events }: { events: number }) => {
      if (events > 7000) abort.abort();
    };
    await runJob({ ...job, tapAll: at('cut'), state: at('state'), signal: abort.signal, onProgress });
    const store = openEmbeddedStore(at('state'));
    const newest = (await store.loadCheckpoint(pipeline!.name))!;
    const before = (await store.loadCheckpoint(pipeline!.name, newest.epoch))!;
    expect(before.offsets['market']).toBeLessThan(newest.offsets['market']!);
    const blob = newest.blob.slice();
    blob[blob.length >> 1]! ^= 4;
    await store.transaction(() => store.saveCheckpoint({ ...newest, blob }));
    await store.close();

    const report = await runJob({ ...job, tapAll: at('cut'), state: at('state') });
    expect(report.damaged_checkpoints.map((d) => d.epoch)).toEqual([newest.epoch]);
    expect(await compareTaps(at('straight'), at('cut'), portsOf(createPlan(pipeline!)))).toBeNull();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
