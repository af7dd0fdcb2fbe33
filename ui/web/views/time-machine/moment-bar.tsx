import { useEffect, useState } from 'react';
import type { Moment, Run } from '../../../api/contract/records.ts';
import { setQuery } from '../../app/router.ts';
import { useSettings } from '../../app/settings.ts';
import { number, timeUs } from '../../i18n/format.ts';
import { useText } from '../../i18n/text.ts';
import { stats, useStats } from '../../live/live.ts';
import { Icon } from '../../parts/icon.tsx';

/** `2026-01-01 00:05:00.250` (UTC) or a number of µs → µs; NaN: neither. */
export function parseMoment(text: string): number {
  const s = text.trim();
  if (/^\d{12,17}$/.test(s)) return Number(s);
  const m = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,6}))?Z?$/.exec(s);
  if (!m) return Number.NaN;
  const ms = Date.parse(`${m[1]}T${m[2]!.length === 5 ? `${m[2]}:00` : m[2]}Z`);
  return ms * 1000 + Number((m[3] ?? '').padEnd(6, '0'));
}

/** Which moment is shown, and ways to another one. */
export function MomentBar(props: {
  run: Run;
  moment: Moment | undefined;
  loading: boolean;
  onStep: (by: -1 | 1) => void;
}) {
  const { run, moment, onStep } = props;
  const t = useText();
  const { zone } = useSettings();
  const [cycle, setCycle] = useState('');
  const [at, setAt] = useState('');
  const [wrong, setWrong] = useState(false);
  useStats(run.id, 1000);
  useEffect(() => {
    if (!moment) return;
    setCycle(String(moment.cycle));
    setAt(timeUs(moment.at_us, 'utc', { date: true, us: true }));
    setWrong(false);
  }, [moment]);
  const go = (to: { cycle?: string; at?: string }) =>
    setQuery({ cycle: to.cycle, at: to.at, sheet: undefined, why: undefined, order: undefined });
  return (
    <div className="strip moment-bar">
      <button
        type="button"
        className="icon"
        disabled={!moment}
        aria-label={t('time.back')}
        title={`${t('time.back')} ([)`}
        onClick={() => onStep(-1)}
      >
        <Icon name="left" />
      </button>
      <button
        type="button"
        className="icon"
        disabled={!moment}
        aria-label={t('time.forward')}
        title={`${t('time.forward')} (])`}
        onClick={() => onStep(1)}
      >
        <Icon name="right" />
      </button>
      <form
        className="row"
        onSubmit={(e) => {
          e.preventDefault();
          if (/^\d+$/.test(cycle.trim())) go({ cycle: cycle.trim() });
        }}
      >
        <label>
          {t('time.cycle')}{' '}
          <input inputMode="numeric" pattern="\d+" size={9} value={cycle} onChange={(e) => setCycle(e.target.value)} />
        </label>
        <button type="submit" className="small">
          {t('time.go')}
        </button>
      </form>
      <form
        className="row"
        onSubmit={(e) => {
          e.preventDefault();
          const us = parseMoment(at);
          setWrong(Number.isNaN(us));
          if (!Number.isNaN(us)) go({ at: String(us) });
        }}
      >
        <label title={t('time.at_help')}>
          {t('time.at')} (UTC){' '}
          <input
            className="mono"
            size={27}
            value={at}
            placeholder="2026-01-01 00:00:00"
            aria-invalid={wrong}
            onChange={(e) => setAt(e.target.value)}
          />
        </label>
        <button type="submit" className="small">
          {t('time.go')}
        </button>
      </form>
      {run.state === 'running' && (
        <button
          type="button"
          className="small"
          onClick={() => {
            const now = stats.of(run.id).get()?.at_us;
            if (now !== undefined) go({ at: String(now) });
          }}
        >
          {t('time.newest')}
        </button>
      )}
      {wrong && <span className="bad">{t('time.at_help')}</span>}
      <span className="push" />
      <span role="status" className="dim">
        {moment
          ? `${t('time.cycle')} ${number(moment.cycle)} · ${timeUs(moment.at_us, zone, { us: true })} · ${t('time.cause')} ${moment.cause.source} ${moment.cause.seq} · ${t('time.ran_n', { n: moment.ran.length })}`
          : props.loading
            ? t('loading')
            : ''}
      </span>
    </div>
  );
}
