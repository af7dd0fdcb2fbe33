import { useEffect, useState } from 'react';
import type { Kill } from '../../api/contract/records.ts';
import { client, useMay } from '../api/session.ts';
import { duration, timeUs } from '../i18n/format.ts';
import { useText, word } from '../i18n/text.ts';
import { isEngaged, killAnswered, kills, killTold, live } from '../live/live.ts';
import { useStore } from '../live/store.ts';
import { Icon } from '../parts/icon.tsx';
import { Badge, ErrorNote, Field, Note, type Tone } from '../parts/parts.tsx';
import { useSettings } from './settings.ts';

const ORDER = ['engaged', 'cancelling', 'flattening', 'flat'] as const;
export const killTone = (state: Kill['state']): Tone =>
  state === 'released' ? 'plain' : state === 'flat' ? 'good' : state === 'unknown' ? 'alarm' : 'bad';

/** The first step is done. */
interface Prepared {
  readonly action: 'engage' | 'release';
  readonly confirm: string;
  readonly untilMs: number;
}

/** Two steps: prepare, which the server answers with a word that is good for some seconds; then a reason and that word. */
export function KillSwitch({ run }: { run: string }) {
  const t = useText();
  const may = useMay();
  /** Where it was told to go: until it is there, its state is asked for often. */
  const [aim, setAim] = useState<Kill['state']>();
  const kill = useKill(run, aim);
  const [prepared, setPrepared] = useState<Prepared>();
  const [reason, setReason] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const left = useCountdown(prepared?.untilMs);
  const releasing = kill !== null && isEngaged(kill.state);
  const permission = releasing ? 'kill.release' : 'kill.engage';
  /** What the second step does: what the first one was for, whatever is told of the switch in between. */
  const releases = prepared ? prepared.action === 'release' : releasing;

  const step = async (work: () => Promise<void>) => {
    setBusy(true);
    setError(undefined);
    await work().catch((e: unknown) => setError(e));
    setBusy(false);
  };
  const prepare = () =>
    step(async () => {
      const action = releasing ? 'release' : 'engage';
      const a = await client.post<{ confirm: string; expires_s: number }>('/kill-switch/prepare', { action, run });
      setPrepared({ action, confirm: a.confirm, untilMs: Date.now() + a.expires_s * 1000 });
    });
  const confirm = ({ action, confirm: word }: Prepared) =>
    step(async () => {
      const now = await client.post<Kill>('/kill-switch', { action, reason: reason.trim(), confirm: word, run });
      killAnswered(run, now);
      setAim(action === 'release' ? 'released' : 'flat');
      setPrepared(undefined);
      setReason('');
    });

  return (
    <div className="stack">
      <p className="row">
        <span className="dim">{t('kill.on_run', { run })}</span>
        {kill && <Badge tone={killTone(kill.state)}>{word(t, 'kill', kill.state)}</Badge>}
      </p>
      {releasing && <Progress kill={kill} />}
      {kill?.state === 'unknown' && <Note tone="warn">{t('kill.unknown_help')}</Note>}
      {!releasing && <p>{t('kill.text')}</p>}
      {!may(permission) ? (
        <Note tone="plain">{t('may_not', { permission })}</Note>
      ) : prepared === undefined ? (
        <div className="row end">
          <span className="dim">{t('kill.step1')}</span>
          <button
            type="button"
            className={releasing ? '' : 'danger'}
            disabled={busy || kill === null}
            onClick={() => void prepare()}
          >
            {t(releasing ? 'kill.prepare_release' : 'kill.prepare')}
          </button>
        </div>
      ) : (
        <form
          className="stack"
          onSubmit={(e) => {
            e.preventDefault();
            void confirm(prepared);
          }}
        >
          <Field label={t('kill.reason')}>
            <input
              autoFocus
              required
              minLength={3}
              maxLength={500}
              value={reason}
              onChange={(e) => setReason(e.target.value)}
            />
          </Field>
          <div className="row end">
            <span className="dim" role="status">
              {t('kill.step2')} · {left > 0 ? t('kill.expires', { s: left }) : t('kill.expired')}
            </span>
            <button type="button" onClick={() => setPrepared(undefined)}>
              {t('cancel')}
            </button>
            <button
              type="submit"
              className={releases ? 'primary' : 'danger'}
              disabled={busy || left <= 0 || reason.trim().length < 3}
            >
              <Icon name="stop" />
              {t(releases ? 'kill.confirm_release' : 'kill.confirm')}
            </button>
          </div>
        </form>
      )}
      {error !== undefined && <ErrorNote error={error} />}
    </div>
  );
}

function Progress({ kill }: { kill: Kill }) {
  const t = useText();
  const { zone } = useSettings();
  const begun = kill.steps[0]?.at_us ?? kill.since_us;
  const reached = ORDER.indexOf(kill.state as (typeof ORDER)[number]);
  return (
    <div>
      <p>
        {t('kill.since', { by: kill.by ?? '?', time: timeUs(kill.since_us, zone, { date: true }) })}
        {kill.reason && (
          <>
            {' — '}
            <q>{kill.reason}</q>
          </>
        )}
      </p>
      <ol className="steps" aria-label={t('kill.progress')} aria-live="polite">
        {ORDER.map((state, i) => {
          const at = kill.steps.find((s) => s.state === state)?.at_us;
          const done = i < reached || kill.state === 'flat';
          return (
            <li key={state} data-done={done} aria-current={i === reached && !done ? 'step' : undefined}>
              <span className="mark">{done ? <Icon name="ok" size={12} /> : i + 1}</span>
              <b>{word(t, 'kill', state)}</b>
              <span className="dim">
                {at !== undefined && begun !== null && begun !== undefined && i > 0 ? `+${duration(at - begun)}` : ''}
              </span>
            </li>
          );
        })}
      </ol>
    </div>
  );
}

/** The newest state of the switch: what the connection says, and what the server is asked while there is none. */
function useKill(run: string, aim: Kill['state'] | undefined): Kill | null {
  const kill = useStore(kills.of(run));
  const connection = useStore(live.connection).state;
  const settled = kill !== null && (aim === undefined ? isSettled(kill.state) : kill.state === aim);
  useEffect(() => {
    const ask = () => {
      const known = kills.of(run).get();
      void client.get<Kill>('/kill-switch', { run }).then(
        (k) => {
          // What became known in the meantime is newer than the question.
          if (kills.of(run).get() === known) killTold(run, k);
        },
        () => {},
      );
    };
    ask();
    const timer = setInterval(ask, settled && connection === 'open' ? 5000 : 300);
    return () => clearInterval(timer);
  }, [run, settled, connection]);
  return kill;
}
const isSettled = (state: Kill['state']): boolean => state === 'released' || state === 'flat';

function useCountdown(untilMs: number | undefined): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (untilMs === undefined) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [untilMs]);
  return untilMs === undefined ? 0 : Math.max(0, Math.ceil((untilMs - now) / 1000));
}
