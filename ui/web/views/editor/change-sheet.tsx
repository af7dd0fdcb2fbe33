import { useEffect, useRef, useState } from 'react';
import type { Job } from '../../../api/contract/answers.ts';
import type { DryRun, GraphDiff, Run } from '../../../api/contract/records.ts';
import { finished } from '../../api/job.ts';
import { client, useMay } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { useText } from '../../i18n/text.ts';
import { ErrorNote, Field, Note } from '../../parts/parts.tsx';
import { useCommand } from '../../parts/use-command.ts';
import { DiffLists, DryRunTable } from './results.tsx';

/** What a changed document would do: nodes kept, restarted, dropped; orders over the last hours; then the proposal. */
export function ChangeSheet(props: {
  run: Run;
  yaml: string;
  changed: boolean;
  errors: number;
  onProposed: () => void;
}) {
  const { run, yaml, changed, errors } = props;
  const t = useText();
  const may = useMay();
  const [hours, setHours] = useState(1);
  const [dry, setDry] = useState<{ of: string; job: string; result: DryRun }>();
  const [reason, setReason] = useState('');
  const ready = changed && errors === 0;
  const diff = useData(ready ? `diff ${run.id} ${yaml}` : null, (s) =>
    client.post<GraphDiff>('/config/diff', { run: run.id, yaml }, { signal: s }),
  );
  const test = useCommand();
  // Who looks at something else does not wait for it: work that nobody asks about any more is ended.
  const gone = useRef(new AbortController());
  useEffect(() => {
    gone.current = new AbortController();
    return () => gone.current.abort();
  }, []);
  const propose = useCommand();
  if (!changed) return <p className="dim">{t('editor.unchanged')}</p>;
  if (errors > 0) return <Note tone="warn">{t('editor.propose_blocked')}</Note>;
  return (
    <div className="stack">
      {diff.error && <ErrorNote error={diff.error} again={diff.again} />}
      {diff.data && <DiffLists of={diff.data} />}
      {may('research') && (
        <section>
          <h3>{t('editor.dry_run')}</h3>
          <form
            className="row"
            onSubmit={(e) => {
              e.preventDefault();
              const of = yaml;
              void test.run(async () => {
                const job = await client.post<Job<DryRun>>('/config/dry-run', { run: run.id, yaml: of, hours });
                setDry({ of, job: job.id, result: await finished(job, gone.current.signal) });
              });
            }}
          >
            <label>
              {t('editor.hours')}{' '}
              <input
                type="number"
                min={0.1}
                max={168}
                step="any"
                size={4}
                value={hours}
                onChange={(e) => setHours(Number(e.target.value))}
              />{' '}
              {t('editor.hours_unit')}
            </label>
            <button type="submit" disabled={test.busy}>
              {t(test.busy ? 'editor.dry_running' : 'editor.dry_run')}
            </button>
          </form>
          {test.error !== undefined && <ErrorNote error={test.error} />}
          {dry?.of === yaml && <DryRunTable of={dry.result} />}
        </section>
      )}
      {may('config.propose') && (
        <section>
          <h3>{t('editor.propose')}</h3>
          <form
            className="stack"
            onSubmit={(e) => {
              e.preventDefault();
              void propose
                .run(() =>
                  client.post('/config/proposals', {
                    run: run.id,
                    yaml,
                    reason: reason.trim(),
                    // The approver sees what it would have done.
                    ...(dry?.of === yaml ? { dry_run_job: dry.job } : {}),
                  }),
                )
                .then((ok) => {
                  if (!ok) return;
                  setReason('');
                  props.onProposed();
                });
            }}
          >
            <Field label={t('editor.propose_reason')}>
              <input
                required
                minLength={3}
                maxLength={500}
                value={reason}
                onChange={(e) => setReason(e.target.value)}
              />
            </Field>
            {propose.error !== undefined && <ErrorNote error={propose.error} />}
            <div className="row end">
              <span className="dim">{t('editor.other_person')}</span>
              <button type="submit" className="primary" disabled={propose.busy || reason.trim().length < 3}>
                {t('editor.propose')}
              </button>
            </div>
          </form>
        </section>
      )}
    </div>
  );
}
