import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { partMetrics } from '../ui/metrics/part-metrics.ts';
import { metricsIn } from '../ui/metrics/testing/promql.ts';
import { snapshot } from '../ui/metrics/testing/snapshots.ts';

interface Panel {
  id: number;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  datasource: { uid: string };
  targets: { expr: string }[];
}
const here = import.meta.dirname;
const read = (file: string): string => readFileSync(join(here, 'grafana', file), 'utf8');
const { panels, uid } = JSON.parse(read('dashboards/chimera.json')) as { panels: Panel[]; uid: string };

describe('the dashboard', () => {
  it('shows lag, queue depth, hand-over, the four counters and the state of the bus', () => {
    const exprs = panels.flatMap((p) => p.targets.map((t) => t.expr)).join('\n');
    for (const metric of [
      'chimera_part_lag_seconds',
      'chimera_edge_queue_cycles',
      'chimera_edge_handover_seconds_bucket',
      'chimera_events_filtered_total',
      'chimera_events_late_total',
      'chimera_events_dead_lettered_total',
      'chimera_events_dropped_total',
      'chimera_bus_state',
    ])
      expect(exprs).toContain(metric);
  });
  it('asks only for metrics that are served', async () => {
    const own = await partMetrics([snapshot()]);
    const ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess, prefix: 'chimera_' });
    const names = new Set(
      [...(await own.getMetricsAsJSON()), ...(await ofProcess.getMetricsAsJSON())].flatMap((m) =>
        String(m.type) === 'histogram' ? [`${m.name}_bucket`, `${m.name}_sum`, `${m.name}_count`] : [m.name],
      ),
    );
    for (const p of panels)
      for (const { expr } of p.targets) {
        const asked = metricsIn(expr);
        expect([p.title, asked.length > 0, asked.filter((n) => !names.has(n))]).toEqual([p.title, true, []]);
      }
  });
  it('is provisioned, with the source of data that its panels name', () => {
    const { datasources } = parse(read('provisioning/datasources/prometheus.yaml')) as {
      datasources: { uid: string; url: string }[];
    };
    for (const p of panels) expect(p.datasource.uid).toBe(datasources[0]!.uid);
    expect(datasources[0]!.url).toBe('http://prometheus:9090');
    const { providers } = parse(read('provisioning/dashboards/chimera.yaml')) as {
      providers: { options: { path: string } }[];
    };
    const compose = readFileSync(join(here, 'compose.yaml'), 'utf8');
    expect(compose).toContain(`./grafana/dashboards:${providers[0]!.options.path}:ro`);
    expect(compose).toContain(`${providers[0]!.options.path}/${uid}.json`);
  });
  it('has panels that do not overlap', () => {
    expect(new Set(panels.map((p) => p.id)).size).toBe(panels.length);
    for (const a of panels)
      for (const b of panels) {
        if (a.id >= b.id) continue;
        const [p, q] = [a.gridPos, b.gridPos];
        expect(p.x + p.w <= q.x || q.x + q.w <= p.x || p.y + p.h <= q.y || q.y + q.h <= p.y).toBe(true);
      }
  });
});
