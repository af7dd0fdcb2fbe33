import type { Diagnostic } from '../schema/index.ts';
import type { TestValue } from './test-value.ts';

/**
 * A test of a whole pipeline, as `tests:` of its document or of `<pipeline>.test.yaml`:
 *
 * ```yaml
 * tests:
 *   - name: a rising close makes one entry
 *     sets: { preset: recording }                    # as --set
 *     start: 2024-07-18T00:00:00Z                    # engine time of offset 0; this is the default
 *     instruments: { usdm:BTCUSDT: { px_digits: 1, qty_digits: 3 } }
 *     defaults: { market.trade: { qty: 1, side: buy, on_market: true } }
 *     given:                                         # events on any out-port of any node, in order of time
 *       - { at: 0s, node: market, port: trade, values: { id: 1, px: 100.5, time_ms: 0s } }
 *     advance: 1m                                    # timers up to start + 1m; default: the last event
 *     mocks:
 *       model: { emit: [{ at: 1s, port: score, values: { value: 0.9 } }] }
 *     expect:
 *       bars.bar: [{ at: 1m, values: { close: 100.5 } }]   # exactly these rows, in this order
 *       orders.order: none
 *       fast.value: { approx: [{ values: { value: 100.2 } }], tolerance: 1e-9 }
 *     expect_lint: [{ code: CHM310, node: fast }]
 * ```
 *
 * Amounts are written in units, times as offsets from `start`, as ISO times, or as numbers of the field's own unit.
 */
export interface PipelineTest {
  readonly name: string;
  readonly sets: Readonly<Record<string, string>>;
  /** Name of a profile; undefined = none. */
  readonly profile: string | undefined;
  /** Engine time of offset 0, µs. */
  readonly startUs: number;
  readonly instruments: readonly TestInstrument[];
  /** In order of time; equal times in the order of the document. */
  readonly given: readonly TestEvent[];
  /** The engine's time at the end, µs: all timers due up to it have fired. */
  readonly untilUs: number;
  readonly mocks: readonly TestMock[];
  readonly expect: readonly Expectation[];
  /** Findings that the pipeline with these sets gives, no more and no fewer; undefined = not looked at. */
  readonly expectLint: readonly ExpectedFinding[] | undefined;
  readonly line: number;
  readonly column: number;
}
export interface TestInstrument {
  readonly key: string;
  readonly pxDigits: number;
  readonly qtyDigits: number;
}
/** A record on an out-port: given, mocked, or expected. */
export interface TestEvent {
  readonly atUs: number;
  readonly node: string;
  readonly port: string;
  /** Instrument; undefined on streams without key. */
  readonly key: string | undefined;
  /** All fields of the record, in the schema's order; `null` where a nullable field is left out. */
  readonly values: Readonly<Record<string, TestValue>>;
  readonly line: number;
}
/** Replaces a node: it never runs; what it emits is stated. */
export interface TestMock {
  readonly node: string;
  readonly emit: readonly TestEvent[];
  readonly line: number;
}
export interface ExpectedRow {
  /** undefined: at any time. */
  readonly atUs: number | undefined;
  /** undefined: of any key. */
  readonly key: string | undefined;
  /** Only the fields that are named are compared. */
  readonly values: Readonly<Record<string, TestValue>>;
  readonly line: number;
}
/**
 * What a port emits in a test:
 * - `exact`: these rows, all of them, in this order (the default)
 * - `unordered`: these rows, all of them, in any order
 * - `contains`: these rows in this order, others may stand between
 * - `approx`: as `exact`, but f64 fields may differ by `tolerance` (absolute for |x| ≤ 1, else relative)
 * - `count`: so many rows
 * - `none`: nothing
 */
export interface Expectation {
  readonly node: string;
  readonly port: string;
  readonly mode: 'exact' | 'unordered' | 'contains' | 'approx' | 'count' | 'none';
  readonly rows: readonly ExpectedRow[];
  readonly count: number;
  readonly tolerance: number;
  readonly line: number;
  readonly column: number;
}
export interface ExpectedFinding {
  readonly code: string;
  readonly node: string | undefined;
  readonly line: number | undefined;
  readonly column: number | undefined;
  readonly message: string | undefined;
}
export interface LoadedTests {
  /** Only the tests without errors. */
  tests: PipelineTest[];
  diagnostics: Diagnostic[];
}
