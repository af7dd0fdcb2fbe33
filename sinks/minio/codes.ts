import type { CodeTable } from '../../graph/schema/index.ts';

/** Errors of the store of artifacts. */
export const CODES = {
  CHM646: {
    title: 'no such artifact',
    text: 'The store holds nothing under this kind, id, name and version. `list` shows what there is. An artifact whose put was interrupted is not listed: put it again.',
  },
  CHM647: {
    title: 'artifact differs from its hash',
    text: 'The bytes stored for an artifact are missing, or are not those whose hash its version names. They are never handed out. Restore the object from a backup, or make the artifact again: the same content goes to the same place.',
  },
  CHM648: {
    title: 'invalid name of an artifact',
    text: 'A kind is a short word (letters, digits, dash, underscore); an id and a name are non-empty texts of at most 200 characters.',
  },
} as const satisfies CodeTable;
