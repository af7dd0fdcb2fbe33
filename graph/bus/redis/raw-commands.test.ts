import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { RawCommands } from './raw-commands.ts';

/** A server that answers the handshake, and then with the given bytes in pieces of a length. */
async function serve(answer: Buffer, piece: number) {
  let got = '';
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', async (data) => {
      const text = data.toString('latin1');
      if (/\binfo\b/i.test(text)) return void socket.write('$20\r\nredis_version:7.0.0\r\n\r\n');
      got += text;
      if (!got.endsWith('go\r\n')) return;
      for (let i = 0; i < answer.length; i += piece) {
        socket.write(answer.subarray(i, i + piece));
        await new Promise(setImmediate);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const redis = new Redis(port, '127.0.0.1', {
    protocol: 2,
    disableClientInfo: true,
    lazyConnect: true,
    retryStrategy: () => null,
    enableReadyCheck: false,
  });
  redis.on('error', () => {});
  await redis.connect();
  let ended = false;
  const raw = new RawCommands(redis, 10_000, () => {
    ended = true;
  });
  return {
    raw,
    sent: () => got,
    ended: () => ended,
    cut: () => sockets.map((s) => s.destroy()),
    close: async () => {
      raw.close();
      server.close();
      await once(server, 'close');
    },
  };
}
const ANSWER =
  '+OK\r\n-ERR no\r\n:42\r\n$-1\r\n$0\r\n\r\n$5\r\na\r\nbc\r\n*-1\r\n_\r\n*3\r\n+QUEUED\r\n*1\r\n:1\r\n-X\r\n';
const COMMANDS = [...'abcdefgh'].map((c) => [c]);

describe('commands over a bare connection', () => {
  it.each([1, 2, 3, 7, 1000])('read every reply when it comes in pieces of %i bytes', async (piece) => {
    const server = await serve(Buffer.from(ANSWER), piece);
    const replies = await server.raw.send([...COMMANDS, ['go']]);
    expect(replies).toEqual([
      'OK',
      new Error('ERR no'),
      42,
      null,
      '',
      'a\r\nbc',
      null,
      null,
      ['QUEUED', [1], new Error('X')],
    ]);
    await server.close();
  });
  it('write texts by their bytes, numbers, and payloads as they are, small and large', async () => {
    for (const size of [3, 200_000]) {
      const server = await serve(Buffer.from('+a\r\n+b\r\n'), 99);
      const payload = Buffer.alloc(size, '\r\nx');
      expect(await server.raw.send([['SET', 'ключ', 12, payload], ['go']])).toEqual(['a', 'b']);
      const text = Buffer.from(server.sent(), 'latin1').toString();
      expect(text).toBe(`*4\r\n$3\r\nSET\r\n$8\r\nключ\r\n$2\r\n12\r\n$${size}\r\n${payload}\r\n*1\r\n$2\r\ngo\r\n`);
      await server.close();
    }
  });
  it('reject what is under way when the connection ends, or when an answer makes no sense', async () => {
    const cut = await serve(Buffer.from('+only one\r\n'), 99);
    const waiting = cut.raw.send([['a'], ['go']]);
    setImmediate(cut.cut);
    await expect(waiting).rejects.toThrow('closed');
    expect(cut.ended()).toBe(true);
    await expect(cut.raw.send([['late']])).rejects.toThrow('closed');
    await cut.close();
    const odd = await serve(Buffer.from('?what\r\n'), 99);
    await expect(odd.raw.send([['go']])).rejects.toThrow('closed');
    await odd.close();
  });
});
