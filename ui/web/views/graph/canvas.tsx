import {
  Background,
  BackgroundVariant,
  Panel as Corner,
  MiniMap,
  type Node,
  ReactFlow,
  ReactFlowProvider,
  useStore as useFlow,
  useOnViewportChange,
  useReactFlow,
  useStoreApi,
} from '@xyflow/react';
import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import '@xyflow/react/dist/base.css';
import './graph.css';
import type { Graph, Stats } from '../../../api/contract/records.ts';
import { useText } from '../../i18n/text.ts';
import type { Store } from '../../live/store.ts';
import { Icon } from '../../parts/icon.tsx';
import { ErrorNote } from '../../parts/parts.tsx';
import { atOnce, type Box, KEY_H, type Layout, layout, NODE_H } from './layout.ts';
import { EdgeCard, Legend } from './legend.tsx';
import { Links } from './links.tsx';
import { type Link, linksOf, reach } from './model.ts';
import { Painter } from './painter.ts';
import { type BoxNode, nodeTypes, type Scene, SceneContext } from './picture.tsx';

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
  const showCritical = props.showCritical !== false;
  const t = useText();
  const { fitView, zoomIn, zoomOut, setCenter, getZoom } = useReactFlow();
  const distance = useFlow((f) => distanceAt(f.transform[2]));
  const [first] = useState(chosen);
  const [ready, setReady] = useState(false);
  const [hover, setHover] = useState<string | null>(null);
  const links = useMemo(() => linksOf(graph), [graph]);
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
    painter.criticalWord = t('graph.critical');
    painter.showCritical = showCritical;
    painter.repaint();
  }, [painter, t, showCritical]);

  const flow = useStoreApi();
  const width = useFlow((f) => f.width);
  const height = useFlow((f) => f.height);
  const look = useCallback(() => {
    const [x, y, zoom] = flow.getState().transform;
    const window = { x: -x / zoom, y: -y / zoom, w: width / zoom, h: height / zoom };
    painter?.look(laid.nodes, window, distanceAt(zoom) !== 'remote');
  }, [flow, painter, laid, width, height]);
  useEffect(look, [look]);
  useOnViewportChange({ onEnd: look });

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
          ...at(l.box),
          data: { tier: l.tier },
          zIndex: -3,
        }),
      ),
      ...laid.services.map(
        (s, i): Node => ({
          ...still,
          id: `service ${i} ${s.name}`,
          type: 'service',
          ...at(s.box),
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
        ...at(b),
        data: {
          node,
          chosen: node.id === chosen,
          faded: found ? !found.has(node.id) : false,
          keys: open && b.h > NODE_H + KEY_H / 2 ? open : null,
          moment: moment ? (moment.get(node.id) ?? { order: null, text: '' }) : null,
          asked: moment !== undefined && moment.size > 0,
        },
      };
    });
    return [...back, ...boxes];
  }, [graph, laid, chosen, found, moment, unfolded, keys]);
  const drawn = useMemo(
    () => (props.showFeedback === false ? links.filter((l) => !l.feedback) : links),
    [links, props.showFeedback],
  );
  const faded = useCallback(
    (l: Link): boolean => {
      const of = found ?? near;
      return of ? !(of.has(l.from) && of.has(l.to)) : false;
    },
    [found, near],
  );
  const lit = (l: Link): boolean => chosen !== null && (l.from === chosen || l.to === chosen);
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
    <div className="canvas" data-moment={moment !== undefined} data-distance={distance}>
      <SceneContext value={scene}>
        <ReactFlow
          nodes={nodes}
          nodeTypes={nodeTypes}
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={false}
          edgesFocusable={false}
          elementsSelectable={false}
          minZoom={0.05}
          maxZoom={2}
          fitView={first === null}
          onInit={() => setReady(true)}
          fitViewOptions={FIT}
          onPaneClick={() => onChoose(null)}
          proOptions={PRO}
          disableKeyboardA11y
          aria-label={t('graph.title')}
        >
          <Links links={drawn} laid={laid} faded={faded} lit={lit} />
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

/** How much of a box can be read: all of it, its name and one figure, its name and a colour. */
const distanceAt = (zoom: number): 'near' | 'far' | 'remote' => (zoom < 0.26 ? 'remote' : zoom < 0.56 ? 'far' : 'near');
const FIT = { padding: 0.03, minZoom: 0.05, maxZoom: 1.1 } as const;
// The licence of the library allows to take the mark off; the help sheet names it.
const PRO = { hideAttribution: true } as const;
const still = { draggable: false, selectable: false, focusable: false, connectable: false } as const;
/** Placed by left and top: a transform of its own makes each box dear in every frame, also of those in which it stands still. */
const at = ({ x, y, w, h }: Box): Pick<Node, 'position' | 'width' | 'height' | 'style'> => ({
  position: { x, y },
  width: w,
  height: h,
  style: { transform: 'none', left: x, top: y },
});
const miniColour = (n: Node): string =>
  n.type === 'box' ? `var(--${(n as BoxNode).data.node.tier})` : n.type === 'service' ? 'var(--sunk)' : 'transparent';
