import { join, resolve } from 'node:path';
import { PEERS } from './environment.ts';
import {
  type Comparison,
  type Engine,
  type FillProfile,
  perCpuSecond,
  type RunContext,
  type Workload,
} from './workload.ts';

/** W1 to W3: candle strategies, load included, through `chimera backtest` as its users run it. */
const CHIMERA = resolve('bin/chimera.js');

const backtest = (
  pipeline: string,
  { inputs, fills }: RunContext,
  sets: Readonly<Record<string, string>> = {},
): string[] => [
  CHIMERA,
  'backtest',
  resolve(`pipelines/bench/${pipeline}.yaml`),
  ...inputs.flatMap((i) => ['--input', i]),
  ...Object.entries(sets).flatMap(([k, v]) => ['--set', `${k}=${v}`]),
  '--fills',
  fills,
  '--json',
];
const python =
  (script: string, workload: string, mode = '') =>
  (run: RunContext): string[] => [
    join(PEERS, script),
    workload,
    ...run.inputs,
    '--fills',
    run.fills,
    ...(mode ? ['--mode', mode] : []),
  ];

const NEXT_OPEN: FillProfile = {
  name: 'next open',
  sets: {},
  px_tolerance: 1e-5,
  note: 'the default: market orders fill at the next candle’s open, every fill has its candle’s open time; a computed stop or target is put on 10⁻⁵',
};
const CLOSE: FillProfile = {
  name: 'close',
  sets: { fill: 'close' },
  px_tolerance: 1e-5,
  note: 'market orders fill at the close of the candle they were decided on; every fill has its candle’s end time; computed prices as above',
};

const CLOSE_ON_TICKS: FillProfile = {
  name: 'close, on ticks',
  sets: { fill: 'close', tick: '0.1' },
  note: 'the same, and computed stops and targets are put on the price step of 0.1, which the peer’s orders must lie on',
};

const CLOSE_TOLD_LATER: FillProfile = {
  ...CLOSE,
  name: 'close, told up to a minute later',
  time_tolerance_ms: 60_000,
  note: 'of several instruments whose candles end together, all but the first have their orders processed with the next minute, at the price of this one',
};

const jesse = (workload: string): Engine[] =>
  ['fast', 'step'].map((mode) => ({
    id: `jesse-${mode}`,
    name: `Jesse, ${mode}`,
    kind: 'event',
    environment: 'jesse',
    args: python('candles_jesse.py', workload, mode),
    profile: CLOSE.name,
  }));
const nautilus = (workload: string, profile: string): Engine => ({
  id: 'nautilus',
  name: 'NautilusTrader',
  kind: 'event',
  environment: 'nautilus-trader',
  args: python('candles_nautilus.py', workload),
  profile,
  repeatsAtMost: 3,
});
const backtesting = (workload: string): Engine => ({
  id: 'backtesting',
  name: 'backtesting.py',
  kind: 'event',
  environment: 'backtesting',
  args: python('candles_backtesting.py', workload),
  profile: NEXT_OPEN.name,
});
const vectorbt: Engine = {
  id: 'vectorbt',
  name: 'vectorbt (upper bound)',
  kind: 'bound',
  environment: 'vectorbt',
  args: python('candles_vectorbt.py', 'w1'),
  profile: NEXT_OPEN.name,
};

const LEFT_OUT = [
  'Starting the interpreter and importing: not in the rates; the column "whole process" has it.',
  'Peers read the Parquet file by pyarrow into the arrays or frames that they ask for: in the rates. Theirs is one file format; Chimera’s load also checks every row.',
  'Compiled functions of vectorbt are called once before its clock starts; what V8 compiles while it runs is in Chimera’s figure.',
];

function candles(
  id: string,
  title: string,
  pipeline: string,
  engines: readonly Engine[],
  profiles: readonly FillProfile[],
): Workload {
  const chimera: Engine = {
    id: 'chimera',
    name: 'Chimera, first run over the input',
    kind: 'chimera',
    args: (run) => backtest(pipeline, run),
  };
  // What was decoded was kept by the run before.
  const again: Engine = { ...chimera, id: 'chimera-again', name: 'Chimera, every later run', again: true };
  return {
    id,
    title,
    figure: perCpuSecond('candles'),
    inputs: [id],
    quick: [`${id}q`],
    engines: [chimera, again, ...engines],
    comparisons: ['chimera', 'chimera-again'].flatMap((ours): Comparison[] => [
      { ours, against: 'event', atLeast: 3 },
      { ours, against: 'event', of: 'process', atLeast: 3 },
      { ours, against: 'event', of: 'memory', atMost: 1 },
    ]),
    profiles,
    fillsUnder: (profile, run) => backtest(pipeline, run, profile.sets),
    leftOut: LEFT_OUT,
  };
}

export const w1 = candles(
  'w1',
  'W1: EMA cross, 1 h bars from 1,051,200 one-minute candles',
  'ema-cross',
  [...jesse('w1'), backtesting('w1'), nautilus('w1', CLOSE.name), vectorbt],
  [NEXT_OPEN, CLOSE],
);
export const w2 = candles(
  'w2',
  'W2: brackets, 15 m bars from 259,200 one-minute candles',
  'bracket',
  [...jesse('w2'), backtesting('w2'), nautilus('w2', CLOSE_ON_TICKS.name)],
  [NEXT_OPEN, CLOSE, CLOSE_ON_TICKS],
);
export const w3 = candles(
  'w3',
  'W3: EMA cross on 20 symbols, merged by time, 1,051,200 candles',
  'ema-cross',
  [...jesse('w3'), nautilus('w3', CLOSE_TOLD_LATER.name)],
  [NEXT_OPEN, CLOSE, CLOSE_TOLD_LATER],
);
