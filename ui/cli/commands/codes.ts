import type { CodeTable } from '../../../graph/schema/index.ts';

/** What `chimera doctor` finds, and what `chimera dlq` cannot do. */
export const CODES = {
  CHM980: {
    title: 'this Node is too old',
    text: 'Chimera needs Node 20.19 or newer.',
  },
  CHM981: {
    title: 'a native package does not load',
    text: 'DuckDB and SQLite come as binaries for one platform each. They were installed on another machine, or the installation was cut short: run `npm ci` on this machine.',
  },
  CHM982: {
    title: 'a folder does not do',
    text: 'The folder is missing, may not be written to, or lies on a disk with less than 1 GiB left. Runs keep journals, checkpoints and Parquet files there; on a full disk they stop with everything committed so far intact.',
  },
  CHM983: {
    title: 'Redis may lose what it acknowledged',
    text: 'The append-only file of the server is off, or synced once a second or never. After a crash of Redis the bus then knows less than its clients: runs go back to an older commit by themselves (CHM523) and repeat what is missing, but without an append-only file all of it. Set `appendonly yes`, and `appendfsync always` where going back is not wanted.',
  },
  CHM984: {
    title: 'Redis has little memory left',
    text: 'More than four fifths of `maxmemory` are used, or there is no limit at all and the machine may end the server. When the limit is reached, writes wait (CHM525). Streams are only trimmed behind their slowest consumer: find the one that lags, or raise the limit.',
  },
  CHM985: {
    title: 'the installation is not complete',
    text: 'The built program is missing, no node type is registered, or the machine has less than 1.5 GiB of memory. `npm ci` installs and builds.',
  },
  CHM986: {
    title: 'a service is not well',
    text: 'The health of a running service is not GREEN, or it does not answer. Its reasons carry the code of what it suffers from.',
  },
  CHM987: {
    title: 'dead letters wait',
    text: 'Entries of streams that could not be worked on lie aside until somebody looks at them: `chimera dlq ls` lists them with reason and error, `chimera dlq show` shows one, and `chimera dlq replay` gives it back to its consumers after the cause was removed.',
  },
  CHM988: {
    title: 'no such dead letter',
    text: 'No dead letter has this id at this address and prefix: it was replayed already, it lies under another prefix, or the id is mistyped. When the same id is there in several places, `--place` says which one is meant. `chimera dlq ls` shows ids and places.',
  },
  CHM989: {
    title: 'a dead letter cannot be shown as records',
    text: 'The payload is gone or cannot be decoded, its stream is none of this pipeline, or the decimals of an instrument are not known any more. As a fixture it can be kept in any case: the bytes as they were, with reason and error; `chimera dlq show FIXTURE --pipeline PIPELINE` tries to decode them again, without a server.',
  },
} as const satisfies CodeTable;
