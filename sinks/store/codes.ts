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
} as const satisfies CodeTable;
