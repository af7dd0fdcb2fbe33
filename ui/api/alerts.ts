import type { Alert, Level, Stats } from './contract/records.ts';
import type { RunHandle, RunList } from './ports.ts';
import { ApiError, notFound } from './problem.ts';
import type { Records } from './state/api-database.ts';

/** What a rule looks at: a run as it is now and as it was ten minutes ago. */
export interface Seen {
  readonly run: RunHandle;
  readonly stats: Stats;
  readonly before: Stats;
}
interface AlertRule {
  /** As in deploy/prometheus/alerts.yaml, where it is about the same. */
  readonly name: string;
  readonly level: Level;
  /** It has to hold so long. */
  readonly forMs: number;
  /** What is wrong, if it is. */
  readonly cause: (seen: Seen) => string | undefined;
  readonly action: string;
}

const grew = (seen: Seen, counter: keyof Stats['counters']): number =>
  seen.stats.counters[counter] - seen.before.counters[counter];
const worstLagUs = (s: Stats): number => Math.max(0, ...Object.values(s.nodes).map((n) => n.lag_us));

/** The conditions of the rules for Prometheus, over what one process knows of its own runs. */
export const ALERT_RULES: readonly AlertRule[] = [
  {
    name: 'ChimeraRunFailed',
    level: 'FATAL',
    forMs: 0,
    cause: ({ run }) => (run.run().state === 'failed' ? `run ${run.id} ended with an error` : undefined),
    action:
      'Look at its log. Nothing is traded and guardians rest at the exchange: start it again with the same state folder.',
  },
  {
    name: 'ChimeraLag',
    level: 'WARN',
    forMs: 60_000,
    cause: ({ stats }) => behind(stats, 5),
    action: 'Find the node with the longest step, or give the machine more time.',
  },
  {
    name: 'ChimeraLagHigh',
    level: 'ERROR',
    forMs: 60_000,
    cause: ({ stats }) => behind(stats, 60),
    action: 'As for ChimeraLag. New risk is blocked meanwhile by the guards on stale data.',
  },
  {
    name: 'ChimeraQuarantine',
    level: 'ERROR',
    forMs: 0,
    cause: ({ stats }) => {
      const silent = Object.entries(stats.nodes).filter(([, n]) => n.errors > 0);
      return silent.length > 0 ? `instances of ${silent.map(([id]) => id).join(', ')} are silent` : undefined;
    },
    action: 'Look at the dead letter: it names input, node and field. New risk is blocked where the value is missed.',
  },
  {
    name: 'ChimeraDeadLetters',
    level: 'WARN',
    forMs: 0,
    cause: (seen) => {
      const n = grew(seen, 'dead_lettered');
      return n > 0 ? `${n} inputs were put aside within ten minutes` : undefined;
    },
    action: 'Look at the dead letters: each has its code and place.',
  },
  {
    name: 'ChimeraLateEvents',
    level: 'INFO',
    forMs: 0,
    cause: (seen) => {
      const n = grew(seen, 'late');
      return n > 0 ? `${n} events came too late for their window within ten minutes` : undefined;
    },
    action: 'The exchange or the network was slow; nothing to do unless it goes on.',
  },
  {
    name: 'ChimeraDropped',
    level: 'ERROR',
    forMs: 0,
    cause: ({ stats }) => (stats.counters.dropped > 0 ? `${stats.counters.dropped} inputs were dropped` : undefined),
    action: 'The log names the node; the journal still has everything.',
  },
  {
    name: 'ChimeraKillSwitch',
    level: 'FATAL',
    forMs: 0,
    cause: ({ run }) => {
      const kill = run.live()?.trading()?.kill;
      return kill?.since_us == null
        ? undefined
        : `the kill switch is ${kill.state}: ${kill.reason ?? 'no reason given'}`;
    },
    action: 'Find out who engaged it and why. It stays engaged until somebody who may releases it with a reason.',
  },
  {
    name: 'ChimeraUnknownOrder',
    level: 'ERROR',
    forMs: 30_000,
    cause: ({ run }) => {
      const open =
        run
          .live()
          ?.trading()
          ?.orders.filter((o) => o.status === 'unknown') ?? [];
      return open.length > 0 ? `nobody knows how ${open.map((o) => o.client_id).join(', ')} stand` : undefined;
    },
    action: 'New risk on the instrument is blocked. If the exchange can be reached, start a reconciliation.',
  },
];

const behind = (stats: Stats, seconds: number): string | undefined => {
  const lag = worstLagUs(stats) / 1e6;
  return lag > seconds ? `${Math.round(lag)} s behind its clock` : undefined;
};

const WINDOW_MS = 600_000;
const SAMPLE_MS = 30_000;

/** Evaluates the rules over the runs of this process; keeps what fired, who acknowledged it, and when it was over. */
export class AlertBoard {
  readonly #records: Records<Alert>;
  readonly #runs: RunList;
  readonly #now: () => number;
  readonly #since = new Map<string, number>();
  readonly #firing = new Map<string, string>();
  readonly #history = new Map<string, { at: number; stats: Stats }[]>();
  readonly #listeners = new Set<(run: string, alert: Alert) => void>();
  #timer: NodeJS.Timeout | undefined;

  constructor(records: Records<Alert>, runs: RunList, now: () => number) {
    this.#records = records;
    this.#runs = runs;
    this.#now = now;
    for (const a of records.list(1000)) if (a.state !== 'resolved') this.#firing.set(a.id.split('@')[0]!, a.id);
  }
  start(everyMs = 1000): void {
    this.#timer = setInterval(() => this.evaluate(), everyMs);
    this.#timer.unref();
  }
  close(): void {
    clearInterval(this.#timer);
  }
  onAlert(listener: (run: string, alert: Alert) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
  list(limit: number, before?: number): Alert[] {
    return this.#records.list(limit, before);
  }
  acknowledge(id: string, by: string): { before: Alert; after: Alert } {
    const before = this.#records.get(id);
    if (!before) throw notFound(`alert ${id}`);
    if (before.state !== 'firing') throw new ApiError('CHM1118', `this alert is ${before.state} already`);
    const after: Alert = { ...before, state: 'acknowledged', acknowledged_by: by };
    this.#put(after);
    return { before, after };
  }

  evaluate(): void {
    const now = this.#now();
    const holds = new Set<string>();
    for (const run of this.#runs.list()) {
      const stats = run.live()?.stats();
      if (!stats) continue;
      const seen = { run, stats, before: this.#before(run.id, stats, now) };
      for (const rule of ALERT_RULES) {
        const cause = rule.cause(seen);
        if (cause === undefined) continue;
        const key = `${run.id}/${rule.name}`;
        holds.add(key);
        const since = this.#since.get(key) ?? now;
        this.#since.set(key, since);
        if (now - since < rule.forMs || this.#firing.has(key)) continue;
        const alert: Alert = {
          id: `${key}@${now}`,
          name: rule.name,
          level: rule.level,
          state: 'firing',
          since_ms: since,
          cause,
          what_to_do: rule.action,
          acknowledged_by: null,
        };
        this.#firing.set(key, alert.id);
        this.#put(alert);
      }
    }
    for (const key of this.#since.keys()) if (!holds.has(key)) this.#since.delete(key);
    for (const [key, id] of this.#firing) {
      if (holds.has(key)) continue;
      this.#firing.delete(key);
      const alert = this.#records.get(id);
      if (alert) this.#put({ ...alert, state: 'resolved' });
    }
  }
  #put(alert: Alert): void {
    this.#records.put(alert.id, alert.since_ms, alert);
    for (const listen of this.#listeners) listen(alert.id.split('/')[0]!, alert);
  }
  /** The oldest sample within the window. */
  #before(run: string, stats: Stats, now: number): Stats {
    let samples = this.#history.get(run);
    if (!samples) {
      samples = [];
      this.#history.set(run, samples);
    }
    if (samples.length === 0 || now - samples.at(-1)!.at >= SAMPLE_MS) samples.push({ at: now, stats });
    while (samples.length > 1 && now - samples[0]!.at > WINDOW_MS) samples.shift();
    return samples[0]!.stats;
  }
}

export const openAlerts = (records: Records<Alert>, runs: RunList, now: () => number): AlertBoard =>
  new AlertBoard(records, runs, now);
