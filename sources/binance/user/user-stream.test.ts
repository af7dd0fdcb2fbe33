import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { createClient } from '../client.ts';
import type { UserEvent } from './user-event.ts';
import { UserStream } from './user-stream.ts';

let server: WebSocketServer | undefined;
let stream: UserStream | undefined;
afterEach(async () => {
  await stream?.close();
  server?.close();
});

describe('the user stream of Spot', () => {
  it('subscribes until it is let in, anew after it was ended, and leaves no rejection behind', async () => {
    const rejections: unknown[] = [];
    const onRejection = (e: unknown): void => {
      rejections.push(e);
    };
    process.on('unhandledRejection', onRejection);
    const asked: string[] = [];
    let onUp = (): void => {};
    server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const report = { e: 'executionReport', s: 'BTCUSDT', c: 'x', x: 'NEW', X: 'NEW', i: 7 };
    const answers: ((ws: WebSocket, id: string) => void)[] = [
      (ws, id) => ws.send(JSON.stringify({ id, status: 400, error: { code: -1022, msg: 'Signature is not valid.' } })),
      (ws) => ws.terminate(),
      (ws, id) => {
        ws.send(JSON.stringify({ id, status: 200, result: { subscriptionId: 0 } }));
        onUp = () => {
          onUp = () => {};
          ws.send(JSON.stringify({ subscriptionId: 0, event: report }));
          ws.send(JSON.stringify({ subscriptionId: 0, event: { e: 'eventStreamTerminated', E: 5 } }));
        };
      },
      (ws, id) => {
        ws.send(JSON.stringify({ id, status: 200, result: { subscriptionId: 0 } }));
        onUp = () => {
          ws.send(JSON.stringify({ subscriptionId: 0, event: { e: 'listStatus', s: 'BTCUSDT' } }));
          ws.send(JSON.stringify({ subscriptionId: 0, event: { ...report, i: 8 } }));
        };
      },
    ];
    server.on('connection', (ws) => {
      ws.on('message', (data) => {
        const { id, method } = JSON.parse(String(data)) as { id: string; method: string };
        asked.push(method);
        answers.shift()?.(ws, id);
      });
    });
    const address = { rest: `http://127.0.0.1:${port}`, ws: `ws://127.0.0.1:${port}/stream/ws` };
    const ex = await createClient('spot', { kind: 'local', spot: address, apiKey: 'k', secret: 's' });
    const heard: string[] = [];
    let done = (): void => {};
    const over = new Promise<void>((resolve) => {
      done = resolve;
    });
    stream = new UserStream(
      ex,
      'spot',
      {
        event: (e: UserEvent) => {
          heard.push(e.kind === 'order' ? `order ${e.orderId}` : e.kind === 'stream' ? e.name : e.kind);
          if (e.kind === 'order' && e.orderId === '8') done();
        },
        unreadable: (why) => heard.push(why),
        up: () => {
          heard.push('up');
          onUp();
        },
        down: () => {},
      },
      { backoffMs: [5, 20] },
    );
    ex.markets = {} as typeof ex.markets;
    stream.start();
    await over;
    await new Promise<void>((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', onRejection);
    expect(asked).toEqual(Array.from({ length: 4 }, () => 'userDataStream.subscribe.signature'));
    expect(heard).toEqual(['up', 'order 7', 'eventStreamTerminated', 'up', 'order 8']);
    expect(stream.expired).toBe(1);
    expect(rejections).toEqual([]);
  }, 15_000);
});
