import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parity } from '../../ui/run/parity.ts';
import { runJob } from '../../ui/run/run.ts';
import { inChild } from '../child.ts';
import { readPipeline } from '../pipeline.ts';
import type { Report } from './tapped.ts';

const trend = () => readPipeline('pipelines/trend.yaml', { preset: 'recording', symbols: '[BTCUSDT]' });

export interface TapHashes {
  /** sha256 by `NODE.PORT`. */
  hashes: Record<string, string>;
  /** Execution events by kind. */
  reports: Record<string, number>;
}

/** Every port of the trend pipeline over a recording, as hashes of its tap file. */
export async function hashTaps(input: string, mode: 'generated' | 'interpreted'): Promise<TapHashes> {
  const dir = mkdtempSync(join(tmpdir(), 'chimera-taps-'));
  try {
    await runJob({ pipeline: trend(), inputs: [input], tapAll: dir, mode });
    const hashes: Record<string, string> = {};
    for (const f of readdirSync(dir).sort())
      hashes[f.replace(/\.csv$/, '')] = createHash('sha256')
        .update(readFileSync(join(dir, f)))
        .digest('hex');
    const [header, ...lines] = readFileSync(join(dir, 'venue.report.csv'), 'utf8').trim().split('\n');
    const names = header!.split(',');
    const at = ['exec', 'status', 'code'].map((n) => names.indexOf(n));
    const reports: Record<string, number> = {};
    for (const l of lines) {
      const cells = l.split(',');
      const kind = at.map((i) => cells[i]).join(' ');
      reports[kind] = (reports[kind] ?? 0) + 1;
    }
    return { hashes, reports };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const count = (r: Record<string, number>, pattern: RegExp): number =>
  Object.entries(r).reduce((n, [kind, k]) => n + (pattern.test(kind) ? k : 0), 0);

/** Live and replay, generated and interpreted, this runtime and another: the same bytes out of every port. */
export async function checkParity(
  name: string,
  input: string,
  script: string,
  report: Report,
  minimum?: boolean,
): Promise<void> {
  const r = await parity({
    pipeline: trend(),
    inputs: [input],
    kills: 0,
    seed: 1,
    pace: 1000,
    allowIdle: [],
    command: [],
  });
  report(
    `${name}: a paced run and its replay agree in every value`,
    r.identical && r.first_difference === null && r.idle.length === 0,
    r.identical
      ? `${r.nodes} nodes, ${Object.values(r.rows).reduce((a, n) => a + n, 0)} values`
      : JSON.stringify([r.first_difference, r.idle]),
  );
  const generated = await hashTaps(input, 'generated');
  const other = (what: string, found: TapHashes) => {
    const ports = Object.keys(generated.hashes);
    const differing = ports.filter((p) => found.hashes[p] !== generated.hashes[p]);
    report(
      `${name}: ${what} gives the same bytes`,
      differing.length === 0 && ports.length === Object.keys(found.hashes).length,
      differing.length ? `differs in ${differing.join(', ')}` : `${ports.length} ports`,
    );
  };
  other('the interpreted plan', await hashTaps(input, 'interpreted'));
  const newest = process.env['CHIMERA_NODE_NEWEST'];
  if (newest) other('the newest Node', inChild<TapHashes>(script, ['--hash', input], { node: newest }));
  const kinds: [string, number, number][] = [
    ['orders', count(generated.reports, /^(new|rejected \w+ -5022)/), 200],
    ['fills', count(generated.reports, /^trade /), 100],
    ['partial fills', count(generated.reports, /^trade partially_filled/), 10],
    ['cancels', count(generated.reports, /^canceled /), 50],
    ['post-only refusals', count(generated.reports, /-5022/), 10],
  ];
  report(
    `${name}: it really trades`,
    kinds.every(([, n, least]) => n >= (minimum ? least : n)) && kinds[1]![1] > 0,
    kinds.map(([what, n, least]) => `${n} ${what}${minimum ? ` (≥ ${least})` : ''}`).join(', '),
  );
}
