import type { CodeTable } from '../schema/index.ts';

/** Codes of the engine and the runner. */
export const ENGINE_CODES = {
  CHM701: {
    title: 'A value does not fit its port',
    text: 'A node emitted a number that is not finite on a port that is not nullable, or a value of another kind than the field has. "No value" is expressed by not emitting, or by NaN on a nullable field. Nothing of the cycle was kept; `on_error` of the node decides how the run goes on.',
  },
  CHM702: {
    title: 'An exact amount is no safe integer',
    text: 'Prices, quantities, money, ids and times are integers up to 2^53. The node emitted a fraction or something larger: an overflow, or a missing rounding. Nothing of the cycle was kept.',
  },
  CHM703: {
    title: 'A node failed',
    text: 'The step of a node threw, the run went back to its last commit and ran again, and the same input made it fail again. The message names node, source and number of the input. With `on_error: quarantine` the run goes on without this instrument on this node, and the input counts as a dead letter.',
  },
  CHM704: {
    title: 'A port was written twice in one cycle',
    text: 'A port carries at most one record per cycle unless it is declared `many`. Declare it so, or emit once.',
  },
  CHM705: {
    title: 'An rx node emitted outside its cycle',
    text: "What an rx node emits must be caused by its own tick or by the engine's time. Pass `ctx.scheduler` to time operators; do not use promises or RxJS's default schedulers.",
  },
  CHM706: {
    title: 'Feedback never settles',
    text: 'Feedback without delay went round 1,000 times at one engine time. Some node answers every report with an order. Give the feedback port a `delay`, or break the loop.',
  },
  CHM708: {
    title: 'A consumer was made before its producer',
    text: 'The order of the plan is broken: a defect of the engine, worth reporting with the pipeline.',
  },
  CHM709: {
    title: 'A source cannot go back',
    text: 'After a failed cycle, or at a resume, the run starts again behind its last commit; this source cannot be read from there. Feed it through a file or a journal.',
  },
  CHM720: {
    title: 'An instrument changes its decimals within a run',
    text: 'Amounts in flight are integers in the decimals of their instrument, which are known before its first event. Give all inputs of the run at once, so that their decimals are taken together.',
  },
  CHM741: {
    title: 'A source delivers a port that its node does not have',
    text: 'The reader has a port which the node type does not declare: a defect of the source.',
  },
  CHM742: {
    title: 'A snapshot of an unknown format',
    text: 'The checkpoint was written by a later version of Chimera. Use that version, or start the run anew in an empty folder.',
  },
  CHM743: {
    title: 'A tap cannot be written',
    text: 'The file named with --tap cannot be opened for writing: the folder is missing, or you may not write there.',
  },
  CHM744: {
    title: 'A tap is shorter than its last commit',
    text: 'The file of an interrupted run was cut or replaced since. The run cannot be resumed without losing rows: start it anew in an empty folder.',
  },
  CHM745: {
    title: 'Instruments are numbered otherwise than in the snapshot',
    text: 'States hold the numbers of instruments, which follow from the order of the inputs. Resume with the inputs of the first start, in the same order; new ones go to the end.',
  },
  CHM746: {
    title: 'A replay lacks an outcome',
    text: 'An asynchronous node asks something, and the journal of the run that is replayed does not say what it was told. The inputs, the graph or the outcomes are of another run; nobody is asked in a replay.',
  },
  CHM747: {
    title: 'A source of a live run is not live',
    text: 'A live run takes what has arrived and cannot wait for a file. Bind every source to a live type in the profile (as `paper`, `testnet` and `live` do), or run without a live profile.',
  },
  CHM790: {
    title: 'A node type cannot be used so',
    text: 'Two node types have the same name, or a source or sink was asked to stand alone as an operator.',
  },
} satisfies CodeTable;
