import { z } from 'zod';
import { healthOf, systemHealth } from '../health.ts';
import { type Route, route, SERVICE_IDS } from '../route.ts';
import { runMetrics } from '../run-metrics.ts';

const params = z.strictObject({ service: z.enum(SERVICE_IDS) });

/** What each face says of itself; the gateway speaks for S12, and for the others under /services. */
export const health: readonly Route[] = [
  route({
    method: 'GET',
    path: '/health',
    service: 's12',
    rule: 'open',
    summary: 'how this service does: OK, DEGRADED or ERROR, with its checks',
    handle: ({ api, reply, request }) => {
      const said = healthOf(api, request.face);
      reply.code(said.status === 'ERROR' ? 503 : 200);
      return said;
    },
  }),
  route({
    method: 'GET',
    path: '/ready',
    service: 's12',
    rule: 'open',
    summary: 'whether this service can be asked: 200 or 503',
    handle: ({ api, reply, request }) => {
      const said = healthOf(api, request.face);
      reply.code(said.ready ? 200 : 503);
      return said;
    },
  }),
  route({
    method: 'GET',
    path: '/metrics',
    service: 's12',
    rule: 'open',
    summary: 'metrics for Prometheus; JSON when that is accepted',
    type: 'text/plain; version=0.0.4; charset=utf-8',
    handle: async ({ api, reply, request }) => {
      const ofRuns = await runMetrics(api.runs);
      if (/application\/json/.test(request.headers.accept ?? '')) {
        reply.type('application/json; charset=utf-8');
        return [...(await ofRuns.getMetricsAsJSON()), ...(await api.metrics.registry.getMetricsAsJSON())];
      }
      return `${await ofRuns.metrics()}\n${await api.metrics.registry.metrics()}`;
    },
  }),
  route({
    method: 'GET',
    path: '/services/:service/health',
    service: 's12',
    rule: 'open',
    summary: 'how one of the twelve services does',
    params,
    handle: ({ api, params, reply }) => {
      const said = healthOf(api, params.service);
      reply.code(said.status === 'ERROR' ? 503 : 200);
      return said;
    },
  }),
  route({
    method: 'GET',
    path: '/services/:service/ready',
    service: 's12',
    rule: 'open',
    summary: 'whether one of the twelve services can be asked',
    params,
    handle: ({ api, params, reply }) => {
      const said = healthOf(api, params.service);
      reply.code(said.ready ? 200 : 503);
      return said;
    },
  }),
  route({
    method: 'GET',
    path: '/system',
    service: 's11',
    rule: 'read',
    summary: 'all services in one colour: GREEN, YELLOW, ORANGE or RED',
    handle: ({ api }) => systemHealth(api),
  }),
];
