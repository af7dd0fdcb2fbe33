import type { CodeTable } from '../../graph/schema/index.ts';

export const CODES = {
  CHM873: {
    title: 'a shared stream or key has no input',
    text: 'An entry of `streams` or `keys` of a `sink.redis` names an in-port in `from` that is not connected, a field that the record of that port does not have, or nothing uses a connected in-port. Every in-port is published somewhere, and everything published comes from an in-port.',
  },
} satisfies CodeTable;
