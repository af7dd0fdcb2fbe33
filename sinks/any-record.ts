import { record } from '../graph/schema/index.ts';

/** Accepts every record: a port of this schema asks for no field, and the wiring says which ones come. */
export const AnyRecord = record('any', 1, {}, 'any record');
