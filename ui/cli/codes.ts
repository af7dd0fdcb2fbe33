import type { CodeTable } from '../../graph/schema/index.ts';

/** Errors of the command line and of what it puts together. */
export const CODES = {
  CHM901: {
    title: 'a source has no input',
    text: 'The pipeline reads a market from files, and none was named. Give recorder files, archives, Parquet files or a lake folder with `--input`.',
  },
  CHM902: {
    title: 'a tap of an unknown port',
    text: '`--tap NODE.PORT=FILE` names a port that the pipeline does not have. `chimera graph PIPELINE --format json` lists nodes and what flows between them.',
  },
  CHM903: {
    title: 'a tap cannot be written to this file',
    text: 'A tap is written as CSV, JSON lines or Parquet, by the extension of its file: `.csv`, `.jsonl` or `.parquet`. Two taps cannot share a file.',
  },
  CHM904: {
    title: 'nothing to replay',
    text: 'Parity compares a run with the replay of what its sources delivered, and the prefix check of a training set cuts what one source delivers. A pipeline without a source has nothing of the kind; the prefix check takes pipelines with exactly one.',
  },
  CHM905: {
    title: 'the live run of parity failed',
    text: 'The process that ran the pipeline live ended with an error before the end of its input. The message has the last line that it said.',
  },
  CHM906: {
    title: 'which features to write is not clear',
    text: 'A training set takes the rows of one `feature.join`. The pipeline has none, or several: name the port with `--features NODE.PORT`.',
  },
  CHM907: {
    title: 'which price to label by is not clear',
    text: 'The label is the return of a price after each decision; by default the close of the bar that triggers the join. Name another with `--price NODE.PORT.FIELD`.',
  },
  CHM910: {
    title: 'a file cannot be read',
    text: 'A pipeline, profile or test named on the command line does not exist or may not be read.',
  },
  CHM911: {
    title: 'an option cannot be understood',
    text: 'The value of an option on the command line has not the form that it needs; the message shows the form.',
  },
  CHM912: {
    title: 'options of a bus that do not go together',
    text: '`--bus` joins the services of a pipeline by Redis: `--all` runs each as a process of its own, `--service` some of them here, neither all of them in this process. `--capture` goes with a live profile, `--pace` with an embedded run only. Live services that are started one by one join a venue that runs already (`--connect`).',
  },
  CHM913: {
    title: 'unknown name',
    text: 'There is no node type, room or code of this name. `chimera list` shows all node types.',
  },
  CHM914: {
    title: 'the pipeline does not lint',
    text: 'A pipeline with findings of severity error is never run. The findings come before this message; `chimera lint` shows them with their lines.',
  },
  CHM915: {
    title: 'unknown profile',
    text: 'A profile is looked for as a path, and as `NAME.yaml` in the folder `profiles` beside the pipeline and in `pipelines/profiles`.',
  },
  CHM916: {
    title: 'a result cannot be written',
    text: 'The file or folder for a result cannot be written: it does not exist, is not writable, or the disk is full.',
  },
  CHM917: {
    title: 'nothing trades in this pipeline',
    text: 'A backtest needs a venue: a node whose type begins with `venue.` and that reports orders and the account.',
  },
  CHM919: {
    title: 'no test was found',
    text: 'The paths hold no pipeline with `tests:` and no `NAME.test.yaml`.',
  },
  CHM920: {
    title: 'the state is of another graph',
    text: 'A folder given with `--state` holds checkpoints of the pipeline with other nodes, parameters or node versions. Use an empty folder (the run starts anew), or the pipeline, profile and parameters of the first start.',
  },
  CHM799: {
    title: 'a fault of Chimera',
    text: 'Something happened that the program did not expect of itself. Run the command again with `--verbose` and report what it prints.',
  },
  CHM921: {
    title: 'unknown connection',
    text: 'A live profile names the connection that the program opens: `local` (a venue of our own), `testnet` or `live`.',
  },
  CHM922: {
    title: 'no keys for the exchange',
    text: 'Testnet and live need an API key and its secret: in the environment (CHIMERA_BINANCE_API_KEY, CHIMERA_BINANCE_SECRET) or in a JSON file that only its owner may read, named by `--keys`. They are never shown and never stored.',
  },
  CHM923: {
    title: 'live trading was not accepted',
    text: 'The profile `live` sends orders to the real exchange. It runs only with `--i-accept-live-trading`, so that nobody does it by mistake.',
  },
  CHM924: {
    title: 'the local venue did not start',
    text: 'A paper run starts `chimera venue` as a process of its own and reads its first line. It ended before, or printed something else; the message shows its last words.',
  },
  CHM925: {
    title: 'a live run needs a state folder',
    text: 'Against a real exchange, orders that were sent and positions that are open outlive the process: what the run knows of them is kept in the folder named by `--state`, and the next start goes on from there.',
  },
  CHM926: {
    title: 'unknown service',
    text: 'The pipeline has no service of this name under `services:`.',
  },
  CHM927: {
    title: 'the pipeline is being run on this bus',
    text: 'A new run removes what an earlier one left on the bus, but not while someone holds a part of it. Stop the other run; after a kill its leases run out within seconds. Or give this run a `--prefix` of its own.',
  },
  CHM928: {
    title: 'a service cannot go on',
    text: 'A service that runs as a process of its own said that it cannot go on, or died again and again. The message shows its last words. The other services were stopped at their last commits.',
  },
  CHM918: {
    title: 'interrupted',
    text: 'The run was ended by a signal. What was committed before is kept; with `--state` the run goes on from there.',
  },
  CHM970: {
    title: 'a sweep of a live profile',
    text: '`chimera sweep` runs many parameter sets over recorded input at once. A live profile has no recorded input: leave it out, or name a profile that replays.',
  },
} as const satisfies CodeTable;
