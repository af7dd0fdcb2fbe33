import type { CodeTable } from '../graph/schema/index.ts';

/** Errors of the lake: files, manifest, journal, cache, queries. */
export const CODES = {
  CHM601: {
    title: 'damaged manifest',
    text: 'A manifest file is not the JSON that was committed: it is cut short, altered, or its number is missing from its series. Nothing is read from a lake whose manifest cannot be trusted. The Parquet files themselves are untouched: restore the named file from a backup, or import the same input under the same writer name into an empty folder, which gives the same files again.',
  },
  CHM602: {
    title: 'conflicting commit',
    text: 'A writer tried to commit under a number that already holds something else. Either two processes write under one name, or the same name was used for another input. Stop the other process, or choose another writer name.',
  },
  CHM603: {
    title: 'not a lake',
    text: 'The folder has no manifest. Point the command at the folder that was given to `lake import --to`, or import into it first.',
  },
  CHM604: {
    title: 'unreadable Parquet file',
    text: 'A Parquet file is cut short, altered or not Parquet at all. A file without its footer cannot be read in part. Restore it from a backup or import its source again; `chimera lake verify` lists every such file.',
  },
  CHM605: {
    title: 'disk full',
    text: 'The device, or the object store, had no room for a file. What was committed before is intact and readable; the unfinished file was removed. Make room and run the same command again: it continues from the last commit or writes the same files over themselves.',
  },
  CHM606: {
    title: 'storage failed',
    text: 'Reading or writing below the lake folder failed (permission, missing device, input/output error). What was committed before is intact.',
  },
  CHM607: {
    title: 'value cannot be stored exactly',
    text: 'Prices, quantities and amounts are stored as doubles that hold the exact decimal, which is possible up to 15 significant digits; integers up to 2^53. The value named is beyond that, is not finite, or is not one of the values its field declares.',
  },
  CHM608: {
    title: 'file differs from its manifest',
    text: 'The hash, the size or the number of rows of a file is not what its commit recorded: it was changed after it was written. Restore it from a backup or import its source again.',
  },
  CHM609: {
    title: 'missing file',
    text: 'A file that the manifest lists is not there. If a compaction ran meanwhile, open the lake again; otherwise restore the file from a backup.',
  },
  CHM610: {
    title: 'layout does not fit',
    text: 'A Parquet file lacks a column that the record schema needs, holds another type, or was written under another schema version. Write it again with this version, or name the schema it was written with.',
  },
  CHM611: {
    title: 'rows out of order',
    text: 'Within one source, seq must increase and t_avail must never decrease. The rows given to a writer, or found in a file, break that.',
  },
  CHM612: {
    title: 'overlapping files',
    text: 'Two files of one partition and writer claim the same seq range, so that rows would count twice. Run `chimera lake verify` for the list; a finished compaction or a repeated import cannot cause it, a copied file can.',
  },
  CHM613: {
    title: 'query failed',
    text: "The SQL statement could not be run over the lake. The message is the query engine's own; tables are named after the datasets (`chimera lake ls`).",
  },
  CHM614: {
    title: 'query is not read-only',
    text: 'Only a single SELECT (or WITH, DESCRIBE, SUMMARIZE, EXPLAIN, SHOW) statement may be run over the lake.',
  },
  CHM615: {
    title: 'damaged journal',
    text: 'A record inside a journal segment does not match its checksum, while intact data follow it: this is damage, not an interrupted write. The position named is the byte offset of the record. Restore the segment from a backup; everything before the position is intact.',
  },
  CHM616: {
    title: 'torn end of journal',
    text: 'The last record of a segment was cut off by a crash. It was never acknowledged, so it is removed and reported; nothing else is lost.',
  },
  CHM617: {
    title: 'damaged cache',
    text: 'A decoded cache file does not match its checksum. The cache holds nothing of its own: delete the named file, it is built again from the lake.',
  },
  CHM618: {
    title: 'unknown type of table file',
    text: 'The extension decides how a table is written: `.parquet`, or `.arrow` (IPC file). Name the file so.',
  },
  CHM619: {
    title: 'decimals do not fit',
    text: 'A stored price or quantity has more decimals than its file and manifest declare, so that it cannot become the integer it was: the file was altered, or written by another program; import it instead of reading it in place.',
  },
  CHM621: {
    title: 'a journal record of an unknown port',
    text: 'The journal holds a record of a port that its source does not have: it was written by another source, or by another version. Use another state folder.',
  },
  CHM622: {
    title: 'the journal has other instruments than its source',
    text: 'A run is being resumed with inputs whose instruments or decimals are not those of the first start. Amounts in the journal are integers in those decimals. Resume with the same inputs, or use another state folder.',
  },
  CHM623: {
    title: 'the journal holds other inputs than its source gives',
    text: 'A run is being resumed, and where its journal ends the inputs are not those that the journal holds: other files, files in another order, or fewer. Going on would join two markets to one run. Resume with the inputs of the first start (more may follow behind them), or use another state folder.',
  },
  CHM640: {
    title: 'object store does not answer',
    text: 'The S3 or MinIO server could not be reached, broke off, or answered that it cannot serve now, and went on so through all repetitions (by default nine attempts over 13 seconds). What was committed before is intact. Check that it runs and can be reached, then run the same command again: it continues from the last commit, and a large upload from the parts that are there.',
  },
  CHM641: {
    title: 'object store refuses access',
    text: 'The store knows the request but not who asks, or does not allow it: wrong access key or secret key, an expired token, a policy without the right to read, write, list or delete below the prefix, or a clock that is off by more than 15 minutes.',
  },
  CHM642: {
    title: 'no such bucket',
    text: 'The bucket of an `s3://bucket/prefix` address does not exist at this endpoint. Commands that write make it when they are told to; commands that read never do.',
  },
  CHM643: {
    title: 'object damaged on its way',
    text: 'Bytes that were sent or received do not have the hash that goes with them, several times in a row. An upload is then refused and the object is as it was before; a download is thrown away. If it stays so, the object was changed within the store: restore it, or import its source again.',
  },
  CHM644: {
    title: 'incomplete connection to an object store',
    text: 'An S3 address is `s3://bucket/prefix`; endpoint (`http(s)://HOST:PORT`), access key and secret key are given beside it, never within it.',
  },
  CHM645: {
    title: 'object store replaces what it must not',
    text: 'A lake on S3 relies on conditional puts (`If-None-Match: *`): of two writers that commit under one number exactly one succeeds. This store lets both pass, so that one would silently undo the other. Nothing is written to it.',
  },
} as const satisfies CodeTable;
