import type { Moment } from '../../../api/contract/records.ts';
import { setQuery } from '../../app/router.ts';
import { useSettings } from '../../app/settings.ts';
import { timeUs, value } from '../../i18n/format.ts';
import { useText } from '../../i18n/text.ts';

/** What ran in a cycle, in order, with what each put out. */
export function CycleSheet({ moment }: { moment: Moment }) {
  const t = useText();
  const { zone } = useSettings();
  return (
    <>
      <dl className="facts">
        <dt>{t('time.at')}</dt>
        <dd>{timeUs(moment.at_us, zone, { date: true, us: true })}</dd>
        <dt>{t('time.cause')}</dt>
        <dd className="mono">
          {moment.cause.source} {moment.cause.seq}
        </dd>
      </dl>
      <h3>{t('time.ran')}</h3>
      <ol className="ran">
        {moment.ran.map((r, i) => {
          const rows = Object.entries(r.out).flatMap(([port, list]) => list.map((row) => ({ port, row })));
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: the place in the order is what identifies it
            <li key={i}>
              <button
                type="button"
                className="quiet small"
                onClick={() => setQuery({ node: r.node, sheet: 'node' }, { replace: true })}
              >
                <b>{r.node}</b>
                {r.key && <span className="dim"> {r.key}</span>}
              </button>
              {rows.length === 0 && <span className="dim"> {t('time.nothing_out')}</span>}
              {rows.map(({ port, row }, n) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: records of a port in their order
                <div key={n} className="vals">
                  <b>{port}</b>{' '}
                  {Object.entries(row.values)
                    .map(([k, v]) => `${k}=${value(v, k, zone)}`)
                    .join('  ')}
                </div>
              ))}
            </li>
          );
        })}
      </ol>
    </>
  );
}
