import {
  Background,
  BackgroundVariant,
  Panel as Corner,
  type Edge,
  MiniMap,
  type Node,
  ReactFlow,
  ReactFlowProvider,
  useStore as useFlow,
  useReactFlow,
} from '@xyflow/react';
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import '@xyflow/react/dist/base.css';
import './graph.css';
import type { Graph, Stats } from '../../../api/contract/records.ts';
import { useText } from '../../i18n/text.ts';
import type { Store } from '../../live/store.ts';
import { Icon } from '../../parts/icon.tsx';
import { ErrorNote } from '../../parts/parts.tsx';
import { atOnce, KEY_H, type Layout, layout } from './layout.ts';
import { EdgeCard, Legend } from './legend.tsx';
import { linksOf, reach } from './model.ts';
import { Painter } from './painter.ts';
import { type BoxNode, edgeTypes, type LinkEdge, nodeTypes, type Scene, SceneContext } from './picture.tsx';

export interface CanvasProps {
  readonly graph: Graph;
  /** What moves; null shows a moment of the past instead. */
  readonly stats: Store<Stats | null> | null;
  readonly chosen: string | null;
  readonly onChoose: (id: string | null) => void;
  /** Keys of baskets, for those that are unfolded. */
  readonly keys?: readonly string[];
  readonly found?: ReadonlySet<string> | null;
  readonly showCritical?: boolean;
  readonly showFeedback?: boolean;
  /** Nodes that ran at a moment: their place in the order, and what they put out. */
  readonly moment?: ReadonlyMap<string, { order: number | null; text: string }>;
  readonly children?: ReactNode;
}

export function Canvas(props: CanvasProps) {
  return (
    <ReactFlowProvider>
      <Laid {...props} />
    </ReactFlowProvider>
  );
}

function Laid(props: CanvasProps) {
  const { graph, keys } = props;
  const t = useText();
  const [unfolded, setUnfolded] = useState<ReadonlySet<string>>(new Set());
  const [laid, setLaid] = useState<{ of: string; layout: Layout }>();
  const [failed, setFailed] = useState<unknown>();
  const rows = useMemo(
    () => new Map([...unfolded].map((id) => [id, keys?.length ?? 0] as const).filter(([, n]) => n > 0)),
    [unfolded, keys?.length],
  );
  useEffect(() => {
    let wanted = true;
    setFailed(undefined);
    layout(graph, rows).then(
      (l) => wanted && setLaid({ of: graph.hash, layout: l }),
      (e: unknown) => wanted && setFailed(e),
    );
    return () => {
      wanted = false;
    };
  }, [graph, rows]);
  const first = useMemo(() => atOnce(graph), [graph]);
  const ready = laid?.of === graph.hash;
  if (failed !== undefined) return <ErrorNote error={failed} />;
  const fold = (id: string) =>
    setUnfolded((s) => {
      const next = new Set(s);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  const basket = keys && keys.length > 0;
  return (
    <>
      <Flow {...props} laid={ready ? laid.layout : first} unfolded={unfolded} onUnfold={basket ? fold : null} />
      {!ready && (
        <p className="hidden" role="status">
          {t('graph.layout', { n: graph.nodes.length })}
        </p>
      )}
    </>
  );
}

function Flow(
  props: CanvasProps & { laid: Layout; unfolded: ReadonlySet<string>; onUnfold: ((id: string) => void) | null },
) {
  const { graph, laid, chosen, onChoose, stats, found, moment, unfolded, keys } = props;
  const t = useText();
  const { fitView, zoomIn, zoomOut, setCenter, getZoom } = useReactFlow();
  const far = useFlow((f) => f.transform[2] < 0.56);
  const [first] = useState(chosen);
  const [ready, setReady] = useState(false);
  const [hover, setHover] = useState<string | null>(null);
  const links = useMemo(() => linksOf(graph), [graph]);
  const critical = useCritical(props.showCritical !== false ? stats : null);
  const painter = useMemo(() => (stats ? new Painter() : null), [stats]);
  const latest = useRef(onChoose);
  latest.current = onChoose;

  useEffect(() => {
    if (!painter || !stats) return;
    painter.take(stats.get());
    const end = stats.subscribe(() => painter.take(stats.get()));
    return () => {
      end();
      painter.stop();
    };
  }, [painter, stats]);
  useEffect(() => {
    if (!painter) return;
    painter.words = (status, s) =>
      status === 'warming'
        ? `◔ ${s.instances - s.warming}/${s.instances}`
        : status === 'error'
          ? `✕ ${s.errors}`
          : status === 'stale'
            ? `▲ ${t('graph.status.stale')}`
            : status === 'ok'
              ? '●'
              : '○';
    painter.repaint();
  }, [painter, t]);

  const centred = useRef<string | null>(null);
  // Another layout, another extent.
  const shown = useRef(laid);
  const asked = useRef(chosen);
  asked.current = chosen;
  useEffect(() => {
    if (shown.current === laid) return;
    shown.current = laid;
    centred.current = null;
    // A node that was asked for is brought into view by the effect below.
    if (asked.current === null) void fitView(FIT);
  }, [laid, fitView]);

  // Once per node that is chosen from outside (a link, the search): bring it into view.
  useEffect(() => {
    if (!ready || chosen === null || chosen === centred.current) return;
    centred.current = chosen;
    const b = laid.nodes[chosen];
    if (b) void setCenter(b.x + b.w / 2, b.y + b.h / 2, { zoom: Math.max(0.85, getZoom()), duration: 250 });
  }, [ready, chosen, laid, setCenter, getZoom]);

  const near = useMemo(
    () => (chosen ? new Set([chosen, ...reach(graph, chosen, 'up'), ...reach(graph, chosen, 'down')]) : null),
    [graph, chosen],
  );
  const nodes = useMemo(() => {
    const back: Node[] = [
      ...laid.lanes.map(
        (l): Node => ({
          ...still,
          id: `lane ${l.tier}`,
          type: 'lane',
          position: l.box,
          width: l.box.w,
          height: l.box.h,
          data: { tier: l.tier },
          zIndex: -3,
        }),
      ),
      ...laid.services.map(
        (s, i): Node => ({
          ...still,
          id: `service ${i} ${s.name}`,
          type: 'service',
          position: s.box,
          width: s.box.w,
          height: s.box.h,
          data: { name: s.name },
          zIndex: -2,
        }),
      ),
    ];
    const boxes = graph.nodes.map((node): BoxNode => {
      const b = laid.nodes[node.id]!;
      const open = unfolded.has(node.id) && keys ? keys : null;
      return {
        ...still,
        id: node.id,
        type: 'box',
        position: { x: b.x, y: b.y },
        width: b.w,
        height: b.h,
        data: {
          node,
          chosen: node.id === chosen,
          critical: critical.has(node.id),
          faded: found ? !found.has(node.id) : false,
          keys: open && b.h > 62 + KEY_H / 2 ? open : null,
          moment: moment ? (moment.get(node.id) ?? { order: null, text: '' }) : null,
          asked: moment !== undefined && moment.size > 0,
        },
      };
    });
    return [...back, ...boxes];
  }, [graph, laid, chosen, critical, found, moment, unfolded, keys]);
  const edges = useMemo(
    () =>
      links
        .filter((l) => !l.feedback || props.showFeedback !== false)
        .map((link): Edge => {
          const data: LinkEdge['data'] = {
            link,
            points: laid.links[link.id] ?? [],
            critical: critical.has(link.from) && critical.get(link.from) === link.to,
            faded: found
              ? !(found.has(link.from) && found.has(link.to))
              : near
                ? !(near.has(link.from) && near.has(link.to))
                : false,
            lit: chosen !== null && (link.from === chosen || link.to === chosen),
          };
          return { id: link.id, type: 'link', source: link.from, target: link.to, data };
        }),
    [links, laid, critical, found, near, chosen, props.showFeedback],
  );
  const { onUnfold } = props;
  const scene = useMemo(
    (): Scene => ({
      painter,
      onUnfold,
      onHover: setHover,
      onSelect: (id) => {
        centred.current = id;
        latest.current(id);
      },
    }),
    [painter, onUnfold],
  );
  const hovered = hover === null ? undefined : links.find((l) => l.id === hover);
  return (
    <div className="canvas" data-moment={moment !== undefined} data-far={far}>
      <svg width="0" height="0" aria-hidden="true" className="defs">
        <defs>
          <marker
            id="arrow"
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="7"
            markerHeight="7"
            markerUnits="userSpaceOnUse"
            orient="auto"
          >
            <path d="M0 .8 7 4 0 7.200z" />
          </marker>
        </defs>
      </svg>
      <SceneContext value={scene}>
        <ReactFlow
          nodes={nodes}
          edges={edges}
          nodeTypes={nodeTypes}
          edgeTypes={edgeTypes}
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={false}
          edgesFocusable={false}
          elementsSelectable={false}
          minZoom={0.1}
          maxZoom={2}
          fitView={first === null}
          onInit={() => setReady(true)}
          fitViewOptions={FIT}
          onPaneClick={() => onChoose(null)}
          proOptions={PRO}
          disableKeyboardA11y
          aria-label={t('graph.title')}
        >
          <Background variant={BackgroundVariant.Dots} gap={22} size={1} />
          <MiniMap pannable zoomable ariaLabel="Minimap" nodeColor={miniColour} nodeStrokeWidth={0} />
          <Corner position="top-right" className="tools">
            <button
              type="button"
              className="icon"
              onClick={() => void zoomIn()}
              aria-label={t('graph.zoom_in')}
              title={t('graph.zoom_in')}
            >
              <Icon name="plus" />
            </button>
            <button
              type="button"
              className="icon"
              onClick={() => void zoomOut()}
              aria-label={t('graph.zoom_out')}
              title={t('graph.zoom_out')}
            >
              <Icon name="minus" />
            </button>
            <button
              type="button"
              className="icon"
              onClick={() => void fitView(FIT)}
              aria-label={t('graph.fit')}
              title={t('graph.fit')}
            >
              <Icon name="fit" />
            </button>
          </Corner>
          <Corner position="bottom-left" className="corner">
            {hovered && <EdgeCard link={hovered} stats={stats} />}
            <Legend />
          </Corner>
          {props.children}
        </ReactFlow>
      </SceneContext>
    </div>
  );
}

const FIT = { padding: 0.03, minZoom: 0.1, maxZoom: 1.1 } as const;
// The licence of the library allows to take the mark off; the help sheet names it.
const PRO = { hideAttribution: true } as const;
const still = { draggable: false, selectable: false, focusable: false, connectable: false } as const;
const miniColour = (n: Node): string =>
  n.type === 'box' ? `var(--${(n as BoxNode).data.node.tier})` : n.type === 'service' ? 'var(--sunk)' : 'transparent';

/** Each node of the critical path → the one after it. Changes rarely though statistics come often. */
function useCritical(stats: Store<Stats | null> | null): ReadonlyMap<string, string | null> {
  const [path, setPath] = useState('');
  useEffect(() => {
    if (!stats) {
      setPath('');
      return;
    }
    const take = () => setPath((stats.get()?.critical_path ?? []).join('\n'));
    take();
    return stats.subscribe(take);
  }, [stats]);
  return useMemo(() => {
    const ids = path === '' ? [] : path.split('\n');
    return new Map(ids.map((id, i) => [id, ids[i + 1] ?? null]));
  }, [path]);
}
