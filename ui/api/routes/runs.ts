import { z } from 'zod';
import type { Api } from '../api.ts';
import type { RunHandle } from '../ports.ts';
import { ApiError, notFound } from '../problem.ts';
import { count, id, instrument, page, type Route, route, us } from '../route.ts';
import { compareRuns } from '../runs/compare-runs.ts';
import { lineageOf } from '../runs/lineage.ts';

const run = z.strictObject({ run: id });

export function runOf(api: Api, id: string): RunHandle {
  const found = api.runs.get(id);
  if (!found) throw notFound(`run ${id}`);
  return found;
}
/** What a run without the thing answers. */
export const lacks = (run: RunHandle, what: string, help?: string): ApiError =>
  new ApiError('CHM1121', `run ${run.id} has no ${what}`, help === undefined ? {} : { help });

export const runs: readonly Route[] = [
  route({
    method: 'GET',
    path: '/runs',
    service: 's12',
    rule: 'read',
    summary: 'live runs, ended runs and backtests, newest first',
    query: z.strictObject({ limit: count(1000, 200), before: us.optional() }),
    handle: ({ api, query }) => {
      const all = api.runs
        .list()
        .map((r) => r.run())
        .sort((a, b) => b.started_ms - a.started_ms || (a.id < b.id ? -1 : 1))
        .filter((r) => query.before === undefined || r.started_ms < query.before);
      const items = all.slice(0, query.limit);
      return { items, next: all.length > items.length ? (items.at(-1)?.started_ms ?? null) : null };
    },
  }),
  route({
    method: 'GET',
    path: '/runs/:run',
    service: 's12',
    rule: 'read',
    summary: 'one run',
    params: run,
    handle: ({ api, params }) => runOf(api, params.run).run(),
  }),
  route({
    method: 'GET',
    path: '/runs/:run/report',
    service: 's12',
    rule: 'read',
    summary: 'the report of a run as a page',
    params: run,
    type: 'text/html; charset=utf-8',
    handle: async ({ api, params, reply }) => {
      const found = runOf(api, params.run);
      const html = await found.report('html');
      if (html === undefined) throw lacks(found, 'report', 'backtest with --report, or let the run come to its end');
      // The report is one file with its own script and style: it runs apart from everything else of this origin.
      reply.header('content-security-policy', REPORT_CSP);
      reply.header('x-frame-options', 'SAMEORIGIN');
      return html;
    },
  }),
  route({
    method: 'GET',
    path: '/runs/:run/report.json',
    service: 's12',
    rule: 'read',
    summary: 'the report of a run with all its series',
    params: run,
    handle: async ({ api, params }) => JSON.parse(await reportOf(runOf(api, params.run))) as unknown,
  }),
  route({
    method: 'GET',
    path: '/runs/:run/equity',
    service: 's12',
    rule: 'read',
    summary: 'equity over engine time',
    params: run,
    handle: async ({ api, params }) => {
      const { equity } = JSON.parse(await reportOf(runOf(api, params.run))) as {
        equity: { t_us: number[]; equity: string[] };
      };
      return { points: equity.t_us.map((t, i) => [t, equity.equity[i]]) };
    },
  }),
  route({
    method: 'GET',
    path: '/compare',
    service: 's12',
    rule: 'read',
    summary: 'two runs side by side: figures, first difference, trades that only one of them has',
    query: z.strictObject({ a: id, b: id }),
    handle: ({ api, query }) => compareRuns(runOf(api, query.a), runOf(api, query.b)),
  }),
  route({
    method: 'GET',
    path: '/runs/:run/graph',
    service: 's12',
    rule: 'read',
    summary: 'the graph of a run: nodes, ports, edges, services, and its document',
    params: run,
    handle: ({ api, params }) => {
      const found = runOf(api, params.run);
      const graph = found.graph();
      if (!graph) throw lacks(found, 'graph');
      return graph;
    },
  }),
  route({
    method: 'GET',
    path: '/runs/:run/nodes/:node',
    service: 's12',
    rule: 'research',
    summary: 'what a node held at a cycle or a time; now, when neither is given',
    params: z.strictObject({ run: id, node: id }),
    query: z.strictObject({ key: instrument.optional(), cycle: us.optional(), at_us: us.optional() }),
    handle: ({ api, params, query }) => {
      const found = runOf(api, params.run);
      if (found.graph()?.nodes.some((n) => n.id === params.node) === false) throw notFound(`node ${params.node}`);
      return found.call('node', { node: params.node, ...query });
    },
  }),
  route({
    method: 'GET',
    path: '/runs/:run/moments',
    service: 's12',
    rule: 'research',
    summary: 'a cycle: its cause, the nodes that ran and what each put out',
    params: run,
    query: z.strictObject({
      cycle: us.optional(),
      at_us: us.optional(),
      step: z.coerce.number().int().min(-1).max(1).default(0),
    }),
    handle: ({ api, params, query }) =>
      runOf(api, params.run).call('moment', {
        cycle: query.cycle,
        at_us: query.at_us,
        step: Math.sign(query.step) as -1 | 0 | 1,
      }),
  }),
  route({
    method: 'GET',
    path: '/runs/:run/decisions',
    service: 's3',
    rule: 'read',
    summary: 'decision moments, newest first, with what stopped or moved each',
    params: run,
    query: z.strictObject({
      ...page,
      key: instrument.optional(),
      node: id.optional(),
      from_us: us.optional(),
      to_us: us.optional(),
    }),
    handle: async ({ api, params, query }) => {
      const found = runOf(api, params.run);
      const decisions = await found.decisions();
      if (!decisions) throw lacks(found, 'decisions', 'its graph has no rules, or nothing of it was kept');
      const items = await decisions.list(query);
      return { items, next: items.length === query.limit ? (items.at(-1)?.cycle ?? null) : null };
    },
  }),
  route({
    method: 'GET',
    path: '/runs/:run/decisions/:cycle/why',
    service: 's3',
    rule: 'read',
    summary: 'why it traded or did not: all conditions with their operands, and what would have turned each round',
    params: z.strictObject({ run: id, cycle: us }),
    query: z.strictObject({ key: instrument.optional(), node: id.optional() }),
    handle: async ({ api, params, query }) => {
      const found = runOf(api, params.run);
      const decisions = await found.decisions();
      if (!decisions) throw lacks(found, 'decisions');
      const all = await decisions.why(params.cycle);
      const verdict = all.find(
        (v) => (query.key === undefined || v.key === query.key) && (query.node === undefined || v.node === query.node),
      );
      if (!verdict) throw notFound(`decision in cycle ${params.cycle}`);
      return verdict;
    },
  }),
  route({
    method: 'GET',
    path: '/runs/:run/lineage',
    service: 's6',
    rule: 'read',
    summary: 'from an order back to what caused it, or from an event on',
    params: run,
    query: z
      .strictObject({
        order: id.optional(),
        node: id.optional(),
        seq: us.optional(),
        id: id.optional(),
        direction: z.enum(['up', 'down']).default('up'),
      })
      .refine((q) => q.order !== undefined || q.id !== undefined || (q.node !== undefined && q.seq !== undefined), {
        error: 'order, id, or node and seq are needed',
        path: ['order'],
      }),
    handle: async ({ api, params, query }) => {
      const found = runOf(api, params.run);
      const store = await found.documents();
      if (!store) throw lacks(found, 'documents', 'run it with --state, and with a sink.documents');
      return lineageOf(store, found.run().pipeline, query);
    },
  }),
  route({
    method: 'GET',
    path: '/runs/:run/bars',
    service: 's1',
    rule: 'read',
    summary: 'candles of an instrument, oldest first; prices as exact decimals',
    params: run,
    query: z.strictObject({
      instrument,
      from_us: us.default(0),
      to_us: us.default(Number.MAX_SAFE_INTEGER),
      width: z.coerce
        .number()
        .int()
        .min(1)
        .max(7 * 86_400)
        .default(60)
        .describe('seconds'),
      limit: count(5000, 1500),
    }),
    handle: async ({ api, params, query }) => {
      const found = runOf(api, params.run);
      const { width, ...rest } = query;
      const bars = await found.bars({ ...rest, width_us: width * 1e6 });
      if (!bars) throw lacks(found, 'bars', 'its graph has no silver.time_bars, or nothing of it was kept');
      return { bars: bars.map((b) => [b.t_us, b.open, b.high, b.low, b.close, b.volume]) };
    },
  }),
  route({
    method: 'GET',
    path: '/runs/:run/fills',
    service: 's4',
    rule: 'read',
    summary: 'executions, oldest first',
    params: run,
    query: z.strictObject({
      limit: count(10_000, 1000),
      from_us: us.default(0),
      to_us: us.default(Number.MAX_SAFE_INTEGER),
      instrument: instrument.optional(),
    }),
    handle: async ({ api, params, query }) => {
      const found = runOf(api, params.run);
      const store = await found.documents();
      if (store) {
        const { limit, from_us, to_us } = query;
        const only = query.instrument === undefined ? {} : { instrument: query.instrument };
        const items = await store.query('by_time', { collection: 'fills', from: from_us, to: to_us, limit, ...only });
        return { items, next: items.length === limit ? Number(items.at(-1)?.['t'] ?? 0) + 1 : null };
      }
      const report = await found.report('json');
      if (report === undefined) throw lacks(found, 'fills', 'run it with --state, or with a report');
      const { fills } = JSON.parse(report) as { fills: { time_ms: number; symbol: string }[] };
      const items = fills.filter(
        (f) =>
          f.time_ms * 1000 >= query.from_us &&
          f.time_ms * 1000 < query.to_us &&
          (query.instrument === undefined || f.symbol === query.instrument),
      );
      return { items: items.slice(0, query.limit), next: null };
    },
  }),
];

async function reportOf(run: RunHandle): Promise<string> {
  const json = await run.report('json');
  if (json === undefined) throw lacks(run, 'report', 'backtest with --report, or let the run come to its end');
  return json;
}

/** Its script and style stand in the file; `sandbox` gives it an origin of its own, from which no cookie and no token is in reach. */
const REPORT_CSP =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; sandbox allow-scripts; frame-ancestors 'self'; base-uri 'none'; form-action 'none'";
