import { useState } from 'react';
import type { List } from '../../../api/contract/answers.ts';
import type { Proposal, ProposalState } from '../../../api/contract/records.ts';
import { client, useMay, useMe } from '../../api/session.ts';
import type { Loaded } from '../../api/use-data.ts';
import { useSettings } from '../../app/settings.ts';
import { timeMs } from '../../i18n/format.ts';
import { useText, word } from '../../i18n/text.ts';
import { Badge, Empty, ErrorNote, Field, Note, Shown, type Tone } from '../../parts/parts.tsx';
import { useCommand } from '../../parts/use-command.ts';
import { DiffLists, DryRunTable } from './results.tsx';

const TONE: Readonly<Record<ProposalState, Tone>> = {
  proposed: 'info',
  approved: 'good',
  applied: 'good',
  refused: 'warn',
  failed: 'bad',
  withdrawn: 'plain',
};

export function Proposals({ of, onOpen }: { of: Loaded<List<Proposal>>; onOpen: (p: Proposal) => void }) {
  const t = useText();
  return (
    <Shown of={of}>
      {({ items }) =>
        items.length === 0 ? (
          <Empty>{t('editor.no_proposals')}</Empty>
        ) : (
          <ul className="proposals">
            {items.map((p) => (
              <li key={p.id}>
                <One of={p} again={of.again} onOpen={() => onOpen(p)} />
              </li>
            ))}
          </ul>
        )
      }
    </Shown>
  );
}

function One({ of: p, again, onOpen }: { of: Proposal; again: () => void; onOpen: () => void }) {
  const t = useText();
  const { zone } = useSettings();
  const me = useMe();
  const may = useMay();
  const [note, setNote] = useState('');
  const command = useCommand();
  const mine = p.by === me?.name;
  const act = (how: 'approve' | 'refuse' | 'withdraw') =>
    command
      .run(() =>
        client.post(
          `/config/proposals/${encodeURIComponent(p.id)}/${how}`,
          note.trim() !== '' && how !== 'withdraw' ? { note: note.trim() } : {},
        ),
      )
      .then(again);
  return (
    <details open={p.state === 'proposed'}>
      <summary>
        <Badge tone={TONE[p.state]}>{word(t, 'proposal', p.state)}</Badge> <b>{p.reason}</b>{' '}
        <span className="dim">{t('editor.by', { name: p.by, time: timeMs(p.at_ms, zone) })}</span>
      </summary>
      {p.decided_by && (
        <p className="dim">
          {t('editor.decided', {
            state: word(t, 'proposal', p.state),
            name: p.decided_by,
            time: timeMs(p.decided_ms, zone),
          })}
          {p.note && (
            <>
              {': '}
              <q>{p.note}</q>
            </>
          )}
        </p>
      )}
      <DiffLists of={p.diff} />
      {p.dry_run && <DryRunTable of={p.dry_run} />}
      {command.error !== undefined && <ErrorNote error={command.error} />}
      <div className="row">
        <button type="button" className="small" onClick={onOpen}>
          {t('editor.load')}
        </button>
        {p.state === 'proposed' && mine && (
          <button type="button" className="small" disabled={command.busy} onClick={() => void act('withdraw')}>
            {t('editor.withdraw')}
          </button>
        )}
      </div>
      {p.state === 'proposed' && mine && <Note tone="plain">{t('editor.other_person')}</Note>}
      {p.state === 'proposed' && !mine && may('config.approve') && (
        <div className="stack">
          <Field label={t('editor.note')}>
            <input value={note} maxLength={500} onChange={(e) => setNote(e.target.value)} />
          </Field>
          <div className="row end">
            <button type="button" disabled={command.busy} onClick={() => void act('refuse')}>
              {t('editor.refuse')}
            </button>
            <button type="button" className="primary" disabled={command.busy} onClick={() => void act('approve')}>
              {t('editor.approve')}
            </button>
          </div>
        </div>
      )}
    </details>
  );
}
