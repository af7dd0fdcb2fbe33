import { type TextKey, useText } from '../i18n/text.ts';
import { Dialog } from '../parts/parts.tsx';
import { GO } from './shortcuts.ts';

const NAMES: Readonly<Record<keyof typeof GO, TextKey>> = {
  g: 'nav.graph',
  t: 'nav.trading',
  m: 'nav.time',
  e: 'nav.editor',
  r: 'nav.runs',
  o: 'nav.operations',
};

export function HelpSheet({ onClose }: { onClose: () => void }) {
  const t = useText();
  const rows: readonly (readonly [readonly string[], string])[] = [
    ...(Object.keys(GO) as (keyof typeof GO)[]).map((k) => [['g', k], t('help.go', { view: t(NAMES[k]) })] as const),
    [['/'], t('help.search')],
    [['[', ']'], t('help.step')],
    [['u'], t('help.zone')],
    [['d'], t('help.theme')],
    [['Shift', 'K'], t('help.kill')],
    [['Esc'], t('help.close')],
    [['?'], t('help.open')],
  ];
  return (
    <Dialog title={t('help')} onClose={onClose}>
      <table className="keys">
        <tbody>
          {rows.map(([keys, text]) => (
            <tr key={text}>
              <th scope="row">
                {keys.map((k, i) => (
                  <kbd key={k + String(i)}>{k}</kbd>
                ))}
              </th>
              <td>{text}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="dim fine">{t('help.charts')}</p>
    </Dialog>
  );
}
