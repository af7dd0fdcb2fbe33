import {
  auditTime,
  bufferTime,
  debounceTime,
  delay,
  interval,
  type MonoTypeOperatorFunction,
  type Observable,
  type OperatorFunction,
  type SchedulerLike,
  sampleTime,
  type ThrottleConfig,
  throttleTime,
  timer,
} from 'rxjs';

/**
 * RxJS as rx nodes use it. Operators without time are passed on as they are; operators with time only come bound to
 * the engine's scheduler, so that no pipeline can wait for a wall clock by accident.
 */
export {
  BehaviorSubject,
  buffer,
  bufferCount,
  catchError,
  combineLatest,
  combineLatestWith,
  concatMap,
  defaultIfEmpty,
  defer,
  distinct,
  distinctUntilChanged,
  distinctUntilKeyChanged,
  EMPTY,
  elementAt,
  every,
  exhaustMap,
  expand,
  filter,
  finalize,
  find,
  findIndex,
  first,
  from,
  groupBy,
  ignoreElements,
  last,
  map,
  merge,
  mergeMap,
  mergeScan,
  mergeWith,
  NEVER,
  Observable,
  type OperatorFunction,
  of,
  pairwise,
  partition,
  pipe,
  ReplaySubject,
  race,
  range,
  reduce,
  Subject,
  sample,
  scan,
  share,
  single,
  skip,
  skipUntil,
  skipWhile,
  startWith,
  switchMap,
  switchScan,
  take,
  takeLast,
  takeUntil,
  takeWhile,
  tap,
  toArray,
  window,
  windowCount,
  withLatestFrom,
  zip,
  zipWith,
} from 'rxjs';

/** Time operators in engine time; durations in milliseconds, fractions allowed, as RxJS counts. */
export interface EngineTime {
  auditTime<T>(ms: number): MonoTypeOperatorFunction<T>;
  bufferTime<T>(ms: number): OperatorFunction<T, T[]>;
  debounceTime<T>(ms: number): MonoTypeOperatorFunction<T>;
  delay<T>(ms: number): MonoTypeOperatorFunction<T>;
  interval(ms: number): Observable<number>;
  sampleTime<T>(ms: number): MonoTypeOperatorFunction<T>;
  throttleTime<T>(ms: number, config?: ThrottleConfig): MonoTypeOperatorFunction<T>;
  timer(ms: number): Observable<0>;
}

/** Binds RxJS's time operators to an rx node's `ctx`. */
export function engineTime({ scheduler }: { readonly scheduler: SchedulerLike }): EngineTime {
  return {
    auditTime: (ms) => auditTime(ms, scheduler),
    bufferTime: (ms) => bufferTime(ms, scheduler),
    debounceTime: (ms) => debounceTime(ms, scheduler),
    delay: (ms) => delay(ms, scheduler),
    interval: (ms) => interval(ms, scheduler),
    sampleTime: (ms) => sampleTime(ms, scheduler),
    throttleTime: (ms, config) => throttleTime(ms, scheduler, config),
    timer: (ms) => timer(ms, scheduler),
  };
}
