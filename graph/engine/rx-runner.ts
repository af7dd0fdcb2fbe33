import { type Observable, type SchedulerLike, Subject, VirtualTimeScheduler } from 'rxjs';
import type { RxPipe } from '../node.ts';
import type { Context } from './instance.ts';

const TIMER = 1;
type Emit = Record<string, (values: unknown) => void>;

const writers = new Map<string, (emit: Emit, out: Record<string, unknown>) => void>();
/** Hands an emission's records to their ports; generated, because a keyed loop costs as much as the node itself. */
function writerOf(ports: readonly string[]): (emit: Emit, out: Record<string, unknown>) => void {
  const text = ports.map((p) => `if (out.${p} !== undefined) emit.${p}(out.${p});`).join('\n');
  let writer = writers.get(text);
  if (!writer) {
    writer = new Function('emit', 'out', text) as NonNullable<typeof writer>;
    writers.set(text, writer);
  }
  return writer;
}

/** Runs an rx node: one `next` per cycle, emissions written through the instance's ports while that cycle lasts. */
export class RxRunner {
  readonly #ticks = new Subject<unknown>();
  readonly #pipe: RxPipe<never>;
  readonly #ctx: Context;
  // RxJS's own virtual scheduler, wound by the engine's timers. Its unit is RxJS's: milliseconds, here with fractions.
  readonly #scheduler = new VirtualTimeScheduler();
  #running = false;
  #error: unknown;
  #failed = false;

  constructor(
    build: (ticks$: Observable<unknown>, scheduler: SchedulerLike) => RxPipe<never>,
    emit: () => Emit,
    ports: readonly string[],
    ctx: Context,
  ) {
    this.#ctx = ctx;
    this.#pipe = build(this.#ticks, this.#scheduler);
    const write = writerOf(ports);
    // RxJS reports what a consumer throws later and elsewhere; the engine needs it in the cycle, so it is kept here.
    this.#pipe.out$.subscribe({
      next: (out: Record<string, unknown>) => {
        try {
          if (!this.#running) throw new RxOutsideCycle();
          write(emit(), out);
        } catch (e) {
          this.#fail(e);
        }
      },
      error: (e: unknown) => this.#fail(e),
    });
  }
  run(tick: unknown): void {
    const ctx = this.#ctx;
    const scheduler = this.#scheduler;
    this.#running = true;
    if (ctx.timer === 0) {
      scheduler.frame = ctx.now / 1000;
      this.#ticks.next(tick);
    } else {
      // An action's frame is a sum of fractions of milliseconds; the timer came at the microsecond nearest to it.
      scheduler.maxFrames = (ctx.now + 0.5) / 1000;
      scheduler.flush();
    }
    this.#running = false;
    if (this.#failed) throw this.#error;
    const next = scheduler.actions[0] as { delay?: number } | undefined;
    if (next) ctx.at(Math.round(next.delay! * 1000), TIMER);
  }
  snapshot(): unknown {
    return this.#pipe.snapshot?.();
  }
  restore(state: unknown): void {
    this.#pipe.restore?.(state);
  }
  /** Whether a checkpoint can carry the node. */
  get portable(): boolean {
    return this.#pipe.stateless === true || (this.#pipe.snapshot !== undefined && this.#pipe.restore !== undefined);
  }
  /** Whether a time operator holds something back right now: a checkpoint cannot carry it. */
  get pending(): boolean {
    return this.#scheduler.actions.length > 0;
  }
  #fail(e: unknown): void {
    this.#failed = true;
    this.#error = e;
    if (!this.#running) throw e;
  }
}
export class RxOutsideCycle extends Error {
  readonly code = 'CHM705';
  constructor() {
    super('an rx node emitted outside its own cycle; take its time operators from engineTime(ctx) in graph/rx.ts');
  }
}
