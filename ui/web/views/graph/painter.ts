import type { EdgeStats, NodeStats, Stats } from '../../../api/contract/records.ts';
import { duration, rate, short } from '../../i18n/format.ts';
import { type Link, linkStats } from './model.ts';

/** Places of a node's box that change. */
export interface NodeParts {
  readonly box: HTMLElement;
  readonly rate: HTMLElement;
  readonly lag: HTMLElement;
  readonly step: HTMLElement;
  readonly status: HTMLElement;
}
export type NodeStatus = 'ok' | 'idle' | 'warming' | 'stale' | 'error';

export const statusOf = (s: NodeStats): NodeStatus =>
  s.errors > 0 ? 'error' : s.stale ? 'stale' : s.warming > 0 ? 'warming' : s.rate > 0 ? 'ok' : 'idle';

/** The browser needs the rest of a frame's 16 ms for style, layout and paint. */
const BUDGET_MS = 3;

/**
 * Writes statistics into the picture. They come four times a second for hundreds of boxes and lines: going through React for
 * each would miss frames, and so would all in one frame. What has not changed as text is not touched; the rest is spread over
 * frames by a budget.
 */
export class Painter {
  readonly #nodes = new Map<string, { parts: NodeParts; shown: string }>();
  readonly #lines = new Map<string, { link: Link; path: SVGPathElement; shown: string }>();
  #queue: (() => void)[] = [];
  #frame = 0;
  #stats: Stats | null = null;
  /** Words of a status in the person's language. */
  words: (status: NodeStatus, s: NodeStats) => string = (status) => status;

  node(id: string, parts: NodeParts): () => void {
    this.#nodes.set(id, { parts, shown: '' });
    this.#paintNode(id);
    return () => this.#nodes.delete(id);
  }
  line(link: Link, path: SVGPathElement): () => void {
    this.#lines.set(link.id, { link, path, shown: '' });
    this.#paintLine(link.id);
    return () => this.#lines.delete(link.id);
  }

  take(stats: Stats | null): void {
    this.#stats = stats;
    this.#queue = [];
    for (const id of this.#nodes.keys()) this.#queue.push(() => this.#paintNode(id));
    for (const id of this.#lines.keys()) this.#queue.push(() => this.#paintLine(id));
    if (this.#frame === 0) this.#frame = requestAnimationFrame(this.#work);
  }
  /** Everything once more, e.g. in another language. */
  repaint(): void {
    for (const n of this.#nodes.values()) n.shown = '';
    for (const l of this.#lines.values()) l.shown = '';
    this.take(this.#stats);
  }
  stop(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#queue = [];
  }

  readonly #work = (): void => {
    const until = performance.now() + BUDGET_MS;
    let done = 0;
    while (done < this.#queue.length && (done % 8 !== 0 || performance.now() < until)) this.#queue[done++]!();
    this.#queue.splice(0, done);
    this.#frame = this.#queue.length > 0 ? requestAnimationFrame(this.#work) : 0;
  };
  #paintNode(id: string): void {
    const entry = this.#nodes.get(id);
    const s = this.#stats?.nodes[id];
    if (!entry || !s) return;
    const status = statusOf(s);
    const r = rate(s.rate);
    const lag = duration(s.lag_us);
    const step = duration(s.step_us);
    const shown = `${r}|${lag}|${step}|${status}|${s.warming}|${s.errors}`;
    if (shown === entry.shown) return;
    entry.shown = shown;
    const { parts } = entry;
    write(parts.rate, r);
    write(parts.lag, lag);
    write(parts.step, step);
    write(parts.status, this.words(status, s));
    if (parts.box.dataset['status'] !== status) parts.box.dataset['status'] = status;
  }
  #paintLine(id: string): void {
    const entry = this.#lines.get(id);
    if (!entry) return;
    const s = linkStats(entry.link, this.#stats);
    const shown = s ? `${level(s)} ${weight(s)}` : '';
    if (shown === entry.shown) return;
    entry.shown = shown;
    entry.path.setAttribute('data-pressure', String(s ? level(s) : 0));
    entry.path.setAttribute('data-weight', String(s ? weight(s) : 0));
  }
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
