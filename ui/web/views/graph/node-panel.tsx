import { useState } from 'react';
import type { Graph, GraphNode, Run } from '../../../api/contract/records.ts';
import { setQuery, usePlace } from '../../app/router.ts';
import { useText, word } from '../../i18n/text.ts';
import { Icon } from '../../parts/icon.tsx';
import { Tabs } from '../../parts/parts.tsx';
import { NodeLineage } from './node-lineage.tsx';
import { NodeSpec } from './node-spec.tsx';
import { NodeTap } from './node-tap.tsx';
import { NodeValues } from './node-values.tsx';

const TABS = ['spec', 'values', 'tap', 'lineage'] as const;

/** All about one node. Which sheet is open stands in the address, so that a link shows the same. */
export function NodePanel(props: { run: Run; graph: Graph; node: GraphNode; keys: readonly string[] }) {
  const { run, graph, node } = props;
  const t = useText();
  const { query } = usePlace();
  const asked = query.get('panel');
  const tab = TABS.find((x) => x === asked) ?? 'spec';
  const [key, setKey] = useState<string | null>(null);
  const keys = node.each === null ? [] : props.keys;
  const chosenKey = key ?? keys[0] ?? null;
  return (
    <aside className="node-panel" aria-label={t('panel.label', { node: node.id })}>
      <header>
        <div>
          <h1>{node.id}</h1>
          <p className="dim">
            <span className="mono">{node.type}</span> · {word(t, 'tier', node.tier)}
            {node.service && <> · {t('graph.service', { name: node.service })}</>}
          </p>
        </div>
        {keys.length > 0 && tab !== 'spec' && (
          <select aria-label={t('key')} value={chosenKey ?? ''} onChange={(e) => setKey(e.target.value)}>
            {keys.map((k) => (
              <option key={k}>{k}</option>
            ))}
          </select>
        )}
        <button
          type="button"
          className="quiet icon"
          aria-label={t('close')}
          onClick={() => setQuery({ node: undefined, panel: undefined })}
        >
          <Icon name="close" />
        </button>
      </header>
      <Tabs
        label={t('panel.label', { node: node.id })}
        tabs={TABS.map((id) => ({ id, label: t(`panel.${id}`) }))}
        chosen={tab}
        onChoose={(id) => setQuery({ panel: id }, { replace: true })}
      />
      <div className="body" role="tabpanel" aria-label={t(`panel.${tab}`)} tabIndex={0}>
        {tab === 'spec' && <NodeSpec node={node} graph={graph} />}
        {tab === 'values' && <NodeValues run={run} graph={graph} node={node} nodeKey={chosenKey} />}
        {tab === 'tap' && <NodeTap key={chosenKey} run={run} node={node} nodeKey={chosenKey} />}
        {tab === 'lineage' && <NodeLineage run={run} graph={graph} node={node} nodeKey={chosenKey} />}
      </div>
    </aside>
  );
}
