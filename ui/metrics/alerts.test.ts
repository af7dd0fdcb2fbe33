import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { home } from '../cli/version.ts';
import { partMetrics } from './part-metrics.ts';
import { metricsIn } from './testing/promql.ts';
import { snapshot } from './testing/snapshots.ts';

interface Rule {
  alert: string;
  expr: string;
  for?: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}
const file = join(home(), 'deploy/prometheus/alerts.yaml');
const { groups } = parse(readFileSync(file, 'utf8')) as { groups: { name: string; rules: Rule[] }[] };
const rules = groups.flatMap((g) => g.rules);
/** Of a Prometheus server itself. */
const BUILT_IN = new Set(['up']);

/** Every name that a scrape can carry, those of histograms spelled out. */
async function served(): Promise<Set<string>> {
  const all = await (await partMetrics([snapshot()])).getMetricsAsJSON();
  return new Set(
    all.flatMap((m) =>
      String(m.type) === 'histogram' ? [`${m.name}_bucket`, `${m.name}_sum`, `${m.name}_count`] : [m.name],
    ),
  );
}

describe('the alert rules', () => {
  it('are there for lag, a bus or a store in trouble, restarts, dead letters and anything dropped', () => {
    const exprs = rules.map((r) => r.expr).join('\n');
    for (const metric of [
      'chimera_part_lag_seconds',
      'chimera_bus_state',
      'chimera_part_trouble',
      'chimera_part_restarts_total',
      'chimera_events_dead_lettered_total',
      'chimera_events_dropped_total > 0',
    ])
      expect(exprs).toContain(metric);
    expect(new Set(rules.map((r) => r.alert)).size).toBe(rules.length);
  });
  it('ask only for metrics that are served', async () => {
    const names = await served();
    for (const { alert, expr } of rules) {
      const asked = metricsIn(expr).filter((n) => !BUILT_IN.has(n));
      if (!expr.startsWith('up')) expect([alert, asked.length > 0]).toEqual([alert, true]);
      expect([alert, asked.filter((n) => !names.has(n))]).toEqual([alert, []]);
    }
    // The check itself finds one that is not.
    expect(metricsIn('rate(chimera_part_cycles[5m]) > 0').some((n) => !names.has(n))).toBe(true);
  });
  it('have one level each of INFO, WARN, ERROR and FATAL, and each level has a rule [OBS.7]', () => {
    const levels = rules.map((r) => r.labels['level']);
    expect([...new Set(levels)].sort()).toEqual(['ERROR', 'FATAL', 'INFO', 'WARN']);
  });
  it('say what happened and what to do, name codes by label, and wait in units of Prometheus', () => {
    for (const r of rules) {
      expect(r.annotations['summary']!.length).toBeGreaterThan(10);
      expect(r.annotations['action']!.length).toBeGreaterThan(20);
      if (r.for !== undefined) expect(r.for).toMatch(/^\d+[smh]$/);
      // Brackets pair.
      for (const [open, close] of ['()', '[]', '{}'])
        expect(r.expr.split(open!).length).toBe(r.expr.split(close!).length);
    }
  });
});
