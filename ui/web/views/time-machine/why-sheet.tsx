import type { Condition, Flip, Run, Verdict } from '../../../api/contract/records.ts';
import { client } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { useSettings } from '../../app/settings.ts';
import { timeUs, value } from '../../i18n/format.ts';
import { type Translate, useText, words } from '../../i18n/text.ts';
import { Icon } from '../../parts/icon.tsx';
import { Json } from '../../parts/json.tsx';
import { Badge, Empty, Note, Shown } from '../../parts/parts.tsx';
import { traded } from './decision-list.tsx';

/** Why it traded, or why not: every condition with its operands, and the change that would have turned it. */
export function WhySheet({ run, cycle, nodeKey }: { run: Run; cycle: string | null; nodeKey: string | null }) {
  const t = useText();
  const why = useData(cycle === null ? null : `why ${run.id} ${cycle} ${nodeKey}`, (s) =>
    client.get<Verdict>(`/runs/${encodeURIComponent(run.id)}/decisions/${cycle}/why`, { key: nodeKey }, s),
  );
  if (cycle === null) return <Empty>{t('time.pick')}</Empty>;
  return <Shown of={why}>{(v) => <Tree of={v} />}</Shown>;
}

function Tree({ of: v }: { of: Verdict }) {
  const t = useText();
  const { zone } = useSettings();
  return (
    <>
      <h2>{t(traded(v) ? 'why.traded' : 'why.not_traded')}</h2>
      <p className="dim">
        {v.node} {v.key} · {timeUs(v.at_us, zone, { date: true, us: true })}
      </p>
      <p className="row">
        {t('why.decision')} <Badge tone={traded(v) ? 'info' : 'plain'}>{words(t, 'act', v.decision)}</Badge>
      </p>
      {v.flip && (
        <Note tone="plain">
          <p>
            {flipText(t, v.flip)} → <b>{words(t, 'act', v.flip.decision)}</b>{' '}
            <span className="dim">({v.flip.rule})</span>
          </p>
        </Note>
      )}
      {v.layers.map((l) => (
        <section key={l.layer} className="layer">
          <h3>
            {t('why.layer', { layer: l.layer })}{' '}
            <Badge tone={l.passed ? 'good' : 'bad'}>{t(l.passed ? 'why.passed' : 'why.blocked')}</Badge>
            {l.reason && <span className="dim"> {l.reason}</span>}
          </h3>
          {l.conditions.length === 0 ? (
            <p className="dim fine">{t('why.no_conditions')}</p>
          ) : (
            <ul className="conditions">
              {l.conditions.map((c, i) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: conditions in the order of the rule
                <Branch key={i} of={c} depth={0} />
              ))}
            </ul>
          )}
        </section>
      ))}
      {v.intents.length > 0 && (
        <>
          <h3>{t('why.intents')}</h3>
          <Json of={v.intents} open={3} />
        </>
      )}
    </>
  );
}

function Branch({ of: c, depth }: { of: Condition; depth: number }) {
  const t = useText();
  const operands = Object.entries(c.operands);
  return (
    <li>
      <div className="what">
        <span className={c.held ? 'good' : 'bad'}>
          <Icon name={c.held ? 'ok' : 'close'} size={12} />
          <span className="hidden">{t(c.held ? 'why.held' : 'why.failed')}</span>
        </span>
        {c.rule && <b>{c.rule}</b>}
        <code>{c.expression}</code>
      </div>
      {c.of.length === 0 && operands.length > 0 && (
        <div className="vals">
          {operands.map(([k, v]) => (
            <span key={k}>
              {k} = <b>{value(v)}</b>{' '}
            </span>
          ))}
        </div>
      )}
      {c.flip && <div className="flip">{flipText(t, c.flip)}</div>}
      {c.of.length > 0 && (
        <ul className="conditions">
          {c.of.map((x, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: parts in the order of the expression
            <Branch key={i} of={x} depth={depth + 1} />
          ))}
        </ul>
      )}
    </li>
  );
}

const flipText = (t: Translate, f: Flip): string =>
  f.kind === 'constant'
    ? t('why.flip_constant', { from: f.what, to: value(f.to) })
    : t('why.flip', { what: f.what, from: value(f.from), to: value(f.to) });
