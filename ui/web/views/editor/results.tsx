import type { DryRun, GraphDiff } from '../../../api/contract/records.ts';
import { useSettings } from '../../app/settings.ts';
import { decimal, number, timeUs, value } from '../../i18n/format.ts';
import { useText } from '../../i18n/text.ts';
import { Badge, Note } from '../../parts/parts.tsx';

/** Nodes by what becomes of them; the signs say it without colours. */
export function DiffLists({ of }: { of: GraphDiff }) {
  const t = useText();
  const group = (
    title: string,
    note: string,
    sign: string,
    names: readonly string[],
    why?: ReadonlyMap<string, string>,
  ) =>
    names.length > 0 && (
      <>
        <dt>
          {title} <span className="badge">{names.length}</span> <span className="dim fine">{note}</span>
        </dt>
        <dd>
          {names.map((n) => (
            <span key={n} className="node-chip">
              {sign} {n}
              {why?.get(n) && <span className="dim"> {why.get(n)}</span>}
            </span>
          ))}
        </dd>
      </>
    );
  return (
    <dl className="diff" aria-label={t('editor.changes')}>
      {group(
        t('editor.restarted'),
        t('editor.restarted_note'),
        '↻',
        of.restarted.map((r) => r.node),
        new Map(of.restarted.map((r) => [r.node, r.why])),
      )}
      {group(t('editor.added'), '', '+', of.added)}
      {group(t('editor.dropped'), '', '−', of.dropped)}
      {group(t('editor.kept'), t('editor.kept_note'), '=', of.kept)}
    </dl>
  );
}

const MOST = 100;
export function DryRunTable({ of }: { of: DryRun }) {
  const t = useText();
  const { zone } = useSettings();
  const rows = [
    ['editor.orders', of.running.orders, of.proposed.orders],
    ['editor.fills', of.running.fills, of.proposed.fills],
    ['editor.decisions', of.running.decisions, of.proposed.decisions],
  ] as const;
  return (
    <>
      <p className="dim fine">
        {timeUs(of.from_us, zone, { date: true })} – {timeUs(of.to_us, zone)}
      </p>
      <table>
        <thead>
          <tr>
            <th scope="col">{t('editor.dry_run')}</th>
            <th scope="col" className="n">
              {t('editor.running_doc')}
            </th>
            <th scope="col" className="n">
              {t('editor.proposed_doc')}
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([key, a, b]) => (
            <tr key={key}>
              <th scope="row">{t(key)}</th>
              <td className="n">{number(a)}</td>
              <td className="n">{number(b)}</td>
            </tr>
          ))}
          <tr>
            <th scope="row">{t('editor.pnl')}</th>
            <td className="n">{decimal(of.running.pnl, { sign: true, digits: 4 })}</td>
            <td className="n">{decimal(of.proposed.pnl, { sign: true, digits: 4 })}</td>
          </tr>
        </tbody>
      </table>
      {of.differences.length === 0 ? (
        <Note tone="good">{t('editor.same_orders')}</Note>
      ) : (
        <>
          <h3>{t('editor.order_diffs')}</h3>
          <table>
            <tbody>
              {of.differences.slice(0, MOST).map((d, i) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: orders of a finished comparison
                <tr key={i}>
                  <td className="nowrap">{timeUs(d.at_us, zone)}</td>
                  <td>
                    <Badge tone={d.only_in === 'running' ? 'plain' : 'info'}>
                      {t(d.only_in === 'running' ? 'editor.running_doc' : 'editor.proposed_doc')}
                    </Badge>
                  </td>
                  <td className="mono fine wide">
                    {Object.entries(d.values)
                      .slice(0, 6)
                      .map(([k, v]) => `${k}=${value(v, k, zone)}`)
                      .join(' ')}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
    </>
  );
}
