import type { AddressInfo } from 'node:net';
import type { PartSnapshot } from '../../graph/cut/part-snapshot.ts';
import { ChimeraError } from '../../graph/schema/index.ts';
import { type HealthLimits, healthOf } from './health.ts';
import { partMetrics } from './part-metrics.ts';

export interface Readiness {
  readonly ready: boolean;
  /** What is waited for. */
  readonly reason?: string;
}
export interface MetricsOptions {
  /** 0: a free one. */
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** The parts of this process as they are now; asked at each request. */
  readonly snapshots: () => readonly PartSnapshot[];
  /** Whether all parts hold their leases and run. */
  readonly ready: () => Readiness | boolean;
  readonly limits?: HealthLimits;
  readonly wallMs?: () => number;
}
export interface MetricsServer {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves `/metrics` (Prometheus text), `/health` (GREEN, YELLOW: 200; RED: 503) and `/ready` (200 or 503). Answers from memory: it
 * asks neither the bus nor a store, and takes no commands. @throws CHM990
 */
export async function serveMetrics(options: MetricsOptions): Promise<MetricsServer> {
  const { port, host = '127.0.0.1', snapshots, limits, wallMs = Date.now } = options;
  const [{ default: Fastify }, { collectDefaultMetrics, Registry }] = await Promise.all([
    import('fastify'),
    import('prom-client'),
  ]);
  const processMetrics = new Registry();
  collectDefaultMetrics({ register: processMetrics, prefix: 'chimera_' });
  const app = Fastify({ logger: false, forceCloseConnections: true });
  app.addHook('onSend', async (_, reply) => {
    reply.header('cache-control', 'no-store');
  });
  app.get('/metrics', async (_, reply) => {
    const parts = await partMetrics(snapshots());
    reply.type(parts.contentType);
    return `${await parts.metrics()}\n${await processMetrics.metrics()}`;
  });
  app.get('/health', async (_, reply) => {
    const health = healthOf(snapshots(), wallMs(), limits);
    reply.code(health.status === 'RED' ? 503 : 200);
    return health;
  });
  app.get('/ready', async (_, reply) => {
    const said = options.ready();
    const readiness = typeof said === 'boolean' ? { ready: said } : said;
    reply.code(readiness.ready ? 200 : 503);
    return readiness;
  });
  try {
    await app.listen({ port, host });
  } catch (e) {
    await app.close();
    const why = (e as NodeJS.ErrnoException).code ?? String(e);
    throw new ChimeraError('CHM990', `metrics cannot be served at ${host}:${port} (${why})`, {
      cause: e,
      help: 'name another port, or stop the process that has this one',
    });
  }
  const address = app.server.address() as AddressInfo;
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return {
    url: `http://${shown}:${address.port}`,
    port: address.port,
    close: async () => {
      await app.close();
      processMetrics.clear();
    },
  };
}

/** `9464` or `0.0.0.0:9464` → host and port. @throws CHM990 */
export function parseMetricsAddress(text: string): { host: string; port: number } {
  const m = /^(?:(\[[0-9a-fA-F:]+\]|[\w.-]+):)?(\d{1,5})$/.exec(text.trim());
  const port = Number(m?.[2]);
  if (!m || port > 65_535)
    throw new ChimeraError('CHM990', `"${text}" is no address for metrics`, {
      help: 'write a port (9464), or a host and a port (0.0.0.0:9464)',
    });
  return { host: m[1]?.replace(/^\[|\]$/g, '') ?? '127.0.0.1', port };
}
