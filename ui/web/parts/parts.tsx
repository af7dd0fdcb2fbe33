import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef } from 'react';
import { type ApiError, asApiError } from '../api/problem.ts';
import { useText } from '../i18n/text.ts';
import { Icon, type IconName } from './icon.tsx';

export type Tone = 'plain' | 'good' | 'warn' | 'alarm' | 'bad' | 'info';
const TONE_ICON: Readonly<Record<Tone, IconName | null>> = {
  plain: null,
  info: null,
  good: 'ok',
  warn: 'warn',
  alarm: 'warn',
  bad: 'error',
};

/** A state in a word, with a sign and a colour beside it. */
export function Badge({ tone = 'plain', icon, children }: { tone?: Tone; icon?: IconName; children: ReactNode }) {
  const name = icon ?? TONE_ICON[tone];
  return (
    <span className={`badge ${tone}`}>
      {name && <Icon name={name} size={11} />}
      {children}
    </span>
  );
}

export function Panel(props: {
  title: ReactNode;
  actions?: ReactNode;
  flush?: boolean;
  className?: string;
  children: ReactNode;
}) {
  const id = useId();
  return (
    <section className={`panel ${props.className ?? ''}`} aria-labelledby={id}>
      <header>
        <h2 id={id}>{props.title}</h2>
        {props.actions}
      </header>
      <div className={props.flush ? 'body flush' : 'body'} tabIndex={0} role="group" aria-labelledby={id}>
        {props.children}
      </div>
    </section>
  );
}

export const Empty = ({ children }: { children: ReactNode }) => <p className="empty">{children}</p>;

export function Loading() {
  const t = useText();
  return (
    <p className="empty" role="status">
      <span className="spinner" aria-hidden="true" /> {t('loading')}
    </p>
  );
}

export function Note(props: {
  tone: 'good' | 'warn' | 'bad' | 'plain';
  children: ReactNode;
  role?: 'alert' | 'status';
}) {
  const icon: IconName = props.tone === 'good' ? 'ok' : props.tone === 'plain' ? 'help' : 'warn';
  return (
    <div className={`note ${props.tone}`} role={props.role}>
      <Icon name={icon} />
      <div>{props.children}</div>
    </div>
  );
}

/** What the server refused: what happened, what to do, and what to name when asking for help. */
export function ErrorNote({ error, again }: { error: unknown; again?: () => void }) {
  const t = useText();
  const e: ApiError = asApiError(error);
  return (
    <Note tone={e.status === 501 ? 'plain' : 'bad'} role="alert">
      {e.status === 501 && <h2>{t('error.not_built')}</h2>}
      <p>{e.message}</p>
      {e.help && <p className="dim">{e.help}</p>}
      <p className="fine">
        {t('error.code', { code: e.code })}
        {e.where ? ` · ${e.where}` : ''}
        {e.correlationId ? ` · ${t('error.correlation', { id: e.correlationId })}` : ''}
      </p>
      {again && e.status !== 501 && (
        <button type="button" className="small" onClick={again}>
          {t('retry')}
        </button>
      )}
    </Note>
  );
}

/** Loading, failed, or what there is. */
export function Shown<T>(props: {
  of: { data: T | undefined; error: ApiError | undefined; again: () => void };
  children: (data: T) => ReactNode;
}) {
  const { data, error, again } = props.of;
  if (data === undefined) return error ? <ErrorNote error={error} again={again} /> : <Loading />;
  return (
    <>
      {error && <ErrorNote error={error} again={again} />}
      {props.children(data)}
    </>
  );
}

export interface Tab<K extends string> {
  readonly id: K;
  readonly label: string;
  readonly count?: number;
}
/** Tabs by the pattern of the ARIA guide: arrows move, the chosen one is in the tab order. */
export function Tabs<K extends string>(props: {
  label: string;
  tabs: readonly Tab<K>[];
  chosen: K;
  onChoose: (id: K) => void;
}) {
  const { tabs, chosen, onChoose } = props;
  const list = useRef<HTMLDivElement>(null);
  const move = (e: KeyboardEvent) => {
    const i = tabs.findIndex((t) => t.id === chosen);
    const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: tabs.length - 1 }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    e.stopPropagation();
    const next = tabs[(to + tabs.length) % tabs.length]!;
    onChoose(next.id);
    list.current?.querySelector<HTMLElement>(`[data-tab="${next.id}"]`)?.focus();
  };
  return (
    <div className="tabs" role="tablist" aria-label={props.label} onKeyDown={move} ref={list}>
      {tabs.map((t) => (
        <button
          key={t.id}
          type="button"
          role="tab"
          data-tab={t.id}
          aria-selected={t.id === chosen}
          tabIndex={t.id === chosen ? 0 : -1}
          onClick={() => onChoose(t.id)}
        >
          {t.label}
          {t.count !== undefined && t.count > 0 && <span className="badge">{t.count}</span>}
        </button>
      ))}
    </div>
  );
}

/** A modal dialogue: focus stays inside, Escape closes, focus goes back to where it was. */
export function Dialog(props: { title: ReactNode; onClose: () => void; className?: string; children: ReactNode }) {
  const t = useText();
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const d = ref.current!;
    const before = document.activeElement;
    d.showModal();
    return () => {
      d.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      className={props.className}
      aria-labelledby={id}
      onCancel={(e) => {
        e.preventDefault();
        props.onClose();
      }}
    >
      <header>
        <h1 id={id}>{props.title}</h1>
        <button type="button" className="quiet icon" onClick={props.onClose} aria-label={t('close')}>
          <Icon name="close" />
        </button>
      </header>
      <div className="body">{props.children}</div>
    </dialog>
  );
}

export const Field = ({ label, children }: { label: ReactNode; children: ReactNode }) => (
  // biome-ignore lint/a11y/noLabelWithoutControl: the control is the child
  <label className="field">
    <span>{label}</span>
    {children}
  </label>
);
