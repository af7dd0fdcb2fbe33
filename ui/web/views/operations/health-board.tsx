import type { Health, SystemHealth } from '../../../api/contract/records.ts';
import { client } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { useText, word } from '../../i18n/text.ts';
import { Badge, Note, Panel, Shown, type Tone } from '../../parts/parts.tsx';

const TONE: Readonly<Record<Health, Tone>> = { OK: 'good', DEGRADED: 'warn', ERROR: 'bad' };

export function HealthBoard() {
  const t = useText();
  const health = useData('system', (s) => client.get<SystemHealth>('/system', undefined, s), { everyMs: 3000 });
  return (
    <Shown of={health}>
      {(h) => (
        <div className="stack">
          <Note tone={h.status === 'GREEN' ? 'good' : h.status === 'RED' ? 'bad' : 'warn'}>
            <b>{word(t, 'system', h.status)}</b>
          </Note>
          <Panel title={t('tab.health')} flush>
            <table>
              <thead>
                <tr>
                  <th scope="col">{t('health.service')}</th>
                  <th scope="col">{t('name')}</th>
                  <th scope="col">{t('state')}</th>
                  <th scope="col">{t('health.ready')}</th>
                  <th scope="col">{t('health.checks')}</th>
                  <th scope="col">{t('health.version')}</th>
                </tr>
              </thead>
              <tbody>
                {h.services.map((s) => (
                  <tr key={s.service}>
                    <th scope="row" className="mono">
                      {s.service}
                    </th>
                    <td>{s.name}</td>
                    <td>
                      <Badge tone={TONE[s.status]}>{word(t, 'health', s.status)}</Badge>
                    </td>
                    <td>{s.ready ? t('yes') : <Badge tone="warn">{t('health.not_ready')}</Badge>}</td>
                    <td>
                      <ul className="checks">
                        {Object.entries(s.checks).map(([name, c]) => (
                          <li key={name}>
                            <Badge tone={TONE[c.status]}>{name}</Badge> <span className="dim">{c.detail}</span>
                          </li>
                        ))}
                      </ul>
                    </td>
                    <td className="dim">{s.version}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Panel>
        </div>
      )}
    </Shown>
  );
}
