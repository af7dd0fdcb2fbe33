import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Figures of the API itself: requests by route, sockets, what was left out for slow readers. */
export class ApiMetrics {
  readonly registry = new Registry();
  readonly #requests: Histogram<'method' | 'route' | 'status'>;
  readonly sockets: Gauge;
  readonly conflated: Counter<'what'>;
  constructor() {
    collectDefaultMetrics({ register: this.registry, prefix: 'chimera_' });
    const registers = [this.registry];
    this.#requests = new Histogram({
      name: 'chimera_http_request_seconds',
      help: 'Requests to the API, by route and status.',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
      registers,
    });
    this.sockets = new Gauge({ name: 'chimera_page_sockets', help: 'Open websockets of pages.', registers });
    this.conflated = new Counter({
      name: 'chimera_page_conflated_total',
      help: 'Messages and rows that a slow page did not get.',
      labelNames: ['what'],
      registers,
    });
  }
  seen(method: string, route: string, status: number, ms: number): void {
    this.#requests.observe({ method, route: route.replace(/^\/v1(?=\/)/, ''), status: String(status) }, ms / 1000);
  }
  close(): void {
    this.registry.clear();
  }
}
