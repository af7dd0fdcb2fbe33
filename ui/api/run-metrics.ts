import { Gauge, type Registry } from 'prom-client';
import type { PartSnapshot } from '../../graph/cut/part-snapshot.ts';
import { partMetrics } from '../metrics/part-metrics.ts';
import type { RunHandle, RunList } from './ports.ts';

/** The metrics that services apart have, of runs in one process: each run counts as one part. And what it trades. */
export async function runMetrics(runs: RunList): Promise<Registry> {
  const live = runs.list().filter((r) => r.live()?.stats() !== undefined);
  const registry = await partMetrics(live.map(snapshotOf));
  const registers = [registry];
  const labelNames = ['run', 'wallet'] as const;
  const wallet = new Gauge({ name: 'chimera_wallet_balance', help: 'Balance of a wallet.', labelNames, registers });
  const open = new Gauge({ name: 'chimera_open_positions', help: 'Open positions.', labelNames: ['run'], registers });
  const unknown = new Gauge({
    name: 'chimera_unknown_orders',
    help: 'Orders of which nobody can say how they stand.',
    labelNames: ['run'],
    registers,
  });
  const jaccard = new Gauge({
    name: 'chimera_reconciliation_jaccard',
    help: 'Open orders and positions that ours and the venue’s have in common, of all.',
    labelNames: ['run'],
    registers,
  });
  const figure = new Gauge({
    name: 'chimera_run_figure',
    help: 'Figures of a run.',
    labelNames: ['run', 'figure'],
    registers,
  });
  for (const r of live) {
    for (const [name, value] of Object.entries(r.run().figures)) figure.set({ run: r.id, figure: name }, value);
    const trading = r.live()?.trading();
    if (!trading) continue;
    for (const w of trading.wallets) wallet.set({ run: r.id, wallet: w.wallet }, Number(w.balance));
    open.set({ run: r.id }, trading.positions.filter((p) => Number(p.qty) !== 0).length);
    unknown.set({ run: r.id }, trading.orders.filter((o) => o.status === 'unknown').length);
    if (trading.reconciler.jaccard !== null) jaccard.set({ run: r.id }, trading.reconciler.jaccard);
  }
  return registry;
}

function snapshotOf(run: RunHandle): PartSnapshot {
  const s = run.live()!.stats()!;
  return {
    part: run.id,
    service: 'all',
    cycles: Object.values(s.nodes).reduce((n, x) => n + x.cycles, 0),
    nowUs: s.at_us,
    lagUs: Math.max(0, ...Object.values(s.nodes).map((n) => n.lag_us)),
    counters: s.counters,
    restarts: 0,
    commits: 0,
    commitMs: 0,
    inlets: [],
    outlets: [],
    handover: [],
  };
}
