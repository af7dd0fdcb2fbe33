import type { Run as EngineRun } from '../../graph/runner/runner.ts';
import { ChimeraError } from '../../graph/schema/index.ts';
import type { ManualState } from '../../operators/governance/hand-order.ts';
import type { ReconcileDesk, ReconcileReport } from '../../sinks/binance/reconcile-desk.ts';
import type { ControlInlet, ControlReceipt } from '../../sources/control/inlet.ts';
import type { ControlRequest } from '../../sources/control/request.ts';
import { shownDiff } from '../api/config/diff-graphs.ts';
import type { Kill, Trading } from '../api/contract/records.ts';
import type { Asked, CancelRequest, KillRequest, ManualAnswer, OrderRequest } from '../api/ports.ts';
import { ApiError } from '../api/problem.ts';
import { killOf } from '../run/control/run-requests.ts';
import type { LiveJob } from '../run/live.ts';
import type { RunHandle } from '../run/run-handle.ts';
import type { Offers } from './observer.ts';

type Reconciler = Trading['reconciler'];

/** A command is answered once the cycle that it causes has been run, or after this time, ms. */
const APPLY_MS = 3000;

/**
 * What a live run offers to the API: the kill switch and orders by hand, where its graph has them, and another graph. Commands go the way of all inputs,
 * through the journal of `source.control`.
 */
export function liveOffers(job: LiveJob): { job: LiveJob; offers: Offers; reconciler?: () => Reconciler } {
  let run: EngineRun | undefined;
  let handle: RunHandle | undefined;
  let inlet: ControlInlet | undefined;
  let desk: ReconcileDesk | undefined;
  const given = <T>(value: T | undefined): T => {
    if (value !== undefined) return value;
    throw new ChimeraError('CHM951', 'the run is still starting', { help: 'ask again in a moment' });
  };
  /** Brings a command into the graph, and comes back when the cycle that it causes has been run. */
  const command = async (request: ControlRequest): Promise<ControlReceipt> => {
    const receipt = await given(inlet).append(request);
    const until = performance.now() + APPLY_MS;
    while (given(run).engine.now < receipt.t_avail_us && performance.now() < until)
      await new Promise((done) => setTimeout(done, 1));
    return receipt;
  };
  const kill = async ({ action, reason }: KillRequest, { by, correlation }: Asked): Promise<Kill> => {
    const kind = action === 'engage' ? 'kill_engage' : 'kill_release';
    await command({ kind, who: by, reason, correlation_id: correlation });
    return killNow(given(run));
  };
  const byHand = async (request: ControlRequest, { by, correlation, idempotency }: Asked): Promise<ManualAnswer> => {
    const receipt = await command({
      ...request,
      who: by,
      correlation_id: correlation,
      ...(idempotency === undefined ? {} : { idempotency_key: idempotency }),
    });
    return manualAnswer(given(run), request.instrument!, receipt);
  };
  const order = (o: OrderRequest, asked: Asked): Promise<ManualAnswer> => {
    const { instrument, side, type, qty, price, reduce_only, reason = 'by hand' } = o;
    const words = [side, type, qty, ...(price === undefined ? [] : [price]), ...(reduce_only ? ['reduce_only'] : [])];
    return byHand({ kind: 'order_place', who: asked.by, reason, instrument, subject: words.join(' ') }, asked);
  };
  const cancel = ({ instrument, client_id, reason = 'by hand' }: CancelRequest, asked: Asked): Promise<ManualAnswer> =>
    byHand({ kind: 'order_cancel', who: asked.by, reason, instrument, subject: client_id }, asked);
  const { nodes } = job.pipeline;
  const gateway = nodes.some((n) => n.gateway);
  const has = (type: string): boolean => nodes.some((n) => n.type.type === type);
  return {
    job: {
      ...job,
      onRun: (r) => {
        run = r;
        job.onRun?.(r);
      },
      onHandle: (h) => {
        handle = h;
        job.onHandle?.(h);
      },
      onReconciler: (d) => {
        desk = d;
        job.onReconciler?.(d);
      },
      onInlet: (i) => {
        inlet = i;
        job.onInlet?.(i);
      },
    },
    offers: {
      ...(has('governance.kill_switch') ? { kill } : {}),
      ...(has(MANUAL) ? { order, cancel } : {}),
      ...(gateway ? { reconcile: () => given(desk).reconcile(Date.now()) } : {}),
      diff: async ({ yaml }) => shownDiff(await given(handle).diff(yaml)),
      reload: async ({ yaml }) => shownDiff((await given(handle).reload(yaml)).diff),
    },
    ...(gateway ? { reconciler: () => reconcilerOf(desk?.report()) } : {}),
  };
}

/** The reconciler as the page shows it. */
function reconcilerOf(r: ReconcileReport | undefined): Reconciler {
  return {
    state: r?.state ?? 'starting',
    checked_us: r?.at_ms == null ? null : r.at_ms * 1000,
    jaccard: r?.jaccard ?? null,
    differences: r?.differences ?? 0,
  };
}

const MANUAL = 'governance.manual_orders';

/** What became of an order or a cancel by hand. @throws CHM1140 with the reason why it was not sent, CHM1122 */
function manualAnswer(
  run: EngineRun,
  instrument: string,
  { source, seq, t_avail_us, ...r }: ControlReceipt,
): ManualAnswer {
  const node = run.plan.nodes.find((n) => n.node.type.type === MANUAL);
  const key = run.engine.core.keys.find(instrument);
  const state = node && key && (run.engine.core.instance(node.index, key.index)?.state as ManualState | undefined);
  const found = state?.answers.find((a) => a.correlation === r.correlation_id);
  if (!found)
    throw new ApiError('CHM1122', `nothing was said of command ${source} ${seq} yet`, {
      help: 'look at the orders before sending it again, with the same idempotency key',
    });
  if (found.reason !== '') throw new ApiError('CHM1140', `the order was not sent: ${found.reason}`);
  return { client_id: found.id, at_us: t_avail_us, source, seq };
}

/** The kill switch as the page shows it. What cannot be read is not known. */
export function killNow(run: EngineRun): Kill {
  const { state, status } = killOf(run) ?? { state: null, status: null };
  const time = (v: unknown): number | null => (typeof v === 'number' ? v : null);
  const steps = (['engaged', 'cancelled', 'flat'] as const).flatMap((step) => {
    const at_us = time(status?.[`${step}_us`]);
    return at_us === null ? [] : [{ state: step === 'cancelled' ? 'flattening' : step, at_us }];
  });
  return {
    state: (status?.['phase'] as Kill['state'] | undefined) ?? 'unknown',
    reason: (status?.['reason'] as string | undefined) || null,
    by: (state?.['who'] as string | undefined) || null,
    since_us: time(status?.['engaged_us']),
    steps,
  };
}
