import type { CodeTable } from '../../graph/schema/index.ts';

/** Errors of document stores and of the sinks that write files. */
export const CODES = {
  CHM540: {
    title: 'the store cannot be opened',
    text: 'The file of the embedded store cannot be created or opened. Check that the folder exists and may be written, and that the file is one that Chimera made.',
  },
  CHM541: {
    title: 'an immutable document would change',
    text: 'Documents of this collection (configuration bundles) are written once and named by their content. Another content came under a name that exists. Give the new content its own name.',
  },
  CHM542: {
    title: 'no room left for the store',
    text: 'The disk is full. The transaction was rolled back: everything committed before is intact. Make room and run the same command again; it goes on from the last commit.',
  },
  CHM543: {
    title: 'a collection is not declared',
    text: 'Every collection in use is declared in one list with its key, indexes, full-text fields and shard key. Add the collection there, or correct the name.',
  },
  CHM544: {
    title: 'the store is damaged',
    text: 'The file is not a database or its pages are inconsistent. Move it aside and run again: documents are rebuilt from the journals.',
  },
  CHM545: {
    title: 'the store is busy',
    text: 'Another process held the file for longer than five seconds. Two runs must not write into the same folder: stop one of them.',
  },
  CHM546: {
    title: 'the store refused an operation',
    text: 'The database answered with an error that has no code of its own; the message holds its words. It is a fault of Chimera or of the disk.',
  },
  CHM547: {
    title: 'a document cannot be stored',
    text: 'A document needs a key of 1 to 254 characters from the allowed set and must be plain JSON without NaN or infinities.',
  },
  CHM548: {
    title: 'a file of a sink cannot be written',
    text: 'The file named in the message cannot be written. Everything committed before is intact. Check the folder, its rights and the room on the disk, and run again.',
  },
  CHM854: {
    title: 'the address of the database server cannot be used',
    text: 'An address looks like arango:http://user@host:8529/database. A password does not belong into it, because addresses are shown in logs and lists of processes: give it by environment or by a file that only its owner can read.',
  },
  CHM855: {
    title: 'the database server does not answer',
    text: 'Every try within about a minute failed: connection refused or cut, no complete answer in time, or a server that says it is not ready. Nothing is lost: what was not confirmed is sent again under the same keys. Start the server, or correct host and port, and run again.',
  },
  CHM856: {
    title: 'the database server refuses user or password',
    text: 'The log-in failed. Check the user in the address and the password in the environment or its file.',
  },
  CHM857: {
    title: 'a right on the database is missing',
    text: 'User and password are right, but the user may not do this. Grant read and write on the database; to make a missing database, a user needs that right on _system too, or somebody makes it beforehand.',
  },
  CHM858: {
    title: 'a unique index refuses a document',
    text: 'Another document has the same values in fields that an index declares unique. Chimera declares that for its own checkpoints and manifest entries only; any other such index was made by hand. Remove one of the documents, or the index.',
  },
  CHM859: {
    title: 'a collection is gone',
    text: 'A collection was there when the store was opened and is not any more: somebody removed it. Run again: opening the store makes what is missing, and documents are rebuilt from the journals.',
  },
  CHM860: {
    title: 'the database server is too old',
    text: 'The queries need ArangoDB 3.11 or newer. Upgrade the server.',
  },
  CHM861: {
    title: 'other writers keep changing the same documents',
    text: 'Each try within about a minute met another writer, or the server gave the transaction up. Two runs that write the same documents must not work at the same time: stop one of them.',
  },
  CHM862: {
    title: 'the database server refused an operation',
    text: 'The server answered with an error that has no code of its own; the message holds its words and number. It is a fault of Chimera or of the set-up of the server, such as a transaction that is larger than the server allows: then commit more often.',
  },
  CHM863: {
    title: 'the database server takes no writes',
    text: 'The server is set to read only, or its disk is full. Everything committed before is intact. Make room or change the mode, and run again.',
  },
  CHM864: {
    title: 'what answers is no database server',
    text: 'Something answers at this address, but not as ArangoDB does. Check host and port; a proxy in between must pass everything on.',
  },
} as const satisfies CodeTable;
