import type { BusState } from '../bus.ts';

/** What is wrong with the bus right now, gathered from all who wait for it. Each that is in trouble has its own entry. */
export class Health {
  readonly #open = new Map<object, { code: string; message: string }>();
  readonly #onState: ((state: BusState) => void) | undefined;
  readonly #wallMs: () => number;
  #state: BusState;

  constructor(wallMs: () => number, onState?: (state: BusState) => void) {
    this.#wallMs = wallMs;
    this.#onState = onState;
    this.#state = { since: wallMs(), message: 'connected' };
  }
  get state(): BusState {
    return this.#state;
  }
  /** `who` met trouble, or the trouble it met is another one now. */
  trouble(who: object, code: string, message: string): void {
    const known = this.#open.get(who);
    if (known?.code === code) return;
    this.#open.set(who, { code, message });
    this.#update();
  }
  well(who: object): void {
    if (this.#open.delete(who)) this.#update();
  }
  #update(): void {
    const [first] = this.#open.values();
    if (this.#state.code === first?.code) return;
    const since = this.#wallMs();
    this.#state = first ? { code: first.code, since, message: first.message } : { since, message: 'connected' };
    this.#onState?.(this.#state);
  }
}
