import { useEffect, useState } from 'react';
import { begin, session } from '../api/session.ts';
import { useText } from '../i18n/text.ts';
import { live } from '../live/live.ts';
import { useStore } from '../live/store.ts';
import { Empty, ErrorNote, Loading } from '../parts/parts.tsx';
import { ErrorBoundary } from './error-boundary.tsx';
import { HelpSheet } from './help-sheet.tsx';
import { KillDialog } from './kill-dialog.tsx';
import { Navigation } from './navigation.tsx';
import { go, type Route, routeOf, runPath, usePlace } from './router.ts';
import { useHeartbeat, useRun, useRuns } from './runs.ts';
import { useShortcuts } from './shortcuts.ts';
import { SignIn } from './sign-in.tsx';
import { TopBar } from './top-bar.tsx';
import {
  CompareView,
  EditorView,
  GraphView,
  OperationsView,
  ReportView,
  RunsView,
  TimeView,
  TradingView,
} from './views.tsx';

export function App() {
  const s = useStore(session);
  useEffect(() => {
    if (s.phase !== 'unreachable') return;
    const timer = setInterval(() => void begin(), 3000);
    return () => clearInterval(timer);
  }, [s.phase]);
  if (s.phase === 'unknown') return <Loading />;
  if (s.phase !== 'signed-in') return <SignIn phase={s} />;
  return <Desk key={s.me.name} />;
}

function Desk() {
  const t = useText();
  const { path } = usePlace();
  const route = routeOf(path);
  const [open, setOpen] = useState<'help' | 'kill' | null>(null);
  useHeartbeat();
  useShortcuts({ onHelp: () => setOpen('help'), onKill: () => setOpen('kill') });
  useEffect(() => {
    live.start();
    return () => live.stop();
  }, []);
  return (
    <div className="desk">
      <a className="skip" href="#content">
        {t('skip')}
      </a>
      <TopBar onKill={() => setOpen('kill')} onHelp={() => setOpen('help')} />
      <Navigation />
      <main id="content" tabIndex={-1}>
        <ErrorBoundary key={path}>
          <View route={route} />
        </ErrorBoundary>
      </main>
      {open === 'help' && <HelpSheet onClose={() => setOpen(null)} />}
      {open === 'kill' && <KillDialog onClose={() => setOpen(null)} />}
    </div>
  );
}

function View({ route }: { route: Route }) {
  const t = useText();
  const { runs, error } = useRuns();
  const run = useRun();
  useEffect(() => {
    if (route.view === 'home' && run) go(runPath(run.id, 'graph'), { replace: true });
  }, [route.view, run]);
  useEffect(() => {
    document.title = run && 'run' in route ? `${run.pipeline} · Chimera` : 'Chimera';
  }, [run, route]);
  if (route.view === 'runs') return <RunsView />;
  if (route.view === 'compare') return <CompareView />;
  if (route.view === 'operations') return <OperationsView tab={route.tab} />;
  if (route.view === 'unknown') return <Empty>{t('not_found')}</Empty>;
  if (runs === undefined) return error ? <ErrorNote error={error} /> : <Loading />;
  if (!run)
    return (
      <Empty>
        {'run' in route ? t('run.unknown', { run: route.run }) : t('run.none')}
        <br />
        {!('run' in route) && t('run.none_help')}
      </Empty>
    );
  if (route.view === 'graph') return <GraphView key={run.id} run={run} />;
  if (route.view === 'trading') return <TradingView key={run.id} run={run} />;
  if (route.view === 'time') return <TimeView key={run.id} run={run} />;
  if (route.view === 'editor') return <EditorView key={run.id} run={run} />;
  if (route.view === 'report') return <ReportView key={run.id} run={run} />;
  return <Loading />;
}
