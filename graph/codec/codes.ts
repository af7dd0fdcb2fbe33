import type { CodeTable } from '../schema/error.ts';

/** Errors of the state codec. */
export const CODES = {
  CHM710: {
    title: 'a state holds what has no bytes',
    text: 'A function, a symbol, an array with holes or an object with symbol keys cannot be written into a snapshot. Node states are numbers, booleans, strings, null, bigints, typed arrays, Map, Set, and plain arrays and objects of these. The path in the message leads to the value; keep it out of the state and rebuild it from the configuration.',
  },
  CHM711: {
    title: 'a state holds an instance of a class',
    text: 'Class instances would come back without their methods, so they are refused (Buffer and Date too). Hold the plain data in the state, or declare the class to the codec with its name and a pair of functions to and from plain data.',
  },
  CHM712: {
    title: 'a state contains itself',
    text: 'An object, array, Map or Set that can be reached from itself cannot be written. The same object in two places is fine and comes back as the same object; a loop is not. Refer to the parent by an index or an id.',
  },
  CHM713: {
    title: 'two typed arrays of a state overlap in one buffer',
    text: 'Two different views on the same bytes would come back as two separate copies, and a write through one would no longer be seen through the other. Keep one view in the state and derive the other from it.',
  },
  CHM714: {
    title: 'a state is too deep or too large',
    text: 'A snapshot nests at most 500 levels and holds at most 2 GiB. A chain of linked objects reaches the first limit: hold its elements in an array.',
  },
  CHM715: {
    title: 'these bytes are no snapshot',
    text: 'The bytes do not begin with the mark of the state codec. A wrong file was given, or its beginning is damaged.',
  },
  CHM716: {
    title: 'the snapshot is of a newer format',
    text: 'The snapshot was written by a later version of Chimera, whose byte format this one does not know. Use the version that wrote it, or start from the journal without the snapshot.',
  },
  CHM717: {
    title: 'a snapshot is cut short or too long',
    text: 'The length in the header is not the length of what follows: the file was cut, or bytes were appended, or the length itself is damaged. Use the checkpoint before it; the journal brings the run up to date.',
  },
  CHM718: {
    title: 'the checksum of a snapshot does not match',
    text: 'At least one bit of the snapshot is not what was written. Use the checkpoint before it; the journal brings the run up to date. Check the disk.',
  },
  CHM719: {
    title: 'the content of a snapshot makes no sense',
    text: 'The checksum holds but the content cannot be read: it was not written by this codec, or it holds a class that is not declared to the reader. Declare the same classes for reading as for writing.',
  },
} as const satisfies CodeTable;
