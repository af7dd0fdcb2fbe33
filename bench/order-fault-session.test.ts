import { expect, it } from 'vitest';
import { orderFaultSession } from './order-fault-session.ts';

it('two sessions through ccxt and the server, one of them with a crash, hold', async () => {
  const results = await Promise.all([orderFaultSession(1), orderFaultSession(3)]);
  expect(results.map((r) => r.wrong)).toEqual([[], []]);
  expect(results[0]!.reasons.all.get('lives of the gateway')).toBe(2);
}, 120_000);
