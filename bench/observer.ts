import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MessageChannel, Worker } from 'node:worker_threads';
import { loadPipeline } from '../graph/document/load.ts';
import type { Pipeline } from '../graph/document/types.ts';
import { readText } from '../ui/cli/load-document.ts';
import { registry } from '../ui/cli/registry.ts';
import { home } from '../ui/cli/version.ts';
import { observeJob } from '../ui/observe/observe-job.ts';
import { runJob } from '../ui/run/run.ts';
import { medianInterval } from './stats.ts';

/**
 * What an open page costs the engine: the trend pipeline over a market of agents, without and with a page that watches the figures and
 * has 20 taps on the busiest ports. A B A B; CPU time of the engine's thread alone, as the kernel counts it. The engine runs as fast as
 * it can, which is the hardest case: rows come some thousand times faster than live.
 *
 * `node dist/bench/observer.js [pairs] [--closed]`: one JSON object; exit code 1 when the whole interval lies above the limit.
 */
const LIMIT = 1.05;
const pairs = Number(process.argv[2] ?? 15);
const FILE = join(home(), 'pipelines', 'trend.yaml');
const PROFILE = join(home(), 'pipelines', 'profiles', 'synthetic.yaml');
/** Of the market: some seconds of work. */
const MINUTES = 8;
const SETS = { preset: 'recording' };

function pipeline(): Pipeline {
  const text = readText(PROFILE).replace('duration: 1m', `duration: ${MINUTES}m`);
  const profile = { file: PROFILE, text };
  const { pipeline, diagnostics } = loadPipeline(readText(FILE), FILE, registry, { sets: SETS, profile });
  if (!pipeline) throw new Error(diagnostics[0]?.message);
  return pipeline;
}

/** The reader's side of a line: acknowledges, as the API does, and asks for 20 taps. */
const READER = `
  const { parentPort } = require('node:worker_threads');
  parentPort.on('message', ({ port, open }) => {
    let rows = 0, ticks = 0;
    port.on('message', (m) => {
      if (m.kind === 'begin' && open) {
        port.postMessage({ kind: 'watch', on: true });
        for (const p of m.beginning.ports.slice(0, 20)) port.postMessage({ kind: 'tap', port: p, room: 200 });
      }
      if (m.kind === 'tick') {
        ticks++;
        for (const r of m.rows) rows += r.n;
        port.postMessage({ kind: 'ack' });
      }
      if (m.kind === 'end') { parentPort.postMessage({ rows, ticks }); port.close(); }
    });
    parentPort.postMessage('ready');
  });`;

const reader = new Worker(READER, { eval: true });
const next = <T>() => new Promise<T>((done) => reader.once('message', done));

/** CPU time of this thread, ms: the first number of its schedstat is nanoseconds on a CPU. */
const threadCpu = (): number =>
  Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;

async function once(mode: 'alone' | 'closed' | 'open'): Promise<{ cpu: number; events: number; rows: number }> {
  const job = { pipeline: pipeline(), inputs: [], seed: 1 };
  if (mode === 'alone') {
    const before = threadCpu();
    const { events_in } = await runJob(job);
    return { cpu: threadCpu() - before, events: events_in, rows: 0 };
  }
  const { port1, port2 } = new MessageChannel();
  const ready = next();
  reader.postMessage({ port: port2, open: mode === 'open' }, [port2]);
  await ready;
  const observed = observeJob(job, {
    port: port1,
    id: 'bench',
    kind: 'replay',
    profile: 'synthetic',
    yaml: '',
    bound: { file: FILE },
  });
  const before = threadCpu();
  const { events_in } = await runJob(observed.job);
  const cpu = threadCpu() - before;
  const said = next<{ rows: number }>();
  observed.end({ state: 'ended' });
  const { rows } = await said;
  port1.close();
  return { cpu, events: events_in, rows };
}

await once('alone');
await once('open');
const open: number[] = [];
const closed: number[] = [];
let last = { cpu: 0, events: 0, rows: 0 };
for (let i = 0; i < pairs; i++) {
  const a = await once('alone');
  if (process.argv[3] === '--closed') closed.push((await once('closed')).cpu / a.cpu);
  last = await once('open');
  if (a.events !== last.events) throw new Error('the runs differ');
  open.push(last.cpu / a.cpu);
  process.stderr.write(`${i + 1}/${pairs}: alone ${a.cpu.toFixed(0)} ms, open ${open.at(-1)!.toFixed(3)}\n`);
}
await reader.terminate();
const figures = {
  pairs,
  events: last.events,
  rows_told: last.rows,
  ...(closed.length > 0 ? { page_closed: medianInterval(closed) } : {}),
  page_open_20_taps: medianInterval(open),
  limit: LIMIT,
};
process.stdout.write(`${JSON.stringify(figures)}\n`);
process.exitCode = figures.page_open_20_taps.low > LIMIT ? 1 : 0;
