import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { main } from '../main.ts';

const dir = mkdtempSync(join(tmpdir(), 'chimera-venue-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Runs `chimera venue …` until its first line is there, then what is given, then ends it as SIGTERM does. */
async function run(argv: string[], during: (line: Record<string, never>) => Promise<void> = async () => {}) {
  const signal = new AbortController();
  const said = { out: '', err: '' };
  let ready: (line: string) => void = () => {};
  const line = new Promise<string>((done) => {
    ready = done;
  });
  const io = {
    stdout: {
      write: (text: string) => {
        said.out += text;
        if (said.out.includes('\n')) ready(said.out.split('\n')[0]!);
      },
    },
    stderr: {
      write: (text: string) => {
        said.err += text;
      },
    },
    env: {},
    signal: signal.signal,
  };
  const code = main(['venue', ...argv], io);
  const first = await Promise.race([line, code]);
  if (typeof first === 'string') await during(JSON.parse(first) as Record<string, never>);
  const from = performance.now();
  signal.abort();
  return { code: await code, ms: performance.now() - from, ...said };
}

describe('chimera venue', () => {
  it('says in its first line where it is, serves, and ends at once with exit code 0', async () => {
    const argv = ['--seed', '3', '--rate', '2', '--api-key', 'mine', '--secret', 'too', '--json-log'];
    const { code, out, err, ms } = await run(argv, async (line) => {
      const { usdm, spot } = line as unknown as Record<'usdm' | 'spot', { rest: string; ws: string }>;
      expect(line).toMatchObject({ ready: true, api_key: 'mine', secret: 'too', rate: 2 });
      expect([usdm.ws.endsWith('/ws'), spot.ws.includes('/stream')]).toEqual([true, true]);
      expect(await (await fetch(`${usdm.rest}/fapi/v1/ping`)).json()).toEqual({});
      const socket = new WebSocket(`${spot.ws}/1`);
      await new Promise((done) => socket.addEventListener('open', done));
    });
    expect(code).toBe(0);
    expect(ms).toBeLessThan(2000);
    expect(out.trimEnd().split('\n')).toHaveLength(1);
    expect(JSON.parse(err.split('\n')[0]!)).toMatchObject({ msg: 'connection opened', market: 'spot' });
  });
  it('takes a scenario of faults, and says where one cannot be understood', async () => {
    const file = join(dir, 'faults.yaml');
    writeFileSync(file, 'chimera_faults: 1\nfaults:\n  - { kind: gap, every: 1s }\n');
    expect((await run(['--faults', file])).code).toBe(0);
    writeFileSync(file, 'chimera_faults: 1\nfaults:\n  - { kind: gap, every: soon }\n');
    const bad = await run(['--faults', file]);
    expect([bad.code, bad.out]).toEqual([2, '']);
    expect(bad.err).toContain(`${file}:3:25 error CHM832`);
    expect((await run(['--faults', join(dir, 'none.yaml')])).code).toBe(2);
  });
  it('refuses what it cannot do with exit code 2, and an input that is not there with 3', async () => {
    expect(await run(['--host', '0.0.0.0'])).toMatchObject({ code: 2, err: expect.stringContaining('CHM830') });
    expect((await run(['--rate', '0'])).code).toBe(2);
    expect((await run(['--rate', '5000'])).err).toContain('CHM834');
    expect((await run(['--input', join(dir, 'none.gz')])).code).toBe(3);
    expect((await run(['--host', '192.0.2.1', '--expose'])).err).toContain('CHM831');
  });
});
