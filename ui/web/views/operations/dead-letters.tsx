import { useState } from 'react';
import type { DeadLetter } from '../../../api/contract/records.ts';
import type { List } from '../../api/answers.ts';
import { client, useMay } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { useSettings } from '../../app/settings.ts';
import { timeUs } from '../../i18n/format.ts';
import { useText } from '../../i18n/text.ts';
import { Json } from '../../parts/json.tsx';
import { Badge, Dialog, Empty, ErrorNote, Panel, Shown } from '../../parts/parts.tsx';
import { useCommand } from '../../parts/use-command.ts';

export function DeadLetters({ run }: { run: string }) {
  const t = useText();
  const { zone } = useSettings();
  const may = useMay();
  const list = useData(`dead ${run}`, (s) => client.get<List<DeadLetter>>('/dead-letters', { run, limit: 200 }, s), {
    everyMs: 5000,
  });
  const [look, setLook] = useState<DeadLetter>();
  const [replayed, setReplayed] = useState<ReadonlySet<string>>(new Set());
  const command = useCommand();
  const replay = async (d: DeadLetter) => {
    const done = await command.run(() =>
      client.post(`/dead-letters/${encodeURIComponent(d.id)}/replay`, {}, { query: { run } }),
    );
    if (done) setReplayed((r) => new Set(r).add(d.id));
    list.again();
  };
  return (
    <Panel title={t('tab.dead-letters')} flush>
      {command.error !== undefined && <ErrorNote error={command.error} />}
      <Shown of={list}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty>{t('dead.none')}</Empty>
          ) : (
            <table>
              <thead>
                <tr>
                  <th scope="col">{t('time')}</th>
                  <th scope="col">{t('node')}</th>
                  <th scope="col">{t('dead.source')}</th>
                  <th scope="col" className="n">
                    seq
                  </th>
                  <th scope="col">{t('dead.code')}</th>
                  <th scope="col">{t('reason')}</th>
                  <th scope="col">{t('actions')}</th>
                </tr>
              </thead>
              <tbody>
                {items.map((d) => (
                  <tr key={d.id}>
                    <td className="nowrap">{timeUs(d.at_us, zone, { date: true })}</td>
                    <th scope="row">{d.node}</th>
                    <td>{d.source}</td>
                    <td className="n">{d.seq}</td>
                    <td className="mono">{d.code}</td>
                    <td className="wide">{d.reason}</td>
                    <td className="nowrap">
                      <button type="button" className="small" onClick={() => setLook(d)}>
                        {t('dead.look')}
                      </button>{' '}
                      {replayed.has(d.id) ? (
                        <Badge tone="good">{t('dead.replayed')}</Badge>
                      ) : (
                        may('dead_letters.replay') && (
                          <button
                            type="button"
                            className="small"
                            disabled={command.busy}
                            onClick={() => void replay(d)}
                          >
                            {t('dead.replay')}
                          </button>
                        )
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Shown>
      {look && (
        <Dialog title={`${look.node} · ${look.code}`} onClose={() => setLook(undefined)}>
          <p>{look.reason}</p>
          <Json of={look.values} open={3} />
        </Dialog>
      )}
    </Panel>
  );
}
