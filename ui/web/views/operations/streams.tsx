import type { Stream } from '../../../api/contract/records.ts';
import type { List } from '../../api/answers.ts';
import { client } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { number } from '../../i18n/format.ts';
import { useText } from '../../i18n/text.ts';
import { Badge, Empty, Panel, Shown } from '../../parts/parts.tsx';

/** Entries a reader may be behind before it is shown as a concern. */
const BEHIND = 1000;

export function Streams({ run }: { run: string }) {
  const t = useText();
  const list = useData(`streams ${run}`, (s) => client.get<List<Stream>>('/streams', { run }, s), { everyMs: 2000 });
  return (
    <Panel title={t('tab.streams')} flush>
      <Shown of={list}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty>{t('streams.none')}</Empty>
          ) : (
            <table>
              <thead>
                <tr>
                  <th scope="col">{t('name')}</th>
                  <th scope="col" className="n">
                    {t('streams.length')}
                  </th>
                  <th scope="col">{t('streams.last')}</th>
                  <th scope="col">{t('streams.readers')}</th>
                </tr>
              </thead>
              <tbody>
                {items.map((s) => (
                  <tr key={s.name}>
                    <th scope="row" className="mono">
                      {s.name}
                    </th>
                    <td className="n">{number(s.length)}</td>
                    <td className="mono">{s.last_id}</td>
                    <td>
                      <span className="row">
                        {s.readers.map((r) => (
                          <Badge key={r.part} tone={r.lag > BEHIND ? 'warn' : 'plain'}>
                            {r.part}: {number(r.lag)}
                          </Badge>
                        ))}
                      </span>
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
