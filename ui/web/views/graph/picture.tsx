import type { Node, NodeProps, NodeTypes } from '@xyflow/react';
import { createContext, memo, useContext, useEffect, useRef } from 'react';
import type { GraphNode } from '../../../api/contract/records.ts';
import { useText, word } from '../../i18n/text.ts';
import { KEY_H } from './layout.ts';
import type { Painter } from './painter.ts';

export interface Scene {
  readonly painter: Painter | null;
  readonly onSelect: (id: string) => void;
  readonly onUnfold: ((id: string) => void) | null;
  readonly onHover: (link: string | null) => void;
}
export const SceneContext = createContext<Scene>({
  painter: null,
  onSelect: () => {},
  onUnfold: null,
  onHover: () => {},
});

export type BoxNode = Node<
  {
    node: GraphNode;
    chosen: boolean;
    faded: boolean;
    /** Keys of an unfolded basket. */
    keys: readonly string[] | null;
    /** In the time machine: place in the order of the cycle, and what the node held. */
    moment: { order: number | null; text: string } | null;
    /** Some moment is shown. */
    asked: boolean;
  },
  'box'
>;
export type LaneNode = Node<{ tier: 'bronze' | 'silver' | 'gold' }, 'lane'>;
export type ServiceNode = Node<{ name: string }, 'service'>;
const KIND_SIGN = { source: '▸ ', operator: '', sink: '■ ' } as const;

const BoxView = memo(function BoxView({ data }: NodeProps<BoxNode>) {
  const t = useText();
  const { painter, onSelect, onUnfold } = useContext(SceneContext);
  const { node, chosen, faded, keys, moment } = data;
  const box = useRef<HTMLDivElement>(null);
  const face = useRef<HTMLButtonElement>(null);
  const parts = useRef<Record<'rate' | 'lag' | 'step' | 'status', HTMLSpanElement | null>>({
    rate: null,
    lag: null,
    step: null,
    status: null,
  });
  const live = moment === null;
  const name = `${KIND_SIGN[node.kind]}${node.id}`;
  useEffect(() => {
    const { rate, lag, step, status } = parts.current;
    if (!painter || !live || !box.current || !face.current || !rate || !lag || !step || !status) return;
    return painter.node(node.id, { box: box.current, face: face.current, rate, lag, step, status });
  }, [painter, node.id, live]);
  const part = (name: 'rate' | 'lag' | 'step' | 'status') => (e: HTMLSpanElement | null) => {
    parts.current[name] = e;
  };
  return (
    <div
      ref={box}
      className="gnode"
      data-tier={node.tier}
      data-kind={node.kind}
      data-each={node.each !== null}
      data-chosen={chosen}
      data-faded={faded}
      data-ran={moment && data.asked ? moment.order !== null : undefined}
      data-status={moment ? undefined : 'idle'}
    >
      <button
        ref={face}
        type="button"
        className="face nodrag"
        data-node={node.id}
        aria-pressed={chosen}
        onClick={() => onSelect(node.id)}
        title={node.summary}
      >
        <span className="head">
          <b data-long={name.length > 9 || undefined}>{name}</b>
          {moment?.order != null && <span className="order">{moment.order}</span>}
          {live && (
            <span className="status" ref={part('status')}>
              {' '}
            </span>
          )}
        </span>
        <span className="type" data-long={node.type.length > 21 || undefined}>
          {node.type}
        </span>
        {live ? (
          <span className="nums">
            <span className="rate" ref={part('rate')} title={t('graph.rate')}>
              –
            </span>
            <span ref={part('lag')} title={t('graph.lag')}>
              –
            </span>
            <span ref={part('step')} title={t('graph.step')}>
              –
            </span>
          </span>
        ) : (
          <span className="held">{moment.text}</span>
        )}
      </button>
      {node.each !== null && onUnfold && (
        <button
          type="button"
          className="fold nodrag nopan"
          aria-expanded={keys !== null}
          aria-label={t(keys ? 'graph.fold_one' : 'graph.unfold_one', { node: node.id })}
          title={t(keys ? 'graph.fold_one' : 'graph.unfold_one', { node: node.id })}
          onClick={() => onUnfold(node.id)}
        >
          {keys ? '−' : '≡'}
        </button>
      )}
      {keys && (
        <ul className="keys" style={{ height: keys.length * KEY_H }}>
          {keys.map((k) => (
            <li key={k} style={{ height: KEY_H }}>
              {k}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
});

const LaneView = memo(function LaneView({ data }: NodeProps<LaneNode>) {
  const t = useText();
  return (
    <div className="lane" data-tier={data.tier}>
      <span>
        <b>{word(t, 'tier', data.tier)}</b> <i>{t(`tier.${data.tier}_note`)}</i>
      </span>
    </div>
  );
});
const ServiceView = memo(function ServiceView({ data }: NodeProps<ServiceNode>) {
  const t = useText();
  return (
    <div className="service">
      <span>{t('graph.service', { name: data.name })}</span>
    </div>
  );
});

export const nodeTypes = { box: BoxView, lane: LaneView, service: ServiceView } as NodeTypes;
