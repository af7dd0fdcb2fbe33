import { useEffect, useState } from 'react';
import type { Stats } from '../../../api/contract/records.ts';
import { duration, number, percent, rate } from '../../i18n/format.ts';
import { useText } from '../../i18n/text.ts';
import type { Store } from '../../live/store.ts';
import { pathOf } from './layout.ts';
import { cutMark } from './links.tsx';
import { type Link, linkStats } from './model.ts';

export function Legend() {
  const t = useText();
  const [open, setOpen] = useState(false);
  return (
    <div className="legend">
      <button type="button" className="small quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
        {t('graph.legend')}
      </button>
      {open && (
        <dl>
          <dt>{t('graph.legend_pressure')}</dt>
          <dd>
            {t('graph.legend_free')}{' '}
            <svg width="120" height="10" aria-hidden="true">
              {[0, 1, 2, 3, 4].map((p) => (
                <path key={p} className="link" data-pressure={p} data-weight={p} d={`M${p * 24 + 2} 5h20`} />
              ))}
            </svg>{' '}
            {t('graph.legend_held')}
          </dd>
          <dt>
            <svg width="34" height="8" aria-hidden="true">
              <path className="link" data-weight="1" d="M1 4h14" />
              <path className="link" data-weight="4" d="M18 4h14" />
            </svg>
          </dt>
          <dd>{t('graph.legend_width')}</dd>
          <Sample text={t('graph.legend_feedback')} feedback />
          <Sample text={t('graph.legend_cut')} cut />
          <Sample text={t('graph.critical')} critical />
        </dl>
      )}
    </div>
  );
}

/** A line as it is drawn, and what it says by that. */
function Sample(props: { text: string; feedback?: boolean; cut?: boolean; critical?: boolean }) {
  const { text, feedback, cut, critical } = props;
  return (
    <>
      <dt>
        <svg width="34" height="16" viewBox="0 -4 34 16" aria-hidden="true">
          <path className="link" data-feedback={feedback} data-critical={critical} data-weight="2" d={pathOf(SAMPLE)} />
          {cut && <path className="cuts" d={cutMark(SAMPLE)} />}
        </svg>
      </dt>
      <dd>{text}</dd>
    </>
  );
}
const SAMPLE = [
  [1, 4],
  [33, 4],
] as const;

/** What flows over one line, while the pointer is on it. */
export function EdgeCard({ link, stats }: { link: Link; stats: Store<Stats | null> | null }) {
  const t = useText();
  const [now, setNow] = useState<Stats | null>(stats?.get() ?? null);
  useEffect(() => stats?.subscribe(() => setNow(stats.get())), [stats]);
  const s = linkStats(link, now);
  return (
    <div className="edge-card">
      <b>
        {link.from} → {link.to}
      </b>
      <span className="dim">{link.edges.map((e) => e.slice(e.indexOf('.') + 1, e.indexOf('>'))).join(', ')}</span>
      {stats && (
        <dl className="facts">
          <dt>{t('graph.rate')}</dt>
          <dd>{rate(s?.rate)}</dd>
          <dt>{t('graph.handover')}</dt>
          <dd>
            {duration(s?.handover_p50_us)} / {duration(s?.handover_p99_us)}
          </dd>
          <dt>{t('graph.queue')}</dt>
          <dd>{number(s?.queue)}</dd>
          <dt>{t('graph.pressure')}</dt>
          <dd>{percent(s?.pressure, 0)}</dd>
        </dl>
      )}
      {link.feedback && (
        <span className="dim">
          {t('graph.legend_feedback')}, {t('graph.delay')} {duration(link.delayUs)}
        </span>
      )}
    </div>
  );
}
