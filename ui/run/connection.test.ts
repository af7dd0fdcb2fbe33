import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openConnection } from './connection.ts';

const dir = mkdtempSync(join(tmpdir(), 'chimera-connection-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const testnet = { connection: 'testnet', clock: 'wall', rate: 1 } as const;
const live = { connection: 'live', clock: 'wall', rate: 1 } as const;
const local = { connection: 'local', clock: 'venue', rate: 1 } as const;
const none = { command: [process.execPath], env: {} };
const keysFile = (text: string, mode: number): string => {
  const file = join(dir, `keys-${mode}-${text.length}.json`);
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
};
const good = JSON.stringify({ api_key: 'KEY', secret: 'S3CRET' });

describe('a connection', () => {
  it('to the real exchange needs an explicit yes', async () => {
    const env = { CHIMERA_BINANCE_API_KEY: 'k', CHIMERA_BINANCE_SECRET: 's' };
    await expect(openConnection(live, { ...none, env })).rejects.toMatchObject({ code: 'CHM923' });
    const c = await openConnection(live, { ...none, env, acceptLiveTrading: true });
    expect(c.access['binance']).toEqual({ kind: 'live', apiKey: 'k', secret: 's' });
  });
  it('takes its keys from the environment, or from a file that only its owner can read', async () => {
    const c = await openConnection(testnet, { ...none, keys: keysFile(good, 0o600) });
    expect(c.access['binance']).toEqual({ kind: 'testnet', apiKey: 'KEY', secret: 'S3CRET' });
    await expect(openConnection(testnet, none)).rejects.toMatchObject({ code: 'CHM922' });
    for (const mode of [0o640, 0o604, 0o666])
      await expect(openConnection(testnet, { ...none, keys: keysFile(good, mode) })).rejects.toThrow(/read by others/);
  });
  it('never shows what a keys file holds', async () => {
    for (const text of ['{"api_key": "KEY", "secret": "S3CRET",', '{"api_key": "KEY", "sekret": "S3CRET"}', 'S3CRET'])
      await openConnection(testnet, { ...none, keys: keysFile(text, 0o600) }).then(
        () => expect.unreachable(),
        (e: Error) => {
          expect(e).toMatchObject({ code: 'CHM922' });
          expect(JSON.stringify(e) + e.stack).not.toContain('S3CRET');
        },
      );
  });
  it('that nobody knows is refused by name', async () => {
    await expect(openConnection({ ...live, connection: 'moon' }, none)).rejects.toMatchObject({ code: 'CHM921' });
  });
  it('to a local venue that does not start says its last words', async () => {
    const script = join(dir, 'venue.mjs');
    writeFileSync(script, 'console.error("no port is free"); process.exit(3);');
    await expect(openConnection(local, { ...none, command: [process.execPath, script] })).rejects.toThrow(
      /no port is free/,
    );
  });
  it('ends the venue that it started', async () => {
    const script = join(dir, 'idle.mjs');
    writeFileSync(
      script,
      `import { createServer } from 'node:http';
       const server = createServer((_, answer) => answer.end('{"market_us": 1704067200000000}'));
       server.listen(0, '127.0.0.1', () => {
         const address = { rest: 'http://127.0.0.1:' + server.address().port, ws: 'ws://127.0.0.1:1/ws' };
         console.log(JSON.stringify({ ready: true, usdm: address, spot: address, api_key: 'a', secret: 'b', rate: 2 }));
       });`,
    );
    const c = await openConnection(local, { ...none, command: [process.execPath, script] });
    expect(c.access['binance']).toMatchObject({ kind: 'local', apiKey: 'a' });
    // Engine time is the market's.
    expect([c.clock.rate, Math.floor(c.clock.now() / 60e6)]).toEqual([2, 1_704_067_200_000_000 / 60e6]);
    await c.close();
    await expect(fetch(c.venue!.usdm.rest)).rejects.toThrow();
  });
  it('joins a venue by its start-up line, and says when there is none', async () => {
    const file = join(dir, 'ready.json');
    await expect(openConnection(local, { ...none, ready: file })).rejects.toMatchObject({ code: 'CHM910' });
    writeFileSync(file, '{"ready": true}');
    await expect(openConnection(local, { ...none, ready: file })).rejects.toMatchObject({ code: 'CHM924' });
    const gone = { rest: 'http://127.0.0.1:1', ws: 'ws://127.0.0.1:1/ws' };
    writeFileSync(file, JSON.stringify({ ready: true, usdm: gone, spot: gone, api_key: 'a', secret: 'b' }));
    await expect(openConnection(local, { ...none, ready: file })).rejects.toMatchObject({ code: 'CHM924' });
  });
});
