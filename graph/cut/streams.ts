/**
 * Names on the bus, in one place. What stands in braces decides on the slot of a Redis Cluster: the records of a key lie in
 * the key's slot, everything else of a part in its own.
 */
export interface Naming {
  /** In front of every name: runs that share a bus keep apart by it. May be empty. */
  readonly prefix: string;
  readonly pipeline: string;
}

/** Lease, checkpoints. */
export const partitionName = ({ prefix, pipeline }: Naming, part: string): string =>
  `${prefix}part:{${pipeline}:${part}}`;
/** How far a part has come. */
export const controlStream = ({ prefix, pipeline }: Naming, part: string): string =>
  `${prefix}frontier:{${pipeline}:${part}}`;
/** Records of a family: one stream for each key, and one for those without. */
export const dataStream = ({ prefix, pipeline }: Naming, family: string, key: string): string =>
  `${prefix}${family}:{${key === '' ? pipeline : key}}`;
/** The slot of a stream. */
export const tagOf = (stream: string): string => stream.slice(stream.indexOf('{') + 1, stream.indexOf('}'));
