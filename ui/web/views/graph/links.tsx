import { ViewportPortal } from '@xyflow/react';
import { memo, useContext, useEffect, useMemo, useRef } from 'react';
import { type Layout, pathOf } from './layout.ts';
import type { Link } from './model.ts';
import { SceneContext } from './picture.tsx';

export interface LinksProps {
  readonly links: readonly Link[];
  readonly laid: Layout;
  readonly faded: (link: Link) => boolean;
  readonly lit: (link: Link) => boolean;
}

/**
 * All lines of the graph in one element. An element per line, as the library would have it, makes every frame as dear as the
 * number of lines: each is a layer of its own to the browser, whether it has changed or not.
 */
export function Links({ links, laid, faded, lit }: LinksProps) {
  const clear = useMemo(() => links.filter((l) => !faded(l)), [links, faded]);
  const heads = useMemo(() => clear.map((l) => headOf(laid.links[l.id] ?? NOWHERE)).join(''), [clear, laid]);
  const cuts = useMemo(
    () => clear.map((l) => (l.cut ? cutMark(laid.links[l.id] ?? NOWHERE) : '')).join(''),
    [clear, laid],
  );
  return (
    <ViewportPortal>
      <svg className="links" width="1" height="1" aria-hidden="true">
        {links.map((l) => (
          <Line key={l.id} link={l} points={laid.links[l.id] ?? NOWHERE} faded={faded(l)} lit={lit(l)} />
        ))}
        <path className="heads" d={heads} />
        <path className="cuts" d={cuts} />
      </svg>
    </ViewportPortal>
  );
}
type Points = readonly (readonly [number, number])[];
const NOWHERE: Points = [];

const Line = memo(function Line(props: { link: Link; points: Points; faded: boolean; lit: boolean }) {
  const { link, points, faded, lit } = props;
  const { painter, onHover } = useContext(SceneContext);
  const path = useRef<SVGPathElement>(null);
  useEffect(() => (painter && path.current ? painter.line(link, path.current) : undefined), [painter, link]);
  const d = useMemo(() => pathOf(points), [points]);
  return (
    <>
      <path ref={path} className="link" d={d} data-feedback={link.feedback} data-faded={faded} data-lit={lit} />
      <path className="touch" d={d} onPointerEnter={() => onHover(link.id)} onPointerLeave={() => onHover(null)} />
    </>
  );
});

/** The arrow at the end of a line. All arrows are one path that never changes: a marker is painted anew with its line. */
function headOf(points: Points): string {
  const end = points.at(-1);
  const before = points.at(-2);
  if (!end || !before) return '';
  const dx = end[0] - before[0];
  const dy = end[1] - before[1];
  const length = Math.hypot(dx, dy) || 1;
  const [ux, uy] = [dx / length, dy / length];
  const corner = (side: 1 | -1) =>
    `${round(end[0] - 6 * ux - side * 3 * uy)} ${round(end[1] - 6 * uy + side * 3 * ux)}`;
  return `M${corner(1)}L${round(end[0])} ${round(end[1])}L${corner(-1)}z`;
}
/** Two bars across the longest stretch: here the edge goes from one service to another. A dashed line costs twice a whole one. */
export function cutMark(points: Points): string {
  let best = 0;
  let at: readonly [number, number, number, number] | undefined;
  for (let i = 1; i < points.length; i++) {
    const [x, y] = points[i - 1]!;
    const dx = points[i]![0] - x;
    const dy = points[i]![1] - y;
    const length = Math.hypot(dx, dy);
    if (length <= best) continue;
    best = length;
    at = [x + dx / 2, y + dy / 2, dx / length, dy / length];
  }
  if (!at) return '';
  const [x, y, ux, uy] = at;
  const bar = (along: number) =>
    `M${round(x + along * ux - 7 * uy)} ${round(y + along * uy + 7 * ux)}l${round(14 * uy)} ${round(-14 * ux)}`;
  return bar(-2.5) + bar(2.5);
}
const round = (x: number): number => Math.round(x * 10) / 10;
