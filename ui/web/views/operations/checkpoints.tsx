import type { Checkpoint } from '../../../api/contract/records.ts';
import type { List } from '../../api/answers.ts';
import { client } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { useSettings } from '../../app/settings.ts';
import { bytes, number, timeMs, timeUs } from '../../i18n/format.ts';
import { useText } from '../../i18n/text.ts';
import { Empty, Panel, Shown } from '../../parts/parts.tsx';

export function Checkpoints({ run }: { run: string }) {
  const t = useText();
  const { zone } = useSettings();
  const list = useData(`checkpoints ${run}`, (s) => client.get<List<Checkpoint>>('/checkpoints', { run }, s), {
    everyMs: 5000,
  });
  return (
    <Panel title={t('tab.checkpoints')} flush>
      <Shown of={list}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty>{t('checkpoints.none')}</Empty>
          ) : (
            <table>
              <thead>
                <tr>
                  <th scope="col" className="n">
                    {t('checkpoints.epoch')}
                  </th>
                  <th scope="col">{t('graph.engine_time')}</th>
                  <th scope="col" className="n">
                    {t('checkpoints.bytes')}
                  </th>
                  <th scope="col">{t('checkpoints.wall')}</th>
                </tr>
              </thead>
              <tbody>
                {items.map((c) => (
                  <tr key={c.id}>
                    <th scope="row" className="n">
                      {number(c.id)}
                    </th>
                    <td>{timeUs(c.at_us, zone, { date: true })}</td>
                    <td className="n">{bytes(c.bytes)}</td>
                    <td>{timeMs(c.wall_ms, zone, { date: true })}</td>
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
