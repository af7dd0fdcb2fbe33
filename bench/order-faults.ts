import { parseArgs } from 'node:util';
import { isMain } from './child.ts';
import { Reasons } from './order-fault-check.ts';
import { type FaultResult, orderFaultSession } from './order-fault-session.ts';
import { type Histogram, histogram } from './stats.ts';

/**
 * `node dist/bench/order-faults.js --runs 200`: seeded sessions of the order gateway through unmodified ccxt and the venue's
 * server, a fault at every send. Afterwards the venue itself is asked: nothing doubled, nothing lost, everything told once,
 * nothing UNKNOWN, and no promise was rejected without a waiter. Exit code 1 when anything of that does not hold.
 */
export interface OrderFaultReport {
  readonly runs: number;
  readonly first_seed: number;
  readonly failed: readonly { readonly seed: number; readonly wrong: readonly string[] }[];
  readonly reasons: Readonly<Record<string, number>>;
  readonly unhandled_rejections: Readonly<Record<string, number>>;
  readonly run_ms: Histogram;
  readonly wall_s: number;
  readonly ok: boolean;
}

/** @param atOnce sessions side by side: most of one is waiting for time-outs */
export async function benchOrderFaults(
  runs: number,
  seed: number,
  atOnce: number,
  onResult: (r: FaultResult) => void = () => {},
): Promise<OrderFaultReport> {
  const begun = performance.now();
  const reasons = new Reasons();
  const results: FaultResult[] = [];
  let next = seed;
  // In a live run each of these would end the process.
  const rejections: Record<string, number> = {};
  const onRejection = (e: unknown): void => {
    const name = e instanceof Error ? `${e.constructor.name}: ${e.message}` : String(e);
    rejections[name] = (rejections[name] ?? 0) + 1;
  };
  process.on('unhandledRejection', onRejection);
  const worker = async (): Promise<void> => {
    while (next < seed + runs) {
      const r = await orderFaultSession(next++);
      reasons.add(r.reasons);
      results.push(r);
      onResult(r);
    }
  };
  await Promise.all(Array.from({ length: Math.min(runs, atOnce) }, worker));
  process.off('unhandledRejection', onRejection);
  const failed = results.filter((r) => r.wrong.length > 0).map((r) => ({ seed: r.seed, wrong: r.wrong }));
  return {
    runs,
    first_seed: seed,
    failed,
    reasons: Object.fromEntries([...reasons.all].sort(([a], [b]) => (a < b ? -1 : 1))),
    run_ms: histogram(results.map((r) => r.ms)),
    wall_s: (performance.now() - begun) / 1000,
    unhandled_rejections: rejections,
    ok: failed.length === 0 && Object.keys(rejections).length === 0,
  };
}

function tableOf(r: OrderFaultReport): string {
  const rejections = Object.entries(r.unhandled_rejections).map(([name, n]): [string, number] => [
    `unhandled: ${name}`,
    n,
  ]);
  const rows = [...Object.entries(r.reasons), ...rejections].map(([name, n]) => `| ${name} | ${n} |`);
  return ['| what happened | times |', '|---|---:|', ...rows].join('\n');
}

if (isMain(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '200' },
      seed: { type: 'string', default: '1' },
      'at-once': { type: 'string', default: '8' },
      json: { type: 'boolean', default: false },
    },
  });
  const numbers = [values.runs, values.seed, values['at-once']].map(Number);
  if (!numbers.every((n) => Number.isSafeInteger(n) && n >= 0)) {
    process.stderr.write('usage: order-faults [--runs N] [--seed N] [--at-once N]\n');
    process.exit(2);
  }
  const [runs, seed, atOnce] = numbers as [number, number, number];
  const report = await benchOrderFaults(runs, seed, Math.max(1, atOnce), (r) => {
    const how = r.wrong.length === 0 ? 'holds' : `FAILED\n  ${r.wrong.join('\n  ')}`;
    process.stderr.write(`seed ${r.seed}: ${Math.round(r.ms)} ms, ${how}\n`);
  });
  process.stderr.write(`\n${tableOf(report)}\n${report.runs - report.failed.length} of ${report.runs} runs hold\n`);
  process.stdout.write(`${JSON.stringify(report)}\n`);
  process.exitCode = report.ok ? 0 : 1;
}
