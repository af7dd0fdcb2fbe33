import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkCandles } from './acceptance/candle-checks.ts';
import { checkDamage } from './acceptance/damage.ts';
import { checkParity, hashTaps } from './acceptance/parity-checks.ts';
import { checkRecording } from './acceptance/recordings.ts';
import type { Report } from './acceptance/tapped.ts';

/**
 * The acceptance run over recorded data: every check compares what the program makes of a file with a computation of its
 * own here, from the same file read the plainest way. One line per check; exit code 1 when one fails.
 */
const { values } = parseArgs({
  options: {
    data: { type: 'string', default: process.env['CHIMERA_DATA'] ?? '../shared/data' },
    /** Only checks of files whose name contains this. */
    only: { type: 'string', default: '' },
    hash: { type: 'string' },
  },
});

let failed = 0;
let passed = 0;
const report: Report = (name, ok, found) => {
  if (ok) passed++;
  else failed++;
  process.stdout.write(`${ok ? 'ok    ' : 'FAILED'} ${name}: ${found}\n`);
};

/** Runs one group; a throw is a failed check, not the end. */
async function group(name: string, work: () => Promise<void>): Promise<void> {
  if (!name.includes(values.only)) return;
  const started = performance.now();
  try {
    await work();
  } catch (e) {
    report(name, false, e instanceof Error ? (e.stack ?? e.message) : String(e));
  }
  process.stderr.write(`${name}: ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
}

async function main(data: string): Promise<void> {
  const list = (folder: string, pattern: RegExp) =>
    existsSync(join(data, folder))
      ? readdirSync(join(data, folder))
          .filter((f) => pattern.test(f))
          .sort()
      : [];
  const raw = list('binance-raw', /\.gz$/);
  for (const f of raw) await group(f, () => checkRecording(f, [join(data, 'binance-raw', f)], report));
  // One recording is a websocket's file and the replies that came beside it.
  for (const f of list('cryptofeed', /\.ws\.\d+\.\d+\.gz$/)) {
    const http = list('cryptofeed', /\.http\./).filter((h) => h.split('.')[0] === f.split('.')[0]);
    await group(f, () =>
      checkRecording(
        f,
        [f, ...http].map((x) => join(data, 'cryptofeed', x)),
        report,
      ),
    );
  }
  const small = raw.find((f) => f.includes('usdm-btcusdt-20240718')) ?? raw[0];
  if (small) await group(`damaged ${small}`, () => checkDamage(small, join(data, 'binance-raw', small), report));
  for (const f of raw.filter((x) => x.startsWith('usdm-')))
    await group(`parity of ${f}`, () =>
      checkParity(f, join(data, 'binance-raw', f), import.meta.url, report, f.includes('20240808')),
    );
  for (const f of list('klines-1m', /-1m-.*\.csv\.gz$/))
    await group(f, () => checkCandles(f, join(data, 'klines-1m', f), report));
  if (passed + failed === 0) report('acceptance', false, `there are no recordings in ${data}`);
  process.stdout.write(`acceptance: ${passed} ok, ${failed} failed\n`);
  process.exitCode = failed > 0 ? 1 : 0;
}

if (values.hash !== undefined) process.stdout.write(JSON.stringify(await hashTaps(values.hash, 'generated')));
else await main(values.data);
