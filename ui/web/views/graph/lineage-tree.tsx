import type { Lineage } from '../../../api/contract/records.ts';
import { follow, runPath } from '../../app/router.ts';
import { useSettings } from '../../app/settings.ts';
import { timeUs, value } from '../../i18n/format.ts';
import { useText, word } from '../../i18n/text.ts';

/** Causes below what they caused. */
export function LineageTree({ run, root }: { run: string; root: Lineage }) {
  return (
    <div className="lineage">
      <ul>
        <Branch run={run} of={root} depth={0} />
      </ul>
    </div>
  );
}
const DEEP = 12;

function Branch({ run, of, depth }: { run: string; of: Lineage; depth: number }) {
  const t = useText();
  const { zone } = useSettings();
  const values = Object.entries(of.values);
  const at =
    of.at_us === null ? null : runPath(run, 'time', { at: String(of.at_us), ...(of.node ? { node: of.node } : {}) });
  return (
    <li>
      <div className="what">
        <b>{word(t, 'lineage', of.kind)}</b>
        {of.node ? (
          <span className="mono">{of.node}</span>
        ) : (
          values.length === 0 && <span className="mono dim">{of.id}</span>
        )}
        {at ? (
          <a href={at} onClick={follow(at)} title={t('lineage.go_cycle')}>
            {timeUs(of.at_us, zone, { us: true })}
          </a>
        ) : null}
      </div>
      {values.length > 0 && (
        <div className="vals">
          {values
            .slice(0, 8)
            .map(([k, v]) => `${k}=${value(v, k, zone)}`)
            .join('  ')}
          {values.length > 8 ? ' …' : ''}
        </div>
      )}
      {of.causes.length > 0 && depth < DEEP && (
        <ul>
          {of.causes.map((c, i) => (
            <Branch key={c.id + String(i)} run={run} of={c} depth={depth + 1} />
          ))}
        </ul>
      )}
    </li>
  );
}
