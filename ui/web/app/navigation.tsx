import type { TextKey } from '../i18n/text.ts';
import { useText } from '../i18n/text.ts';
import { Icon, type IconName } from '../parts/icon.tsx';
import { follow, operationsPath, RUNS, routeOf, runPath, usePlace } from './router.ts';
import { useRun } from './runs.ts';

const RUN_ITEMS: readonly (readonly ['graph' | 'trading' | 'time' | 'editor', IconName, TextKey])[] = [
  ['graph', 'graph', 'nav.graph'],
  ['trading', 'trading', 'nav.trading'],
  ['time', 'time', 'nav.time'],
  ['editor', 'editor', 'nav.editor'],
];

export function Navigation() {
  const t = useText();
  const run = useRun();
  const { view } = routeOf(usePlace().path);
  const item = (to: string, icon: IconName, label: TextKey, here: boolean) => (
    <li key={label}>
      <a href={to} onClick={follow(to)} aria-current={here ? 'page' : undefined}>
        <Icon name={icon} size={18} />
        <span>{t(label)}</span>
      </a>
    </li>
  );
  return (
    <nav className="rail" aria-label={t('nav.main')}>
      <ul>
        {RUN_ITEMS.map(([v, icon, label]) => item(run ? runPath(run.id, v) : '/', icon, label, view === v))}
        {item(RUNS, 'runs', 'nav.runs', view === 'runs' || view === 'report' || view === 'compare')}
        {item(operationsPath(), 'operations', 'nav.operations', view === 'operations')}
      </ul>
    </nav>
  );
}
