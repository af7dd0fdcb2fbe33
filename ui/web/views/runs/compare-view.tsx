import { useMemo } from 'react';
import type { Comparison } from '../../../api/contract/answers.ts';
import { client } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { comparePath, go, setQuery, usePlace } from '../../app/router.ts';
import { useRuns } from '../../app/runs.ts';
import { useSettings } from '../../app/settings.ts';
import { useText } from '../../i18n/text.ts';
import { Badge, Empty, Field, Note, Panel, Shown } from '../../parts/parts.tsx';
import { EquityChart } from './equity-chart.tsx';
import { figure, figureName } from './figures.tsx';
import { FillTable } from './report-view.tsx';
import { Parity } from './runs-view.tsx';
import './runs.css';

export default function CompareView() {
  const t = useText();
  const { query } = usePlace();
  const { runs } = useRuns();
  const { zone } = useSettings();
  const a = query.get('a') ?? '';
  const b = query.get('b') ?? '';
  const both = a !== '' && b !== '';
  const compared = useData(both ? `compare ${a} ${b}` : null, (s) => client.get<Comparison>('/compare', { a, b }, s));
  const data = compared.data;
  const curves = useMemo(
    () =>
      data
        ? [
            { name: a, points: data.equity.a },
            { name: b, points: data.equity.b },
          ]
        : [],
    [data, a, b],
  );
  const picker = (label: string, chosen: string, name: 'a' | 'b') => (
    <Field label={label}>
      <select value={chosen} onChange={(e) => setQuery({ [name]: e.target.value }, { replace: true })}>
        <option value="">–</option>
        {runs?.map((r) => (
          <option key={r.id} value={r.id}>
            {r.pipeline} · {r.id}
          </option>
        ))}
      </select>
    </Field>
  );
  const parityOf = (id: string) => {
    const r = runs?.find((x) => x.id === id);
    return r && <Parity run={r} />;
  };
  return (
    <div className="page">
      <header>
        <h1>{t('runs.compare')}</h1>
        {picker(t('runs.a'), a, 'a')}
        {parityOf(a)}
        {picker(t('runs.b'), b, 'b')}
        {parityOf(b)}
        <button type="button" onClick={() => go(comparePath(b, a), { replace: true })}>
          {t('runs.swap')}
        </button>
      </header>
      {!both && <Empty>{t('runs.compare_pick')}</Empty>}
      {both && (
        <Shown of={compared}>
          {(c) => (
            <>
              {c.first_difference === null ? (
                <Note tone="good">{t('runs.no_difference')}</Note>
              ) : (
                <Note tone="warn">
                  <h2>
                    {t('runs.first_difference')}: {t('runs.fill_n', { n: c.first_difference.index + 1 })}
                  </h2>
                  <p>
                    <Badge>A</Badge> <code>{line(c.first_difference.a)}</code>
                  </p>
                  <p>
                    <Badge>B</Badge> <code>{line(c.first_difference.b)}</code>
                  </p>
                </Note>
              )}
              <Panel title={`${t('runs.equity')} (USDT) · A ${a} ──  B ${b} ╌╌`} flush>
                <EquityChart curves={curves} label={t('runs.equity_label', { run: `${a}, ${b}` })} />
              </Panel>
              <Panel title={t('runs.figures')} flush>
                <table>
                  <thead>
                    <tr>
                      <th scope="col">{t('runs.figure')}</th>
                      <th scope="col" className="n">
                        A
                      </th>
                      <th scope="col" className="n">
                        B
                      </th>
                      <th scope="col" className="n">
                        {t('runs.difference')}
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    {c.figures.map((f) => (
                      <tr key={f.name}>
                        <th scope="row">{figureName(t, f.name)}</th>
                        <td className="n">{figure(f.name, f.a)}</td>
                        <td className="n">{figure(f.name, f.b)}</td>
                        <td className="n">
                          {f.a === null || f.b === null ? '–' : f.a === f.b ? '=' : figure(f.name, f.b - f.a)}
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </Panel>
              <div className="two">
                <Panel title={t('runs.only_in', { run: a })} flush className="tall">
                  <FillTable fills={c.only_in_a} zone={zone} />
                </Panel>
                <Panel title={t('runs.only_in', { run: b })} flush className="tall">
                  <FillTable fills={c.only_in_b} zone={zone} />
                </Panel>
              </div>
            </>
          )}
        </Shown>
      )}
    </div>
  );
}
const line = (f: Comparison['only_in_a'][number] | null): string =>
  f === null
    ? '–'
    : Object.entries(f)
        .map(([k, v]) => `${k}=${String(v)}`)
        .join(' ');
