import { type ComponentType, useEffect, useState } from 'react';
import { Loading } from '../parts/parts.tsx';
import type { Route } from './router.ts';

/**
 * A view whose code comes when it is first wanted. Not `React.lazy`: a suspended tree is shown again after 300 ms at the earliest,
 * which is a third of what a first view may take.
 */
function view<P extends object>(load: () => Promise<{ readonly default: ComponentType<P> }>) {
  let known: ComponentType<P> | undefined;
  let coming: Promise<void> | undefined;
  const fetch = (): Promise<void> => {
    coming ??= load().then(
      (m) => {
        known = m.default;
      },
      (e: unknown) => {
        coming = undefined;
        throw e;
      },
    );
    return coming;
  };
  function View(props: P) {
    const [failed, setFailed] = useState<{ error: unknown }>();
    const [, setReady] = useState(known !== undefined);
    useEffect(() => {
      let wanted = true;
      if (!known)
        fetch().then(
          () => wanted && setReady(true),
          (error: unknown) => wanted && setFailed({ error }),
        );
      return () => {
        wanted = false;
      };
    }, []);
    if (failed) throw failed.error;
    const Known = known;
    return Known ? <Known {...props} /> : <Loading />;
  }
  return Object.assign(View, { fetch });
}

export const GraphView = view(() => import('../views/graph/graph-view.tsx'));
export const TradingView = view(() => import('../views/trading/trading-view.tsx'));
export const TimeView = view(() => import('../views/time-machine/time-view.tsx'));
export const EditorView = view(() => import('../views/editor/editor-view.tsx'));
export const RunsView = view(() => import('../views/runs/runs-view.tsx'));
export const ReportView = view(() => import('../views/runs/report-view.tsx'));
export const CompareView = view(() => import('../views/runs/compare-view.tsx'));
export const OperationsView = view(() => import('../views/operations/operations-view.tsx'));

const OF_ROUTE = {
  home: GraphView,
  graph: GraphView,
  trading: TradingView,
  time: TimeView,
  editor: EditorView,
  runs: RunsView,
  report: ReportView,
  compare: CompareView,
  operations: OperationsView,
  unknown: undefined,
} as const;

/** Begins to fetch the code of a view while the page finds out who is there. A failure shows when the view is opened. */
export function fetchView(route: Route): void {
  OF_ROUTE[route.view]?.fetch().catch(() => {});
}
