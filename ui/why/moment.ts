/** A decision moment with everything that the decision read. Amounts are numbers in units; NaN = no value. */
export interface DecisionInputs {
  readonly node: string;
  readonly key: string | null;
  readonly features: Readonly<Record<string, unknown>>;
  /** Null: none is connected, or none was there yet. */
  readonly position: Readonly<Record<string, unknown>> | null;
  /** State of the L0 guards; null as above. */
  readonly guard: Readonly<Record<string, unknown>> | null;
}
export interface DecisionMoment extends DecisionInputs {
  readonly cycle: number;
  readonly at_us: number;
  /** The row of the port `verdict`. */
  readonly verdict: Readonly<Record<string, unknown>>;
}
