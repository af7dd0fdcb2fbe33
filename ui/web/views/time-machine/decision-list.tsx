import { useMemo, useState } from 'react';
import type { List } from '../../../api/contract/answers.ts';
import type { Run, Verdict } from '../../../api/contract/records.ts';
import { client } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { setQuery } from '../../app/router.ts';
import { useSettings } from '../../app/settings.ts';
import { timeUs } from '../../i18n/format.ts';
import { useText, words } from '../../i18n/text.ts';
import { Badge, Empty, Shown } from '../../parts/parts.tsx';

const PAGE = 100;
export const traded = (v: Verdict): boolean => v.intents.length > 0;

/** Decision moments, newest first: what was decided, and what stopped it. */
export function DecisionList({ run, chosen }: { run: Run; chosen: string | null }) {
  const t = useText();
  const { zone } = useSettings();
  const [only, setOnly] = useState<'all' | 'trades' | 'not'>('all');
  const [before, setBefore] = useState<number>();
  const list = useData(
    `decisions ${run.id} ${before}`,
    (s) => client.get<List<Verdict>>(`/runs/${encodeURIComponent(run.id)}/decisions`, { limit: PAGE, before }, s),
    run.state === 'running' && before === undefined ? { everyMs: 3000 } : {},
  );
  const items = useMemo(
    () => (list.data?.items ?? []).filter((v) => only === 'all' || traded(v) === (only === 'trades')),
    [list.data, only],
  );
  return (
    <>
      <div className="row filter">
        <label>
          {t('time.only')}{' '}
          <select value={only} onChange={(e) => setOnly(e.target.value as typeof only)}>
            <option value="all">{t('time.only_all')}</option>
            <option value="trades">{t('time.only_trades')}</option>
            <option value="not">{t('time.only_not')}</option>
          </select>
        </label>
        {before !== undefined && (
          <button type="button" className="small" onClick={() => setBefore(undefined)}>
            {t('time.newest')}
          </button>
        )}
      </div>
      <div className="scroll" tabIndex={0} role="group" aria-label={t('time.decisions')}>
        <Shown of={list}>
          {({ next }) =>
            items.length === 0 ? (
              <Empty>{t('why.none')}</Empty>
            ) : (
              <ul className="picks">
                {items.map((v) => (
                  <li key={`${v.cycle} ${v.node} ${v.key}`}>
                    <button
                      type="button"
                      aria-pressed={chosen === String(v.cycle)}
                      onClick={() =>
                        setQuery({
                          why: String(v.cycle),
                          key: v.key ?? undefined,
                          cycle: String(v.cycle),
                          at: undefined,
                          order: undefined,
                          sheet: 'why',
                        })
                      }
                    >
                      <span className="row">
                        <span className="mono">{timeUs(v.at_us, zone)}</span>
                        <span className="dim">{v.key}</span>
                        <Badge tone={traded(v) ? 'info' : 'plain'} icon={traded(v) ? 'trading' : 'idle'}>
                          {words(t, 'act', v.decision)}
                        </Badge>
                      </span>
                      <span className="dim cut">
                        {v.layers.find((l) => !l.passed)?.reason ?? v.layers.at(-1)?.reason ?? ''}
                      </span>
                    </button>
                  </li>
                ))}
                {next !== null && (
                  <li>
                    <button type="button" className="quiet" onClick={() => setBefore(Number(next))}>
                      {t('time.older')}
                    </button>
                  </li>
                )}
              </ul>
            )
          }
        </Shown>
      </div>
    </>
  );
}
