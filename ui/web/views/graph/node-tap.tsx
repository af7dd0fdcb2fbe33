import { useEffect, useRef, useState } from 'react';
import type { GraphNode, Row, Run } from '../../../api/contract/records.ts';
import { uuid } from '../../api/client.ts';
import { useMay } from '../../api/session.ts';
import { useSettings } from '../../app/settings.ts';
import { timeUs, value } from '../../i18n/format.ts';
import { useText } from '../../i18n/text.ts';
import { live } from '../../live/live.ts';
import { Field, Note } from '../../parts/parts.tsx';

/** Rows that the page keeps; older ones go. */
const KEEP = 200;

interface Open {
  readonly id: string;
  readonly port: string;
  readonly filter: string;
  readonly perS: number;
}

/** Watches one port: the newest rows, sampled by the server. */
export function NodeTap({ run, node, nodeKey }: { run: Run; node: GraphNode; nodeKey: string | null }) {
  const t = useText();
  const may = useMay();
  const [port, setPort] = useState(node.out[0]?.name ?? '');
  const [filter, setFilter] = useState('');
  const [perS, setPerS] = useState(10);
  const [open, setOpen] = useState<Open | null>(null);
  if (!may('research')) return <Note tone="plain">{t('may_not', { permission: 'research' })}</Note>;
  if (node.out.length === 0) return <p className="dim">{t('none')}</p>;
  const fields = node.out.find((p) => p.name === port)?.fields ?? [];
  return (
    <div className="stack">
      <form
        className="stack"
        onSubmit={(e) => {
          e.preventDefault();
          setOpen({ id: uuid(), port, filter: filter.trim(), perS });
        }}
      >
        <div className="row">
          <Field label={t('port')}>
            <select value={port} onChange={(e) => setPort(e.target.value)}>
              {node.out.map((p) => (
                <option key={p.name}>{p.name}</option>
              ))}
            </select>
          </Field>
          <Field label={t('tap.per_s')}>
            <input type="number" min={1} max={100} value={perS} onChange={(e) => setPerS(Number(e.target.value))} />
          </Field>
        </div>
        <Field label={t('tap.filter')}>
          <input
            className="mono"
            placeholder={t('tap.filter_example')}
            value={filter}
            onChange={(e) => setFilter(e.target.value)}
            spellCheck={false}
          />
        </Field>
        <p className="dim fine">{fields.map((f) => (f.unit ? `${f.name} (${f.unit})` : f.name)).join(', ')}</p>
        <div className="row">
          <button type="submit" className="primary">
            {t('tap.open')}
          </button>
          {open && (
            <button type="button" onClick={() => setOpen(null)}>
              {t('tap.close')}
            </button>
          )}
        </div>
      </form>
      {open && <Rows key={open.id} run={run.id} node={node.id} nodeKey={nodeKey} open={open} />}
      <p className="dim fine">{t('tap.bounded', { n: KEEP })}</p>
    </div>
  );
}

function Rows({ run, node, nodeKey, open }: { run: string; node: string; nodeKey: string | null; open: Open }) {
  const t = useText();
  const { zone } = useSettings();
  const [rows, setRows] = useState<readonly (Row & { n: number })[]>([]);
  const [leftOut, setLeftOut] = useState(0);
  const [refused, setRefused] = useState<{ code: string; message: string }>();
  const [paused, setPaused] = useState(false);
  const count = useRef(0);
  const held = useRef(paused);
  held.current = paused;
  useEffect(() => {
    const ends = [
      live.on('rows', (m) => {
        if (m.id !== open.id) return;
        setLeftOut((n) => n + m.left_out + (held.current ? m.rows.length : 0));
        if (!held.current)
          setRows((old) => [...m.rows.map((r) => ({ ...r, n: count.current++ })).reverse(), ...old].slice(0, KEEP));
      }),
      live.on('refused', (m) => m.of === open.id && setRefused(m)),
      live.tap({
        kind: 'tap',
        id: open.id,
        run,
        node,
        port: open.port,
        ...(nodeKey ? { key: nodeKey } : {}),
        ...(open.filter ? { filter: open.filter } : {}),
        per_s: open.perS,
      }),
    ];
    return () => {
      for (const end of ends) end();
    };
  }, [open, run, node, nodeKey]);
  if (refused)
    return (
      <Note tone="bad" role="alert">
        <p>{refused.message}</p>
        <p className="fine">{t('error.code', { code: refused.code })}</p>
      </Note>
    );
  const fields = rows[0] ? Object.keys(rows[0].values) : [];
  return (
    <div className="stack">
      <div className="row">
        <span role="status">
          {rows.length === 0 ? t('tap.waiting') : t('tap.rows', { n: rows.length, out: leftOut })}
        </span>
        <button type="button" className="small" aria-pressed={paused} onClick={() => setPaused(!paused)}>
          {t(paused ? 'tap.resume' : 'tap.pause')}
        </button>
      </div>
      {rows.length > 0 && (
        <div className="tap-rows" tabIndex={0} role="group" aria-label={t('panel.tap')}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t('time')}</th>
                <th scope="col">{t('key')}</th>
                {fields.map((f) => (
                  <th key={f} scope="col" className="n">
                    {f}
                  </th>
                ))}
                <th scope="col" className="n">
                  seq
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((r) => (
                <tr key={`${r.source} ${r.seq} ${r.key} ${r.n}`}>
                  <td>{timeUs(r.at_us, zone)}</td>
                  <td>{r.key ?? ''}</td>
                  {fields.map((f) => (
                    <td key={f} className="n">
                      {value(r.values[f], f, zone)}
                    </td>
                  ))}
                  <td className="n">{r.seq}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}
