import { useEffect, useRef, useState } from 'react';
import { signOut, useMe } from '../api/session.ts';
import { timeMs } from '../i18n/format.ts';
import { useText, word } from '../i18n/text.ts';
import { isEngaged, kills, live } from '../live/live.ts';
import { useStore } from '../live/store.ts';
import { Icon } from '../parts/icon.tsx';
import { Badge, type Tone } from '../parts/parts.tsx';
import { follow, go, operationsPath, routeOf, runPath, usePlace } from './router.ts';
import { system, useRun, useRuns } from './runs.ts';
import { change, useSettings } from './settings.ts';

export function TopBar({ onKill, onHelp }: { onKill: () => void; onHelp: () => void }) {
  const t = useText();
  return (
    <header className="bar">
      <a className="brand" href="/" onClick={follow('/')}>
        <img src="/icon.svg" alt="" width={22} height={22} />
        <b>{t('app.name')}</b>
      </a>
      <RunPicker />
      <SystemState />
      <ConnectionState />
      <span className="push" />
      <Clock />
      <button type="button" className="quiet icon" onClick={onHelp} aria-label={t('help')} title={`${t('help')} (?)`}>
        <Icon name="help" />
      </button>
      <Preferences />
      <KillButton onKill={onKill} />
    </header>
  );
}

function RunPicker() {
  const t = useText();
  const { runs } = useRuns();
  const run = useRun();
  const route = routeOf(usePlace().path);
  if (!runs || runs.length === 0) return null;
  const view = 'run' in route ? route.view : 'graph';
  return (
    <div className="picker">
      <select aria-label={t('run.pick')} value={run?.id ?? ''} onChange={(e) => go(runPath(e.target.value, view))}>
        {!run && <option value="">–</option>}
        {runs.map((r) => (
          <option key={r.id} value={r.id}>
            {`${r.pipeline} · ${r.id} · ${word(t, 'kind', r.kind)} · ${word(t, 'state', r.state)}`}
          </option>
        ))}
      </select>
    </div>
  );
}

const SYSTEM_TONE: Readonly<Record<string, Tone>> = { GREEN: 'good', YELLOW: 'warn', ORANGE: 'alarm', RED: 'bad' };
function SystemState() {
  const t = useText();
  const health = useStore(system);
  const text = health ? word(t, 'system', health.status) : t('system.unknown');
  return (
    <a className="plain" href={operationsPath()} onClick={follow(operationsPath())} title={text}>
      <span className="hidden">{`${t('system')}: ${text}`}</span>
      <span aria-hidden="true">
        <Badge tone={health ? SYSTEM_TONE[health.status]! : 'plain'}>{health?.status ?? '?'}</Badge>
      </span>
    </a>
  );
}

function ConnectionState() {
  const t = useText();
  const c = useStore(live.connection);
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (c.state !== 'waiting') return;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [c.state]);
  const text =
    c.state === 'waiting'
      ? t('connection.waiting', { s: Math.max(0, Math.ceil((c.retryAtMs - now) / 1000)) })
      : t(`connection.${c.state}`);
  return (
    <span className="connection" role="status" aria-label={t('connection')} data-state={c.state}>
      <Badge
        tone={c.state === 'open' ? 'good' : c.state === 'waiting' ? 'bad' : 'plain'}
        icon={c.state === 'open' ? 'link' : 'unlink'}
      >
        {text}
      </Badge>
    </span>
  );
}

function Clock() {
  const { zone } = useSettings();
  const t = useText();
  const ref = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    const show = () => {
      if (ref.current) ref.current.textContent = timeMs(Date.now(), zone);
    };
    show();
    const timer = setInterval(show, 250);
    return () => clearInterval(timer);
  }, [zone]);
  return (
    <button
      type="button"
      className="quiet clock"
      onClick={() => change({ zone: zone === 'utc' ? 'local' : 'utc' })}
      title={`${t('settings.zone')}: ${t(`zone.${zone}`)} (u)`}
    >
      <span ref={ref} className="mono" aria-hidden="true" />
      <span>{t(`zone.${zone}`)}</span>
    </button>
  );
}

function Preferences() {
  const t = useText();
  const me = useMe();
  const s = useSettings();
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const outside = (e: Event) => {
      if (e instanceof KeyboardEvent ? e.key === 'Escape' : !box.current?.contains(e.target as Node)) {
        setOpen(false);
        if (e instanceof KeyboardEvent) box.current?.querySelector('button')?.focus();
      }
    };
    addEventListener('pointerdown', outside);
    addEventListener('keydown', outside);
    return () => {
      removeEventListener('pointerdown', outside);
      removeEventListener('keydown', outside);
    };
  }, [open]);
  return (
    <div className="menu" ref={box}>
      <button type="button" className="quiet" aria-expanded={open} onClick={() => setOpen(!open)} title={t('settings')}>
        <Icon name="user" />
        <span>{me?.name}</span>
      </button>
      {open && (
        <div className="sheet" role="group" aria-label={t('settings')}>
          <div>
            <b>{me?.name}</b>
            <p className="dim">{me?.roles.map((r) => word(t, 'role', r)).join(', ')}</p>
          </div>
          <Choice
            label={t('settings.language')}
            value={s.language}
            options={[
              ['en', 'English'],
              ['zh-Hant', '繁體中文'],
            ]}
            onChange={(language) => change({ language })}
          />
          <Choice
            label={t('settings.theme')}
            value={s.theme}
            options={(['system', 'light', 'dark'] as const).map((x) => [x, t(`theme.${x}`)] as const)}
            onChange={(theme) => change({ theme })}
          />
          <Choice
            label={t('settings.zone')}
            value={s.zone}
            options={(['utc', 'local'] as const).map((x) => [x, t(`zone.${x}`)] as const)}
            onChange={(zone) => change({ zone })}
          />
          <button type="button" onClick={() => void signOut()}>
            {t('sign_out')}
          </button>
        </div>
      )}
    </div>
  );
}

function Choice<V extends string>(props: {
  label: string;
  value: V;
  options: readonly (readonly [V, string])[];
  onChange: (value: V) => void;
}) {
  return (
    <fieldset className="choice">
      <legend>{props.label}</legend>
      {props.options.map(([v, text]) => (
        <button
          key={v}
          type="button"
          className="small"
          aria-pressed={v === props.value}
          onClick={() => props.onChange(v)}
        >
          <span lang={v === 'zh-Hant' ? 'zh-Hant' : undefined}>{text}</span>
        </button>
      ))}
    </fieldset>
  );
}

function KillButton({ onKill }: { onKill: () => void }) {
  const t = useText();
  const run = useRun();
  const kill = useStore(kills.of(run?.id ?? ''));
  const engaged = kill !== null && isEngaged(kill.state);
  return (
    <button
      type="button"
      className={engaged ? 'danger kill engaged' : 'kill'}
      onClick={onKill}
      title={`${t('kill.button')} (Shift+K)`}
    >
      <Icon name="stop" />
      <span>{t('kill.button')}</span>
      {engaged && <span className="state">{word(t, 'kill', kill.state)}</span>}
    </button>
  );
}
