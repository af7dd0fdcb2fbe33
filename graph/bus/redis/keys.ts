/**
 * Names of keys. What stands in the first braces of a name decides on its slot in a Redis Cluster; a name without braces is a slot
 * of its own. Everything of a partition lies in the partition's slot, everything about a stream in the stream's.
 */
export interface Keys {
  stream(stream: string): string;
  /** Position of a stream, as `last-sub`: the id of its newest entry, also when none is left. */
  at(stream: string): string;
  /** Hash: what each consumer of a stream has done with. */
  need(stream: string): string;
  /** The token under which a partition may write into a slot. */
  fence(partition: string, tag: string): string;
  lease(partition: string): string;
  checkpoints(partition: string): string;
  /** Hash: how far each partition has come in a stream that several write to. */
  shared(stream: string): string;
  /** Entries that a group could not work on, beside the stream that they came from. */
  deadLetters(group: string, stream: string): string;
  /** What a service says for the others, by name. */
  word(name: string): string;
  readonly deadLettersPrefix: string;
  /** Hash: what of a stream a partition has put aside already. */
  marks(stream: string, partition: string): string;
  /** By which dead letters come back to their group. */
  retry(stream: string, group: string): string;
}

/** What stands in braces in a name, or the whole name: the slot it lies in. */
export function tagOf(name: string): string {
  const open = name.indexOf('{');
  const close = open < 0 ? -1 : name.indexOf('}', open + 1);
  return close > open + 1 ? name.slice(open + 1, close) : name;
}

export function createKeys(prefix: string): Keys {
  const place = (name: string): string => (tagOf(name) === name ? `{${name}}` : name);
  return {
    // A name without braces is its own tag; it needs them only when a prefix would change its slot.
    stream: (stream) => (prefix === '' ? stream : prefix + place(stream)),
    at: (stream) => `${prefix}at:{${tagOf(stream)}}:${stream}`,
    need: (stream) => `${prefix}need:{${tagOf(stream)}}:${stream}`,
    fence: (partition, tag) => `${prefix}fence:{${tag}}:${partition}`,
    lease: (partition) => `${prefix}${place(partition)}:lease`,
    checkpoints: (partition) => `${prefix}${place(partition)}:checkpoints`,
    shared: (stream) => `${prefix}shared:{${tagOf(stream)}}:${stream}`,
    deadLetters: (group, stream) => `${prefix}dlq:${group.replace(/[{}]/g, '')}:{${tagOf(stream)}}`,
    word: (name) => `${prefix}${place(name)}:word`,
    deadLettersPrefix: `${prefix}dlq:`,
    marks: (stream, partition) => `${prefix}aside:{${tagOf(stream)}}:${stream}:${partition}`,
    retry: (stream, group) => `${prefix}retry:{${tagOf(stream)}}:${stream}:${group}`,
  };
}
