/** A number of a drawing: a tenth of a pixel is enough. */
export const px = (v: number): string => String(Math.round(v * 10) / 10);
/** Text that stands in XML. */
export const escaped = (s: string): string => s.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

interface Point {
  x: number;
  y: number;
}

/** An orthogonal line with rounded corners. */
export function path(points: readonly Point[], at: Point): string {
  const p = points.map((q) => ({ x: q.x + at.x, y: q.y + at.y }));
  let d = `M${px(p[0]!.x)} ${px(p[0]!.y)}`;
  for (let i = 1; i < p.length; i++) {
    const here = p[i]!;
    const next = p[i + 1];
    if (!next) d += `L${px(here.x)} ${px(here.y)}`;
    else {
      const before = towards(here, p[i - 1]!);
      const after = towards(here, next);
      d += `L${px(before.x)} ${px(before.y)}Q${px(here.x)} ${px(here.y)} ${px(after.x)} ${px(after.y)}`;
    }
  }
  return d;
}
function towards(from: Point, to: Point): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const r = length === 0 ? 0 : Math.min(5, length / 2) / length;
  return { x: from.x + (to.x - from.x) * r, y: from.y + (to.y - from.y) * r };
}
