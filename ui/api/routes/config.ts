import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Api } from '../api.ts';
import { diffGraphs } from '../config/diff-graphs.ts';
import { lintYaml, pipelineOf } from '../config/lint-yaml.ts';
import { nodeTypeJson, nodeTypes } from '../config/node-types.ts';
import type { Proposal } from '../contract/records.ts';
import type { RunHandle } from '../ports.ts';
import { ApiError, notFound } from '../problem.ts';
import { type Call, count, id, nothing, type Route, route, us, words, yaml } from '../route.ts';
import { lacks, runOf } from './runs.ts';
import { askedBy, liveRun } from './trading.ts';

const params = z.strictObject({ id });
const note = z.strictObject({ note: words().optional() }).optional();
/** Proposals that are being put into force: of two approvals at once one wins. */
const deciding = new Set<string>();

export const config: readonly Route[] = [
  route({
    method: 'GET',
    path: '/node-types',
    service: 's10',
    rule: 'read',
    summary: 'all node types',
    handle: () => ({ items: nodeTypes(), next: null }),
  }),
  route({
    method: 'GET',
    path: '/node-types/:type',
    service: 's10',
    rule: 'read',
    summary: 'everything about a node type: options, ports, fields, warm-up, examples',
    params: z.strictObject({ type: id }),
    handle: ({ params }) => nodeTypeJson(params.type),
  }),
  route({
    method: 'GET',
    path: '/config/schema',
    service: 's10',
    rule: 'read',
    summary: 'JSON Schema of the pipeline document',
    handle: ({ api }) => api.schema(),
  }),
  route({
    method: 'POST',
    path: '/config/lint',
    service: 's10',
    rule: 'read',
    summary: 'the findings of a document, all at once, each with its place',
    body: z.strictObject({ yaml: z.string().max(1_048_576), run: id.optional() }),
    repeat: 'free',
    perMinute: 600,
    handle: ({ api, body }) => ({
      diagnostics: lintYaml(body.yaml, body.run === undefined ? undefined : boundOf(runOf(api, body.run))).diagnostics,
      schema_version: 1,
    }),
  }),
  route({
    method: 'POST',
    path: '/config/diff',
    service: 's10',
    rule: 'read',
    summary: 'which nodes a document would keep, restart, drop and add in a run',
    body: z.strictObject({ run: id, yaml }),
    repeat: 'free',
    perMinute: 240,
    handle: ({ api, body }) => diff(runOf(api, body.run), body.yaml),
  }),
  route({
    method: 'POST',
    path: '/config/dry-run',
    service: 's10',
    rule: 'research',
    summary: 'runs a document over the last hours of a run and compares the orders; a job',
    body: z.strictObject({ run: id, yaml, hours: z.number().positive().max(168).default(1) }),
    status: 202,
    codes: ['CHM1121', 'CHM1139'],
    handle: ({ api, body, who, correlation }) => {
      const run = runOf(api, body.run);
      if (!run.offers('dryRun'))
        throw lacks(run, 'past to run again', 'dry-runs are over runs with a state folder that keep a journal');
      pipelineOf(body.yaml, boundOf(run));
      const { yaml, hours } = body;
      return api.jobs.begin({
        what: 'dry-run',
        by: who.name,
        correlation,
        work: (signal) => run.call('dryRun', { yaml, hours }, signal),
      });
    },
  }),
  route({
    method: 'GET',
    path: '/jobs/:id',
    service: 's12',
    rule: 'read',
    summary: 'work that takes longer than a request',
    params,
    handle: ({ api, params }) => {
      const job = api.jobs.get(params.id);
      if (!job) throw notFound(`job ${params.id}`);
      return job;
    },
  }),
  route({
    method: 'POST',
    path: '/jobs/:id/cancel',
    service: 's12',
    rule: 'research',
    summary: 'end work that I began, or anyone as administrator',
    params,
    body: nothing,
    codes: ['CHM1105', 'CHM1112'],
    handle: ({ api, params, who }) => {
      const job = api.jobs.get(params.id);
      if (!job) throw notFound(`job ${params.id}`);
      if (job.by !== who.name && !who.roles.includes('administrator'))
        throw new ApiError('CHM1105', 'this is the work of another person');
      api.jobs.cancel(params.id);
      return job;
    },
  }),
  route({
    method: 'GET',
    path: '/config/proposals',
    service: 's10',
    rule: 'read',
    summary: 'proposed documents, newest first',
    query: z.strictObject({ limit: count(200, 50), before: us.optional(), run: id.optional() }),
    handle: ({ api, query }) => {
      const found = api.proposals.list(query.limit, query.before);
      const items = found.filter((p) => query.run === undefined || p.run === query.run);
      return { items, next: found.length === query.limit ? (found.at(-1)?.at_ms ?? null) : null };
    },
  }),
  route({
    method: 'GET',
    path: '/config/proposals/:id',
    service: 's10',
    rule: 'read',
    summary: 'one proposal',
    params,
    handle: ({ api, params }) => proposalOf(api, params.id),
  }),
  route({
    method: 'POST',
    path: '/config/proposals',
    service: 's10',
    rule: 'config.propose',
    summary: 'propose another document for a run; another person approves',
    body: z.strictObject({ run: id, yaml, reason: words(), dry_run_job: id.optional() }),
    status: 201,
    handle: async ({ api, body, who, changed }) => {
      const run = runOf(api, body.run);
      const graph = run.graph();
      if (!graph) throw lacks(run, 'graph');
      const pipeline = pipelineOf(body.yaml, boundOf(run));
      const job = body.dry_run_job === undefined ? undefined : api.jobs.get(body.dry_run_job);
      const proposal: Proposal = {
        id: randomUUID(),
        run: body.run,
        by: who.name,
        at_ms: api.now(),
        reason: body.reason,
        yaml: body.yaml,
        base_hash: graph.hash,
        hash: pipeline.hash,
        diff: await diff(run, body.yaml),
        dry_run: job?.state === 'done' ? (job.result as Proposal['dry_run']) : null,
        state: 'proposed',
        decided_by: null,
        decided_ms: null,
        note: null,
      };
      api.proposals.put(proposal.id, proposal.at_ms, proposal);
      changed({ hash: graph.hash }, { id: proposal.id, hash: proposal.hash, reason: proposal.reason });
      return proposal;
    },
  }),
  route({
    method: 'POST',
    path: '/config/proposals/:id/approve',
    service: 's10',
    rule: 'config.approve',
    summary: 'approve a proposal of another person: the run goes on with that document',
    params,
    body: note,
    codes: ['CHM1106', 'CHM1118', 'CHM1121'],
    handle: async (call) => {
      const { api, params, who } = call;
      const p = openProposal(api, params.id);
      if (p.by === who.name) throw new ApiError('CHM1106', 'who proposed a document does not approve it');
      const run = runOf(api, p.run);
      if (run.graph()?.hash !== p.base_hash)
        throw new ApiError('CHM1118', 'the run has another document by now', { help: 'propose it anew' });
      if (!run.offers('reload')) throw lacks(run, 'reload');
      if (deciding.has(p.id)) throw new ApiError('CHM1118', 'this proposal is being decided');
      deciding.add(p.id);
      try {
        decide(call, p, { state: 'approved', note: call.body?.note ?? null });
        const applied = await run.call('reload', { yaml: p.yaml }, askedBy(call)).then(
          (diff) => ({ state: 'applied' as const, note: call.body?.note ?? null, diff }),
          (e: unknown) => ({ state: 'failed' as const, note: reasonOf(e), diff: p.diff }),
        );
        return decide(call, p, applied);
      } finally {
        deciding.delete(p.id);
      }
    },
  }),
  route({
    method: 'POST',
    path: '/config/proposals/:id/refuse',
    service: 's10',
    rule: 'config.approve',
    summary: 'refuse a proposal',
    params,
    body: note,
    codes: ['CHM1106', 'CHM1118'],
    handle: (call) => {
      const p = openProposal(call.api, call.params.id);
      if (p.by === call.who.name)
        throw new ApiError('CHM1106', 'who proposed a document does not decide on it', { help: 'withdraw it' });
      return decide(call, p, { state: 'refused', note: call.body?.note ?? null });
    },
  }),
  route({
    method: 'POST',
    path: '/config/proposals/:id/withdraw',
    service: 's10',
    rule: 'config.propose',
    summary: 'withdraw my own proposal',
    params,
    body: nothing,
    codes: ['CHM1105', 'CHM1118'],
    handle: (call) => {
      const p = openProposal(call.api, call.params.id);
      if (p.by !== call.who.name) throw new ApiError('CHM1105', 'this is the proposal of another person');
      return decide(call, p, { state: 'withdrawn', note: null });
    },
  }),
  route({
    method: 'GET',
    path: '/active',
    service: 's10',
    rule: 'read',
    summary: 'the document that runs',
    query: z.strictObject({ run: id.optional() }),
    handle: ({ api, query }) => {
      const run = liveRun(api, query.run);
      const graph = run.graph();
      if (!graph) throw lacks(run, 'graph');
      return { run: run.id, hash: graph.hash, yaml: graph.yaml };
    },
  }),
];

const boundOf = (run: RunHandle) => run.bound();

function diff(run: RunHandle, yaml: string) {
  if (run.offers('diff')) return run.call('diff', { yaml });
  const graph = run.graph();
  if (!graph) throw lacks(run, 'graph');
  return diffGraphs(pipelineOf(graph.yaml, boundOf(run)), pipelineOf(yaml, boundOf(run)));
}
function proposalOf(api: Api, id: string): Proposal {
  const p = api.proposals.get(id);
  if (!p) throw notFound(`proposal ${id}`);
  return p;
}
function openProposal(api: Api, id: string): Proposal {
  const p = proposalOf(api, id);
  if (p.state !== 'proposed') throw new ApiError('CHM1118', `this proposal is ${p.state}`);
  return p;
}
function decide(
  call: Pick<Call, 'api' | 'who' | 'changed'>,
  before: Proposal,
  to: Pick<Proposal, 'state' | 'note'> & Partial<Pick<Proposal, 'diff'>>,
): Proposal {
  const after: Proposal = { ...before, ...to, decided_by: call.who.name, decided_ms: call.api.now() };
  call.api.proposals.put(after.id, after.at_ms, after);
  const short = ({ id, state, hash, note }: Proposal) => ({ id, state, hash, note });
  call.changed(short(before), short(after));
  return after;
}
const reasonOf = (e: unknown): string => (e instanceof Error ? e.message : String(e)).slice(0, 500);
