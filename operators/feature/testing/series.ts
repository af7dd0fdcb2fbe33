import type { InPorts, OutPorts, StepNode } from '../../../graph/node.ts';
import { Drive } from '../../../graph/testing/drive.ts';

/** A made-up price series for tests: the same for the same seed (a linear congruential generator, Numerical Recipes). */
export function randomBars(n: number, seed = 1): Bar[] {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const bars: Bar[] = [];
  let close = 6_000_000;
  for (let i = 0; i < n; i++) {
    const open = close + Math.round((next() - 0.5) * 2_000);
    close = open + Math.round((next() - 0.5) * 20_000);
    const high = Math.max(open, close) + Math.round(next() * 5_000);
    const low = Math.min(open, close) - Math.round(next() * 5_000);
    bars.push({ start: i * 60_000, open, high, low, close, volume: 1 + Math.round(next() * 9_000) });
  }
  return bars;
}
/** Prices × 100, quantities × 1000, as an instrument with 2 and 3 decimals has them. */
export interface Bar {
  start: number;
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
}

/** Drives a node with one row per cycle on one port; the answer to row i, by port, undefined where it said nothing. */
export function answers(
  // biome-ignore lint/suspicious/noExplicitAny: a harness for node types of every configuration and state.
  node: StepNode<any, any, any, any>,
  config: Record<string, unknown>,
  port: string,
  rows: readonly object[],
): Record<string, Record<string, unknown>>[] {
  const d = new Drive(node as StepNode<never, InPorts, OutPorts, unknown>, config);
  return rows.map((row, i) =>
    Object.fromEntries(d.send(i + 1, { [port]: row as Record<string, unknown> }).map((e) => [e.port, e.values])),
  );
}
export const values = (xs: readonly number[]): { value: number }[] => xs.map((value) => ({ value }));
