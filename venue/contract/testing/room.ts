import { until } from './events.ts';
import type { Session } from './session.ts';

interface Limit {
  readonly interval: string;
  readonly intervalNum: number;
  readonly limit: number;
  readonly count: number;
}

/** Waits until so many more orders fit into Spot's ten seconds; USD-M takes 300 and needs no waiting. */
export async function room({ name, client }: Session, orders: number): Promise<void> {
  if (name === 'usdm') return;
  const free = async (): Promise<number> => {
    const list = (await client.privateGetRateLimitOrder()) as Limit[];
    return Math.min(...list.map((l) => Number(l.limit) - Number(l.count)));
  };
  await until('room for orders', free, (n) => n >= orders, 20_000, 500);
}
