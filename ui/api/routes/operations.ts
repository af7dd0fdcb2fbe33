import { z } from 'zod';
import type { Document } from '../../../sinks/store/index.ts';
import { isOnBus } from '../bus-view.ts';
import type { DeadLetter } from '../contract/records.ts';
import { ApiError } from '../problem.ts';
import { count, id, nothing, type Route, route, us } from '../route.ts';
import { runOf } from './runs.ts';
import { askedBy, liveRun } from './trading.ts';

export const operations: readonly Route[] = [
  route({
    method: 'GET',
    path: '/alerts',
    service: 's11',
    rule: 'read',
    summary: 'alerts with state, cause and what to do, newest first',
    query: z.strictObject({ limit: count(1000, 200), before: us.optional() }),
    handle: ({ api, query }) => {
      const items = api.alerts.list(query.limit, query.before);
      return { items, next: items.length === query.limit ? (items.at(-1)?.since_ms ?? null) : null };
    },
  }),
  route({
    method: 'POST',
    path: '/alerts/:id/acknowledge',
    service: 's11',
    rule: 'alerts.acknowledge',
    summary: 'say that someone looks after an alert',
    params: z.strictObject({ id }),
    body: nothing,
    codes: ['CHM1112', 'CHM1118'],
    handle: ({ api, params, who, changed }) => {
      const { before, after } = api.alerts.acknowledge(params.id, who.name);
      changed(before, after);
      return after;
    },
  }),
  route({
    method: 'GET',
    path: '/dead-letters',
    service: 's11',
    rule: 'read',
    summary: 'inputs that were put aside, newest first',
    query: z.strictObject({ run: id.optional(), limit: count(1000, 100), before: us.default(Number.MAX_SAFE_INTEGER) }),
    handle: async ({ api, query }) => {
      const isNewest = query.before === Number.MAX_SAFE_INTEGER;
      const onBus = isNewest && api.bus ? await api.bus.letters() : [];
      // A bus alone has something to show, too.
      if (api.bus && query.run === undefined && !api.runs.list().some((r) => r.live()))
        return { items: onBus, next: null };
      const run = liveRun(api, query.run);
      const store = await run.documents();
      const rows = store ? await store.query('by_time', { collection: 'dead_letters', from: 0, to: query.before }) : [];
      const kept = rows.slice(-query.limit).reverse().map(letterOf);
      const items = [...onBus, ...(isNewest ? run.deadLetters() : []), ...kept];
      return { items, next: kept.length === query.limit ? (kept.at(-1)?.at_us ?? null) : null };
    },
  }),
  route({
    method: 'POST',
    path: '/dead-letters/:id/replay',
    service: 's11',
    rule: 'dead_letters.replay',
    summary: 'give a dead letter back to where it came from, once',
    params: z.strictObject({ id }),
    query: z.strictObject({ run: id.optional() }),
    body: nothing,
    codes: ['CHM529', 'CHM1112', 'CHM1121', 'CHM1141'],
    handle: async (call) => {
      const { api, params, query } = call;
      if (isOnBus(params.id) && !api.bus) throw new ApiError(NO_BUS.code, NO_BUS.message, { help: NO_BUS.help });
      const letter = isOnBus(params.id)
        ? await api.bus!.replay(params.id)
        : await liveRun(api, query.run).call('replayDeadLetter', { id: params.id }, askedBy(call));
      call.changed({ id: params.id }, letter);
      return letter;
    },
  }),
  route({
    method: 'GET',
    path: '/checkpoints',
    service: 's11',
    rule: 'read',
    summary: 'checkpoints of a run that can be gone back to, newest first',
    query: z.strictObject({ run: id.optional() }),
    handle: async ({ api, query }) => ({ items: await liveRun(api, query.run).checkpoints(), next: null }),
  }),
  route({
    method: 'GET',
    path: '/streams',
    service: 's11',
    rule: 'read',
    summary: 'streams of the bus with their length, how far each reader is behind, and from where on they were trimmed',
    query: z.strictObject({ run: id.optional() }),
    handle: async ({ api }) =>
      api.bus ? { items: await api.bus.streams(), next: null } : { items: [], next: null, reason: NO_BUS },
  }),
  route({
    method: 'GET',
    path: '/audit',
    service: 's12',
    rule: 'audit.read',
    summary: 'who did what and when, newest first',
    query: z.strictObject({ limit: count(1000, 100), before: us.optional() }),
    handle: ({ api, query }) => {
      const items = api.audit.list(query.limit, query.before);
      return { items, next: items.length === query.limit ? (items.at(-1)?.n ?? null) : null };
    },
  }),
  route({
    method: 'GET',
    path: '/audit/verify',
    service: 's12',
    rule: 'audit.read',
    summary: 'whether the audit log is as it was written',
    perMinute: 10,
    handle: ({ api }) => api.audit.verify(),
  }),
  route({
    method: 'GET',
    path: '/runs/:run/checkpoints',
    service: 's11',
    rule: 'read',
    summary: 'checkpoints of one run',
    params: z.strictObject({ run: id }),
    handle: async ({ api, params }) => ({ items: await runOf(api, params.run).checkpoints(), next: null }),
  }),
];

/** Services in one process hand over in memory: there is nothing to show, and that is no error. */
const NO_BUS = {
  code: 'CHM1141',
  message: 'no bus is configured',
  help: 'serve with --bus redis://HOST:PORT/DB, and --prefix as the services have it',
};

const letterOf = (d: Document): DeadLetter => ({
  id: d._key,
  at_us: Number(d['t'] ?? 0),
  node: String(d['node'] ?? ''),
  source: String(d['source'] ?? ''),
  seq: Number(d['seq'] ?? 0),
  code: String(d['code'] ?? ''),
  reason: String(d['message'] ?? d['reason'] ?? ''),
  values: d,
});
