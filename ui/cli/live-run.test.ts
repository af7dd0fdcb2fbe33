import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { main } from './main.ts';

const dir = mkdtempSync(join(tmpdir(), 'chimera-live-run-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function run(...options: string[]): Promise<{ code: number; out: string; err: string }> {
  const [written, complained]: [string[], string[]] = [[], []];
  const io = {
    stdout: { write: (s: string) => void written.push(s) },
    stderr: { write: (s: string) => void complained.push(s) },
    env: {},
    signal: new AbortController().signal,
  };
  const code = await main(['run', 'pipelines/trend.yaml', '--profile', ...options], io);
  return { code, out: written.join(''), err: complained.join('') };
}

describe('chimera run with a live profile', () => {
  it('goes on from its state, also on a venue that was started anew and whose market begins long before', async () => {
    const options = [
      'paper',
      '--set',
      'preset=recording',
      '--for',
      '6',
      '--rate',
      '4',
      '--state',
      join(dir, 's'),
      '--json',
    ];
    const lives: { first_us: number; until_us: number; events_in: number }[] = [];
    for (let life = 1; life <= 2; life++) {
      const { code, out, err } = await run(...options);
      expect([code, err]).toEqual([0, expect.not.stringContaining('error')]);
      lives.push(JSON.parse(out));
    }
    const [first, second] = lives as [(typeof lives)[0], (typeof lives)[0]];
    expect(second.first_us).toBeGreaterThan(first.until_us);
    // Time goes on: it does not wait for the new market to catch up.
    expect(second.until_us - first.until_us).toBeGreaterThan(8e6);
    expect(second.events_in).toBeGreaterThan(first.events_in + 1000);
  });
  it('refuses real money without a yes, keys that are missing, and a state that is not kept', async () => {
    const state = ['--state', join(dir, 'x')];
    expect(await run('live', ...state)).toMatchObject({ code: 2, err: expect.stringContaining('CHM923') });
    expect(await run('testnet', ...state)).toMatchObject({ code: 2, err: expect.stringContaining('CHM922') });
    expect(await run('testnet')).toMatchObject({ code: 2, err: expect.stringContaining('CHM925') });
    expect(await run('paper', '--connect', join(dir, 'none'))).toMatchObject({
      code: 2,
      err: expect.stringContaining('CHM910'),
    });
  });
});
