import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startVenue } from '../server/index.ts';

/** An interpreter that can import ccxt; without one this is skipped. */
const python = process.env['CHIMERA_PYTHON'];
const readyFile = process.env['CHIMERA_CONTRACT_READY'];
const SCRIPT = join(import.meta.dirname, 'python', 'contract.py');

interface Verdict {
  readonly passed: number;
  readonly usdm: number;
  readonly spot: number;
  readonly failed: readonly string[];
}

/** The venue lives in this process: the script runs beside it, not before it. */
function run(interpreter: string, file: string): Promise<Verdict> {
  return new Promise((resolve, reject) => {
    const child = spawn(interpreter, [SCRIPT, file], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, err] = ['', ''];
    child.stdout.on('data', (text: Buffer) => {
      out += text.toString();
    });
    child.stderr.on('data', (text: Buffer) => {
      err += text.toString();
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(out) as Verdict);
      else reject(new Error(`${interpreter} ended with ${code}: ${err.slice(-2000)}`));
    });
  });
}

describe('an unmodified ccxt for Python', () => {
  const title = 'finds both markets in the venue';
  const why = python === undefined ? ' (skipped: CHIMERA_PYTHON names no interpreter that has ccxt)' : '';
  it.skipIf(python === undefined)(`${title}${why}`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'chimera-contract-'));
    const venue = readyFile === undefined ? await startVenue({ seed: 7, rate: 20 }) : undefined;
    try {
      const file = readyFile ?? join(folder, 'ready.json');
      if (venue) writeFileSync(file, `${JSON.stringify(venue.ready)}\n`, { mode: 0o600 });
      const verdict = await run(python!, file);
      console.info(`ccxt for Python: ${verdict.usdm} statements of USD-M and ${verdict.spot} of Spot hold`);
      expect(verdict.failed).toEqual([]);
      expect(verdict.usdm).toBeGreaterThanOrEqual(60);
      expect(verdict.spot).toBeGreaterThanOrEqual(45);
    } finally {
      await venue?.close();
      rmSync(folder, { recursive: true });
    }
  });
});
