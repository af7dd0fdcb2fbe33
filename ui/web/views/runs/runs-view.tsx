import { useState } from 'react';
import type { Run } from '../../../api/contract/records.ts';
import { comparePath, follow, go, runPath } from '../../app/router.ts';
import { useRuns } from '../../app/runs.ts';
import { useSettings } from '../../app/settings.ts';
import { duration, timeMs } from '../../i18n/format.ts';
import { useText, word } from '../../i18n/text.ts';
import { Badge, Empty, ErrorNote, Loading, Panel, type Tone } from '../../parts/parts.tsx';
import './runs.css';
import { figure, figureName } from './figures.tsx';

const STATE_TONE: Readonly<Record<Run['state'], Tone>> = {
  starting: 'info',
  running: 'good',
  draining: 'info',
  ended: 'plain',
  failed: 'bad',
};
/** Figures that a list has room for. */
const SHOWN = ['events', 'trades', 'net_profit', 'sharpe', 'max_drawdown'] as const;

export default function RunsView() {
  const t = useText();
  const { zone } = useSettings();
  const { runs, error } = useRuns();
  const [picked, setPicked] = useState<readonly string[]>([]);
  const pick = (id: string) => setPicked((p) => (p.includes(id) ? p.filter((x) => x !== id) : [...p, id].slice(-2)));
  const [a, b] = picked;
  return (
    <div className="page">
      <header>
        <h1>{t('runs.title')}</h1>
        <span className="dim">{t('runs.compare_pick')}</span>
        <button
          type="button"
          className="primary"
          disabled={picked.length !== 2}
          onClick={() => go(comparePath(a!, b!))}
        >
          {t('runs.compare')}
        </button>
      </header>
      {error && <ErrorNote error={error} />}
      {runs === undefined && !error && <Loading />}
      {runs?.length === 0 && (
        <Empty>
          {t('run.none')} {t('run.none_help')}
        </Empty>
      )}
      {runs && runs.length > 0 && (
        <Panel title={t('runs.title')} flush>
          <table>
            <thead>
              <tr>
                <th scope="col">
                  <span className="hidden">{t('runs.compare')}</span>
                </th>
                <th scope="col">{t('run')}</th>
                <th scope="col">{t('runs.pipeline')}</th>
                <th scope="col">{t('runs.kind')}</th>
                <th scope="col">{t('state')}</th>
                <th scope="col">{t('runs.started')}</th>
                <th scope="col" className="n">
                  {t('runs.lasted')}
                </th>
                {SHOWN.map((f) => (
                  <th key={f} scope="col" className="n">
                    {figureName(t, f)}
                  </th>
                ))}
                <th scope="col">{t('runs.parity')}</th>
                <th scope="col">{t('runs.hash')}</th>
                <th scope="col">{t('actions')}</th>
              </tr>
            </thead>
            <tbody>
              {runs.map((r) => (
                <tr key={r.id} className={picked.includes(r.id) ? 'selected' : ''}>
                  <td>
                    <input
                      type="checkbox"
                      aria-label={t('runs.select', { run: r.id })}
                      checked={picked.includes(r.id)}
                      onChange={() => pick(r.id)}
                    />
                  </td>
                  <th scope="row">
                    <a href={runPath(r.id, 'graph')} onClick={follow(runPath(r.id, 'graph'))}>
                      {r.id}
                    </a>
                  </th>
                  <td>
                    {r.pipeline}
                    {r.profile && <span className="dim"> · {r.profile}</span>}
                  </td>
                  <td>{word(t, 'kind', r.kind)}</td>
                  <td>
                    <Badge tone={STATE_TONE[r.state]}>{word(t, 'state', r.state)}</Badge>
                  </td>
                  <td className="nowrap">{timeMs(r.started_ms, zone, { date: true })}</td>
                  <td className="n">{duration(((r.ended_ms ?? Date.now()) - r.started_ms) * 1000)}</td>
                  {SHOWN.map((f) => (
                    <td key={f} className="n">
                      {figure(f, r.figures[f])}
                    </td>
                  ))}
                  <td>
                    <Parity run={r} />
                  </td>
                  <td className="mono dim">{r.graph_hash.slice(0, 10)}</td>
                  <td>
                    {r.has_report ? (
                      <a href={runPath(r.id, 'report')} onClick={follow(runPath(r.id, 'report'))}>
                        {t('runs.report')}
                      </a>
                    ) : (
                      <span className="dim">–</span>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Panel>
      )}
    </div>
  );
}

export function Parity({ run }: { run: Run }) {
  const t = useText();
  if (run.parity === null) return <span className="dim">{t('runs.parity_none')}</span>;
  return run.parity.identical ? (
    <Badge tone="good">{t('runs.parity_yes')}</Badge>
  ) : (
    <Badge tone="bad">{t('runs.parity_no')}</Badge>
  );
}
