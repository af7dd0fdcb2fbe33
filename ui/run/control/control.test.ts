import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ChimeraError } from '../../../graph/schema/index.ts';
import { readNote } from './address.ts';
import { ControlClient } from './client.ts';
import { MAX_LINE } from './protocol.ts';
import { ControlServer, handler } from './server.ts';

const root = mkdtempSync(join(tmpdir(), 'chimera-channel-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const o of open) await o.close();
  open = [];
});
let folders = 0;

async function serve(state = join(root, String(folders++))) {
  const server = new ControlServer(state, 'trend');
  server
    .add(
      'echo',
      handler('gives back', z.strictObject({ text: z.string() }), (r) => r),
    )
    .add(
      'late',
      handler('takes its time', z.strictObject({ ms: z.number() }), ({ ms }) => new Promise((d) => setTimeout(d, ms))),
    )
    .add(
      'refuse',
      handler('never', z.strictObject({}), () => {
        throw new ChimeraError('CHM950', 'no', { help: 'ask otherwise', field: 'x' });
      }),
    )
    .add(
      'break',
      handler('breaks', z.strictObject({}), () => {
        throw new Error('/secret/path');
      }),
    );
  await server.listen();
  open.push(server);
  const client = await ControlClient.open(state);
  open.push(client);
  return { state, server, client };
}
/** What the server says to raw text, line by line, until it closes or `n` lines have come. */
async function raw(state: string, text: string, n = 1): Promise<Record<string, unknown>[]> {
  const socket = connect(readNote(state)!.socket);
  let said = '';
  await new Promise<void>((done) => {
    socket.on('data', (d) => {
      said += d.toString();
      if (said.split('\n').length > n) done();
    });
    socket.on('close', () => done());
    socket.write(text);
  });
  socket.destroy();
  return said
    .split('\n')
    .filter((l) => l !== '')
    .map((l) => JSON.parse(l));
}

describe('the control socket', () => {
  it('is reached by its owner only', async () => {
    const { state } = await serve();
    expect(statSync(readNote(state)!.socket).mode & 0o777).toBe(0o600);
    expect(statSync(join(state, 'control.json')).mode & 0o777).toBe(0o600);
  });

  it('answers requests as they are ready, each under its id', async () => {
    const { client } = await serve();
    const late = client.ask('late', { ms: 30 });
    expect(await client.ask('echo', { text: 'ä\u2028"' })).toEqual({ text: 'ä\u2028"' });
    expect(await late).toBeNull();
  });

  it('hands errors on with code, help and field, and says nothing of the inside of a fault', async () => {
    const { client } = await serve();
    await expect(client.ask('refuse')).rejects.toMatchObject({
      code: 'CHM950',
      help: 'ask otherwise',
      where: { field: 'x' },
    });
    const fault = await client.ask('break').catch((e: Error) => e);
    expect(fault).toMatchObject({ code: 'CHM799' });
    expect(String(fault)).not.toContain('secret');
    await expect(client.ask('nothing')).rejects.toMatchObject({ code: 'CHM957' });
    await expect(client.ask('echo', { text: 7 })).rejects.toMatchObject({ code: 'CHM956' });
    await expect(client.ask('late', { ms: 500 }, 20)).rejects.toMatchObject({ code: 'CHM959' });
    // It goes on.
    expect(await client.ask('echo', { text: 'x' })).toEqual({ text: 'x' });
  });

  it('refuses what it cannot read, line by line, and hangs up on a line without end', async () => {
    const { state } = await serve();
    const lines = [
      '{',
      '7',
      '{"v":2,"id":"a","kind":"echo"}',
      '{"v":1,"id":"","kind":"echo"}',
      '{"v":1,"id":"a","kind":"E"}',
    ];
    const answers = await raw(state, `${lines.join('\n')}\n{"v":1,"id":"b","kind":"echo","text":"t"}\n`, 6);
    expect(answers.map((a) => a['ok'])).toEqual([false, false, false, false, false, true]);
    for (const a of answers.slice(0, 5)) expect(a['error']).toMatchObject({ code: 'CHM956' });
    const [long] = await raw(state, 'x'.repeat(MAX_LINE + 1), 2);
    expect(long).toMatchObject({ ok: false, error: { code: 'CHM956' } });
  });

  it('belongs to one run: a second one is refused, and what a killed one left behind is taken over', async () => {
    const { state, server, client } = await serve();
    const second = new ControlServer(state, 'trend');
    await expect(second.listen()).rejects.toMatchObject({ code: 'CHM958' });
    client.close();
    await server.close();
    await expect(ControlClient.open(state)).rejects.toMatchObject({ code: 'CHM955' });
    // The socket of a process that is no more.
    writeFileSync(
      join(state, 'control.json'),
      JSON.stringify({ v: 1, pid: 1, socket: join(state, 'control.sock'), pipeline: 'trend' }),
    );
    writeFileSync(join(state, 'control.sock'), '');
    await expect(ControlClient.open(state)).rejects.toMatchObject({ code: 'CHM955' });
    await second.listen();
    open.push(second);
    expect(await ControlClient.answers(state)).toBe(true);
  });

  it('says so when the run goes away while something is asked, and is found in a folder with a long name', async () => {
    const { client, server } = await serve(join(root, 'n'.repeat(120)));
    const late = client.ask('late', { ms: 10_000 });
    await Promise.all([expect(late).rejects.toMatchObject({ code: 'CHM955' }), server.close()]);
    await expect(client.ask('echo', { text: '' })).rejects.toMatchObject({ code: 'CHM955' });
    const empty = join(root, 'empty');
    mkdirSync(empty);
    await expect(ControlClient.open(empty)).rejects.toMatchObject({ code: 'CHM955' });
  });
});
