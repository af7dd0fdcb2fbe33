import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { chimera } from '../commands/parity.ts';
import { main } from '../main.ts';
import { frame, type LiveState } from './frame.ts';
import { tour } from './tour.ts';

const dir = mkdtempSync(join(tmpdir(), 'chimera-start-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

// The venue is a process of its own: the program as it was built.
const program = { command: chimera(), env: {} };

describe('the tour', () => {
  it('trades on a local venue through ccxt, replays the capture, finds every output identical, and leaves a report', async () => {
    const states: LiveState[] = [];
    const r = await tour({
      ...program,
      inputs: [],
      seconds: 15,
      seed: 3,
      pace: 4,
      dir: join(dir, 'a'),
      onLive: (s) => states.push(s),
    });
    expect(r).toMatchObject({ identical: true, first_difference: null, interrupted: false, idle: [] });
    expect(r.events).toBeGreaterThan(5000);
    expect(r.orders.placed).toBeGreaterThan(0);
    expect(r.values).toBeGreaterThan(r.events);
    for (const kind of ['html', 'md', 'json']) expect(existsSync(join(dir, 'a', `report.${kind}`))).toBe(true);
    expect(JSON.parse(readFileSync(join(dir, 'a', 'report.json'), 'utf8')).fills).toHaveLength(r.fills);
    expect(states.length).toBeGreaterThan(0);
  });
  it('that is ended early replays what was captured by then', async () => {
    const r = await tour({
      ...program,
      inputs: [],
      seconds: 60,
      seed: 5,
      pace: 1,
      dir: join(dir, 'b'),
      signal: AbortSignal.timeout(5000),
    });
    expect(r).toMatchObject({ first_difference: null, interrupted: true });
    expect(r.events).toBeGreaterThan(100);
  });
  it('ends with the verdict as exit code when there is no terminal: idle nodes prove nothing', async () => {
    let out = '';
    const io = {
      stdout: {
        write: (s: string) => {
          out += s;
        },
      },
      stderr: { write: () => undefined },
      env: {},
      signal: new AbortController().signal,
    };
    expect(await main(['start', '--seconds', '2', '--dir', join(dir, 'e')], io)).toBe(1);
    expect(out).toMatch(/nothing differs, but idle nodes prove nothing/);
    expect(out).toContain(join(dir, 'e', 'report.html'));
  });
});

describe('the live screen', () => {
  it('shows prices, positions, orders, account and engine on one screen', () => {
    const state: LiveState = {
      title: 'live',
      share: 0.25,
      nowUs: 1_704_067_215_000_000,
      events: 12_345,
      eventsPerSecond: 823.4,
      lagMs: 1.26,
      instruments: [
        { name: 'usdm:BTCUSDT', px: 60_600, pxDigits: 1, qty: -0.006, unrealised: 1.5, first: 60_000 },
        { name: 'usdm:ETHUSDT', px: 3000.1, pxDigits: 2, qty: 0, unrealised: 0, first: 3000.1 },
      ],
      orders: { placed: 10, filled: 4, partial_fills: 2, canceled: 3, rejected: 1 },
      fills: 6,
      startBalance: 1_000_000_000_000,
      equity: 1_000_150_000_000,
      fees: 0.5,
      journal: { bytes: 13 << 20, segments: 2, sealed: 3, deleted: 2, failures: 0, last_failure: null },
    };
    const lines = frame(state, (_, text) => text);
    expect(lines).toEqual([
      'live  2024-01-01 00:00:15 UTC',
      `${'━'.repeat(44)} 25 %`,
      '',
      'instrument       price   change  position     unrealised',
      'usdm:BTCUSDT  60,600.0  +1.00 %  short 0.006       +1.50',
      'usdm:ETHUSDT  3,000.10   0.00 %  flat',
      '',
      'orders   10 placed, 4 filled, 2 partial fills, 3 cancelled, 1 refused',
      'account  10,001.50 USDT  +1.50 PnL  fees 0.50',
      'journal  13.0 MiB in 2 segments, 3 segments sealed, 2 deleted',
      'engine   12,345 events, 823/s, 1.3 ms behind its clock',
    ]);
  });
});
