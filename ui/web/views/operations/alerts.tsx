import { useEffect } from 'react';
import type { Alert, Level } from '../../../api/contract/records.ts';
import type { List } from '../../api/answers.ts';
import { client, useMay } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { useRun } from '../../app/runs.ts';
import { useSettings } from '../../app/settings.ts';
import { timeMs } from '../../i18n/format.ts';
import { useText, word } from '../../i18n/text.ts';
import { live } from '../../live/live.ts';
import { Badge, Empty, ErrorNote, Panel, Shown, type Tone } from '../../parts/parts.tsx';
import { useCommand } from '../../parts/use-command.ts';

const TONE: Readonly<Record<Level, Tone>> = { INFO: 'info', WARN: 'warn', ERROR: 'alarm', FATAL: 'bad' };

export function Alerts() {
  const t = useText();
  const { zone } = useSettings();
  const may = useMay();
  const run = useRun();
  const list = useData('alerts', (s) => client.get<List<Alert>>('/alerts', { limit: 200 }, s), { everyMs: 5000 });
  const { again } = list;
  const id = run?.id;
  useEffect(() => {
    if (id === undefined) return;
    const ends = [live.watch(id, 'alerts'), live.on('alert', again)];
    return () => {
      for (const end of ends) end();
    };
  }, [id, again]);
  const command = useCommand();
  const acknowledge = (a: Alert) =>
    command.run(() => client.post(`/alerts/${encodeURIComponent(a.id)}/acknowledge`)).then(again);
  return (
    <Panel title={t('tab.alerts')} flush>
      {command.error !== undefined && <ErrorNote error={command.error} />}
      <Shown of={list}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty>{t('alerts.none')}</Empty>
          ) : (
            <table>
              <thead>
                <tr>
                  <th scope="col">{t('alerts.level')}</th>
                  <th scope="col">{t('name')}</th>
                  <th scope="col">{t('state')}</th>
                  <th scope="col">{t('alerts.since')}</th>
                  <th scope="col">{t('alerts.cause')}</th>
                  <th scope="col">{t('alerts.what_to_do')}</th>
                  <th scope="col">{t('actions')}</th>
                </tr>
              </thead>
              <tbody>
                {items.map((a) => (
                  <tr key={a.id}>
                    <td>
                      <Badge tone={TONE[a.level]}>{a.level}</Badge>
                    </td>
                    <th scope="row">{a.name}</th>
                    <td className="nowrap">
                      <Badge tone={a.state === 'firing' ? 'bad' : a.state === 'resolved' ? 'good' : 'info'}>
                        {word(t, 'alert', a.state)}
                      </Badge>
                      {a.acknowledged_by && <span className="dim"> {t('alerts.by', { name: a.acknowledged_by })}</span>}
                    </td>
                    <td className="nowrap">{timeMs(a.since_ms, zone, { date: true })}</td>
                    <td className="wide">{a.cause}</td>
                    <td className="wide">{a.what_to_do}</td>
                    <td>
                      {a.state === 'firing' && may('alerts.acknowledge') && (
                        <button
                          type="button"
                          className="small"
                          disabled={command.busy}
                          onClick={() => void acknowledge(a)}
                        >
                          {t('alerts.acknowledge')}
                        </button>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Shown>
    </Panel>
  );
}
