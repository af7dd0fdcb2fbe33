import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { readPipeline } from '../pipeline.ts';
import { readRecording } from '../reference/recording.ts';
import { importInto, qualityOf } from './recordings.ts';
import { type Report, runTapped } from './tapped.ts';

const isDiff = (line: string): boolean => line.includes('"e":"depthUpdate"');

/** Frames lost, doubled and swapped on purpose: each must be reported, and no wrong book may come out. */
export async function checkDamage(name: string, file: string, report: Report): Promise<void> {
  const lines = gunzipSync(readFileSync(file)).toString('utf8').trimEnd().split('\n');
  const diffs = lines.flatMap((l, i) => (isDiff(l) ? [i] : []));
  const trades = lines.flatMap((l, i) => (l.includes('"e":"trade"') ? [i] : []));
  const [diff, next] = [diffs[diffs.length >> 1]!, diffs[(diffs.length >> 1) + 1]!];
  const trade = trades[trades.length >> 1]!;
  const without = (i: number) => lines.filter((_, k) => k !== i);
  const twice = (i: number) => [...lines.slice(0, i + 1), lines[i]!, ...lines.slice(i + 1)];
  // The frames change places, the receive times stay.
  const swapped = lines.slice();
  const frame = (l: string) => l.slice(l.indexOf(' '));
  const time = (l: string) => l.slice(0, l.indexOf(' '));
  swapped[diff] = time(lines[diff]!) + frame(lines[next]!);
  swapped[next] = time(lines[next]!) + frame(lines[diff]!);
  const damages: [string, string[], string][] = [
    ['a lost diff', without(diff), '1 0 0 0 0 0'],
    ['a lost trade', without(trade), '1 0 0 0 0 0'],
    ['a diff twice', twice(diff), '0 1 0 0 0 0'],
    ['a trade twice', twice(trade), '0 1 0 0 0 0'],
    ['two diffs swapped', swapped, '0 0 1 0 0 0'],
  ];
  const dir = mkdtempSync(join(tmpdir(), 'chimera-damage-'));
  const pipeline = readPipeline('pipelines/acceptance.yaml');
  try {
    for (const [what, text, expected] of damages) {
      const path = join(dir, 'damaged');
      writeFileSync(path, `${text.join('\n')}\n`);
      const found = qualityOf(await importInto([path]));
      report(`${name} with ${what}: the import says exactly so`, found === expected, `${found}, expected ${expected}`);
      const { rows, keys } = await runTapped(pipeline, [path], ['agree.check', 'book.state']);
      const checks = keys.flatMap((k) => rows('agree.check', k));
      const states = keys.flatMap((k) => rows('book.state', k));
      const wrong = checks.filter((c) => c.endsWith(',false')).length;
      // A chain that breaks needs a snapshot, and there is no second one.
      const breaks = what === 'a lost diff' || what === 'two diffs swapped';
      report(
        `${name} with ${what}: no wrong book${breaks ? ', and the break is told' : ''}`,
        wrong === 0 && states.some((s) => s.startsWith('resync')) === breaks,
        `${checks.length} checks, ${wrong} wrong; ${states.map((s) => s.split(',')[0]).join(', ')}`,
      );
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  // The damage is the only one: the recording itself is whole.
  report(`${name}: the undamaged file is read whole`, readRecording([file]).refused === 0, `${lines.length} lines`);
}
