import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nextFloat, seedRandom } from '../graph/math/index.ts';
import { home } from '../ui/cli/version.ts';
import { readGraph } from '../ui/run/graphs.ts';
import { openTimeMachine } from '../ui/run/inspect/open.ts';
import { runJob } from '../ui/run/run.ts';

/**
 * How long a question about a moment of a run takes, by how far back it lies: CPU time of the process, checkpoints on disk, nothing
 * in memory at first. Usage: node dist/bench/time-machine.js [minutes of a synthetic market, default 120]
 */
const minutes = Number(process.argv[2] ?? 120);
const dir = mkdtempSync(join(tmpdir(), 'chimera-bench-'));
const [state, capture] = [join(dir, 'state'), join(dir, 'lake')];
const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
try {
  const market = `{ type: source.synthetic, with: { symbols: [BTCUSDT, ETHUSDT], duration: ${minutes}m } }`;
  const pipeline = (await readGraph({
    file: 'trend.yaml',
    text: readFileSync(join(home(), 'pipelines', 'trend.yaml'), 'utf8'),
    profile: {
      file: 'synthetic.yaml',
      text: `chimera: 1\nprofile: synthetic\nbind:\n  market: ${market}\n  venue: { type: venue.usdm }\n`,
    },
    sets: { preset: 'recording', balance_usdt: '1000000' },
  }))!;
  const began = cpu();
  const report = await runJob({ pipeline, inputs: [], state, capture, commitInputs: 2000 });
  console.log(`run: ${report.events_in} inputs, ${report.cycles} cycles, ${(cpu() - began).toFixed(1)} s of CPU`);
  const random = seedRandom(1);
  for (const share of [0.001, 0.01, 0.1, 0.5, 1]) {
    const seconds: number[] = [];
    for (let i = 0; i < 9; i++) {
      const machine = await openTimeMachine({ pipeline, state, capture });
      const cycle = Math.max(1, Math.floor(report.cycles * (1 - share * nextFloat(random)) - 100));
      const from = cpu();
      await machine.view({ cycle }, { node: 'features' });
      seconds.push(cpu() - from);
      if (i === 0 && share === 0.001) {
        const at = cpu();
        for (let s = 0; s < 50; s++) await machine.step(s % 2 ? 1 : -1);
        console.log(`a step: ${(((cpu() - at) / 50) * 1000).toFixed(1)} ms`);
        const { rungs } = await machine.reach();
        const bytes = rungs.reduce((n, r) => n + r.bytes, 0);
        console.log(`${rungs.length} checkpoints, ${(bytes / 2 ** 20).toFixed(1)} MB`);
      }
      await machine.close();
    }
    seconds.sort((a, b) => a - b);
    console.log(`last ${share * 100} %: median ${seconds[4]!.toFixed(2)} s, worst ${seconds[8]!.toFixed(2)} s`);
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
