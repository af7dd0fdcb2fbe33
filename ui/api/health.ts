import type { Api } from './api.ts';
import type { Graph, Health, ServiceHealth, Stats, SystemHealth } from './contract/records.ts';
import { SERVICE_IDS, SERVICES, type Service } from './route.ts';

/** Without these nothing is traded safely; the others can fail and trading goes on. */
const CRITICAL: ReadonlySet<Service> = new Set(['s1', 's3', 's4', 's5', 's6', 's12']);
const LAG_DEGRADED_US = 5e6;
const LAG_ERROR_US = 60e6;
/** A run that says nothing for so long does nothing. */
const SILENT_MS = 10_000;

type Checks = Record<string, { status: Health; detail: string }>;

/** How a service does: its nodes in the runs that are going on here, and what it stands on. */
export function healthOf(api: Api, service: Service): ServiceHealth {
  const checks: Checks = {};
  let ready = true;
  let nodes = 0;
  for (const run of api.runs.list()) {
    const live = run.live();
    const graph = run.graph();
    if (!live || !graph) continue;
    const own = nodesOf(graph, service);
    if (own.length === 0) continue;
    nodes += own.length;
    const { state } = run.run();
    if (state === 'failed') checks[`run ${run.id}`] = { status: 'ERROR', detail: 'ended with an error' };
    const stats = live.stats();
    if (!stats) {
      ready = false;
      checks[`run ${run.id}`] ??= { status: 'OK', detail: 'starting' };
      continue;
    }
    if (state !== 'running') ready = false;
    const said = checksOf(stats, own, state === 'running' ? api.now() : stats.wall_ms);
    Object.assign(checks, said.checks);
    ready &&= !said.warming;
  }
  for (const p of api.peers?.of(service) ?? []) {
    nodes++;
    checks[`process ${p.url}`] = { status: p.status, detail: p.detail };
    ready &&= p.ready;
  }
  if (service === 's12') checks['users'] = { status: 'OK', detail: api.users.none ? 'none yet' : 'ready' };
  else if (nodes === 0) checks['nodes'] = { status: 'OK', detail: 'no run that is going on here has nodes of it' };
  const worst = Object.values(checks).map((c) => c.status);
  return {
    service,
    name: SERVICES[service].name,
    status: worst.includes('ERROR') ? 'ERROR' : worst.includes('DEGRADED') ? 'DEGRADED' : 'OK',
    ready,
    version: api.version,
    checks,
  };
}

/** A graph that is not divided is all of one: each service stands on the whole of it. */
function nodesOf(graph: Graph, service: Service): string[] {
  const listed = graph.services[service];
  if (listed) return [...listed];
  return Object.keys(graph.services).length === 0 && service === 's1' ? graph.nodes.map((n) => n.id) : [];
}

function checksOf(stats: Stats, own: readonly string[], nowMs: number): { checks: Checks; warming: boolean } {
  const checks: Checks = {};
  const seen = own.flatMap((id) => (stats.nodes[id] ? [{ id, ...stats.nodes[id] }] : []));
  const lag = Math.max(0, ...seen.map((n) => n.lag_us));
  const silent = nowMs - stats.wall_ms;
  const seconds = (us: number) => `${(us / 1e6).toFixed(1)} s`;
  checks['lag'] = {
    status: lag > LAG_ERROR_US ? 'ERROR' : lag > LAG_DEGRADED_US ? 'DEGRADED' : 'OK',
    detail: `${seconds(lag)} behind`,
  };
  checks['engine'] = {
    status: silent > SILENT_MS ? 'ERROR' : 'OK',
    detail: silent > SILENT_MS ? `silent for ${seconds(silent * 1000)}` : 'runs',
  };
  const failed = seen.filter((n) => n.errors > 0);
  checks['nodes'] = {
    status: failed.length > 0 ? 'DEGRADED' : 'OK',
    detail: failed.length > 0 ? `silent instances: ${failed.map((n) => n.id).join(', ')}` : `${seen.length} nodes`,
  };
  if (stats.counters.dropped > 0)
    checks['dropped'] = { status: 'DEGRADED', detail: `${stats.counters.dropped} inputs were dropped` };
  // A sink puts nothing out and is never warming.
  const warming = seen.some((n) => n.instances > 0 && n.warming === n.instances && n.cycles === 0);
  return { checks, warming };
}

/**
 * All services in one colour. GREEN: all are OK; YELLOW: one is degraded without which trading goes on; ORANGE: a critical one is
 * degraded, or another one fails; RED: a critical one fails.
 */
export function systemHealth(api: Api): SystemHealth {
  const services = SERVICE_IDS.map((s) => healthOf(api, s));
  return { status: colourOf(services), services };
}
export function colourOf(services: readonly Pick<ServiceHealth, 'service' | 'status'>[]): SystemHealth['status'] {
  const any = (status: Health, critical: boolean) =>
    services.some((s) => s.status === status && CRITICAL.has(s.service as Service) === critical);
  if (any('ERROR', true)) return 'RED';
  if (any('DEGRADED', true) || any('ERROR', false)) return 'ORANGE';
  return any('DEGRADED', false) ? 'YELLOW' : 'GREEN';
}
