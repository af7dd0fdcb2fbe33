import { value } from '../i18n/format.ts';

/** Any plain value as a tree; the first levels are open. */
export function Json({ of, name, depth = 0, open = 1 }: { of: unknown; name?: string; depth?: number; open?: number }) {
  const label = name === undefined ? null : <span className="k">{name}: </span>;
  const nested = typeof of === 'object' && of !== null && !isShortList(of);
  if (!nested)
    return (
      <div className={depth === 0 ? 'json' : 'leaf'}>
        {label}
        {value(of, name)}
      </div>
    );
  const entries = Array.isArray(of) ? of.map((v, i) => [String(i), v] as const) : Object.entries(of as object);
  const shown = entries.slice(0, MOST);
  const tree = (
    <>
      {shown.map(([k, v]) => (
        <Json key={k} name={k} of={v} depth={depth + 1} open={open} />
      ))}
      {entries.length > MOST && <div className="leaf dim">… {entries.length - MOST}</div>}
    </>
  );
  if (name === undefined) return <div className="json">{tree}</div>;
  return (
    <details open={depth <= open}>
      <summary>
        {label}
        <span className="dim">{Array.isArray(of) ? `[${entries.length}]` : `{${entries.length}}`}</span>
      </summary>
      {tree}
    </details>
  );
}
const MOST = 100;
const isShortList = (v: object): boolean => Array.isArray(v) && v.every((x) => typeof x !== 'object' || x === null);
