import type { EdgeStats, NodeStats, Stats } from '../../../api/contract/records.ts';
import { duration, rate, short } from '../../i18n/format.ts';
import type { Box, Layout } from './layout.ts';
import { type Link, linkStats } from './model.ts';

/** Places of a node's box that change. */
export interface NodeParts {
  readonly box: HTMLElement;
  readonly face: HTMLElement;
  readonly rate: HTMLElement;
  readonly lag: HTMLElement;
  readonly step: HTMLElement;
  readonly status: HTMLElement;
}
export type NodeStatus = 'ok' | 'idle' | 'warming' | 'stale' | 'error';

export const statusOf = (s: NodeStats): NodeStatus =>
  s.errors > 0 ? 'error' : s.stale ? 'stale' : s.warming > 0 ? 'warming' : s.rate > 0 ? 'ok' : 'idle';

/** The browser needs the rest of a frame's 16 ms for style, layout and paint. */
const BUDGET_MS = 8;
/** Looked at together: the clock is not asked for each. */
const STRIDE = 8;

/**
 * Writes statistics into the picture. They come four times a second for hundreds of boxes and lines: going through React for
 * each would miss frames, and so would all in one frame. What has not changed as text is not touched; the rest is spread over
 * frames by a budget.
 */
export class Painter {
  readonly #nodes = new Map<string, NodeEntry>();
  readonly #lines = new Map<string, LineEntry>();
  #queue: (NodeEntry | LineEntry)[] = [];
  #frame = 0;
  #readable = true;
  #places: Layout['nodes'] = {};
  #window: Box | undefined;
  #stats: Stats | null = null;
  /** Each node of the critical path → the one after it. */
  #critical = new Map<string, string | null>();
  /** Words of a status in the person's language. */
  words: (status: NodeStatus, s: NodeStats) => string = (status) => status;
  /** What a screen reader says of a node on the critical path. */
  criticalWord = '';
  showCritical = true;

  node(id: string, parts: NodeParts): () => void {
    const entry: NodeEntry = { id, parts, shown: '', critical: false };
    this.#nodes.set(id, entry);
    this.#paintNode(entry);
    return () => this.#nodes.delete(id);
  }
  line(link: Link, path: SVGPathElement): () => void {
    const entry: LineEntry = { link, path, level: 0, weight: 0, critical: false };
    this.#lines.set(link.id, entry);
    this.#paintLine(entry);
    return () => this.#lines.delete(link.id);
  }

  take(stats: Stats | null): void {
    this.#stats = stats;
    const path = (this.showCritical && stats?.critical_path) || [];
    this.#critical = new Map(path.map((id, i) => [id, path[i + 1] ?? null]));
    const nodes = [...this.#nodes.values()];
    this.#queue = [...nodes.filter((n) => this.#inView(n.id)), ...this.#lines.values()];
    if (this.#frame === 0) this.#frame = requestAnimationFrame(this.#work);
  }
  /** What part of the picture is looked at, and whether figures can be read there: the rest is written once it can be seen. */
  look(places: Layout['nodes'], window: Box, readable: boolean): void {
    this.#places = places;
    this.#window = window;
    this.#readable = readable;
    this.take(this.#stats);
  }
  /** Everything once more, e.g. in another language. */
  repaint(): void {
    for (const n of this.#nodes.values()) n.shown = '';
    this.take(this.#stats);
  }
  stop(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#queue = [];
  }

  #inView(id: string): boolean {
    const b = this.#places[id];
    const w = this.#window;
    return !b || !w || (b.x < w.x + w.w && b.x + b.w > w.x && b.y < w.y + w.h && b.y + b.h > w.y);
  }
  readonly #work = (): void => {
    const until = performance.now() + BUDGET_MS;
    const queue = this.#queue;
    let done = 0;
    while (done < queue.length && (done % STRIDE !== 0 || performance.now() < until)) {
      const entry = queue[done++]!;
      if ('link' in entry) this.#paintLine(entry);
      else this.#paintNode(entry);
    }
    this.#queue = queue.slice(done);
    this.#frame = this.#queue.length > 0 ? requestAnimationFrame(this.#work) : 0;
  };
  #paintNode(entry: NodeEntry): void {
    const { id, parts } = entry;
    const critical = this.#critical.has(id);
    if (critical !== entry.critical) {
      entry.critical = critical;
      parts.box.toggleAttribute('data-critical', critical);
      if (critical) parts.face.setAttribute('aria-description', this.criticalWord);
      else parts.face.removeAttribute('aria-description');
    }
    const s = this.#stats?.nodes[id];
    if (!s) return;
    const status = statusOf(s);
    if (parts.box.dataset['status'] !== status) parts.box.dataset['status'] = status;
    if (!this.#readable) return;
    const r = rate(s.rate);
    const lag = duration(s.lag_us);
    const step = duration(s.step_us);
    const shown = `${r}|${lag}|${step}|${status}|${s.warming}|${s.errors}`;
    if (shown === entry.shown) return;
    entry.shown = shown;
    write(parts.rate, r);
    write(parts.lag, lag);
    write(parts.step, step);
    write(parts.status, this.words(status, s));
  }
  #paintLine(entry: LineEntry): void {
    const { link, path } = entry;
    const s = linkStats(link, this.#stats);
    const l = s ? level(s) : 0;
    const w = s ? weight(s) : 0;
    const critical = this.#critical.get(link.from) === link.to;
    if (l !== entry.level) path.setAttribute('data-pressure', String(l));
    if (w !== entry.weight) path.setAttribute('data-weight', String(w));
    if (critical !== entry.critical) path.toggleAttribute('data-critical', critical);
    entry.level = l;
    entry.weight = w;
    entry.critical = critical;
  }
}
interface NodeEntry {
  readonly id: string;
  readonly parts: NodeParts;
  shown: string;
  critical: boolean;
}
interface LineEntry {
  readonly link: Link;
  readonly path: SVGPathElement;
  level: number;
  weight: number;
  critical: boolean;
}

function write(element: HTMLElement, text: string): void {
  const node = element.firstChild;
  if (node instanceof Text) {
    if (node.data !== text) node.data = text;
  } else element.textContent = text;
}

/** Back-pressure in five steps: 0 free … 4 held back. */
export const level = (s: EdgeStats): number =>
  s.pressure <= 0.02 ? 0 : s.pressure < 0.25 ? 1 : s.pressure < 0.5 ? 2 : s.pressure < 0.8 ? 3 : 4;
/** Records per second in five steps of ten. */
export const weight = (s: EdgeStats): number =>
  s.rate <= 0 ? 0 : s.rate < 1 ? 1 : s.rate < 10 ? 2 : s.rate < 100 ? 3 : 4;

export const edgeText = (s: EdgeStats | null): string =>
  s ? `${rate(s.rate)} · ${short(s.queue)} · ${duration(s.handover_p50_us)} / ${duration(s.handover_p99_us)}` : '';
