import { lazy, Suspense } from 'react';
import { useMay } from '../../api/session.ts';
import { KillSwitch } from '../../app/kill-switch.tsx';
import { go, operationsPath } from '../../app/router.ts';
import { useRun } from '../../app/runs.ts';
import { useText } from '../../i18n/text.ts';
import { Empty, Loading, Note, Panel, Tabs } from '../../parts/parts.tsx';
import { Alerts } from './alerts.tsx';
import { Checkpoints } from './checkpoints.tsx';
import { DeadLetters } from './dead-letters.tsx';
import { HealthBoard } from './health-board.tsx';
import { Streams } from './streams.tsx';
import './operations.css';

const Audit = lazy(() => import('./audit.tsx'));
const Users = lazy(() => import('./users.tsx'));
const TABS = ['health', 'alerts', 'kill', 'dead-letters', 'streams', 'checkpoints', 'audit', 'users'] as const;

export default function OperationsView({ tab }: { tab: string }) {
  const t = useText();
  const run = useRun();
  const chosen = TABS.find((x) => x === tab) ?? 'health';
  return (
    <div className="page">
      <header>
        <h1>{t('operations.title')}</h1>
      </header>
      <Tabs
        label={t('operations.tabs')}
        tabs={TABS.map((id) => ({ id, label: t(`tab.${id}`) }))}
        chosen={chosen}
        onChoose={(id) => go(operationsPath(id))}
      />
      <div role="tabpanel" aria-label={t(`tab.${chosen}`)}>
        <Suspense fallback={<Loading />}>
          <Sheet tab={chosen} run={run?.id} />
        </Suspense>
      </div>
    </div>
  );
}

function Sheet({ tab, run }: { tab: (typeof TABS)[number]; run: string | undefined }) {
  const t = useText();
  const may = useMay();
  if (tab === 'health') return <HealthBoard />;
  if (tab === 'alerts') return <Alerts />;
  if (tab === 'audit')
    return may('audit.read') ? <Audit /> : <Note tone="plain">{t('may_not', { permission: 'audit.read' })}</Note>;
  if (tab === 'users') return <Users />;
  if (run === undefined) return <Empty>{t('run.none')}</Empty>;
  if (tab === 'kill')
    return (
      <Panel title={t('kill')} className="kill-panel">
        <KillSwitch run={run} />
      </Panel>
    );
  if (tab === 'dead-letters') return <DeadLetters run={run} />;
  if (tab === 'streams') return <Streams run={run} />;
  return <Checkpoints run={run} />;
}
