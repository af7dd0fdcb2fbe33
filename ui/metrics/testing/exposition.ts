/** Samples of a Prometheus exposition by `name{label="value",…}` with labels sorted, and the declared type of each metric. */
export interface Exposition {
  readonly samples: ReadonlyMap<string, number>;
  readonly types: ReadonlyMap<string, string>;
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/y;

/** Reads the text format 0.0.4 strictly: any line that is none of it is an error. */
export function parseExposition(text: string): Exposition {
  const samples = new Map<string, number>();
  const types = new Map<string, string>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('# HELP ')) continue;
    const type = /^# TYPE (\S+) (counter|gauge|histogram|summary|untyped)$/.exec(line);
    if (type) {
      if (types.has(type[1]!)) throw new Error(`${type[1]} is declared twice`);
      types.set(type[1]!, type[2]!);
      continue;
    }
    const m = SAMPLE.exec(line);
    if (!m) throw new Error(`no line of an exposition: ${line}`);
    const labels: string[] = [];
    const list = m[2] ?? '';
    for (LABEL.lastIndex = 0; LABEL.lastIndex < list.length; ) {
      const at = LABEL.lastIndex;
      const l = LABEL.exec(list);
      if (!l) throw new Error(`no labels: ${list.slice(at)}`);
      labels.push(`${l[1]}="${l[2]}"`);
    }
    const id = `${m[1]}${labels.length > 0 ? `{${labels.sort().join(',')}}` : ''}`;
    if (samples.has(id)) throw new Error(`${id} stands twice`);
    const value = m[3] === '+Inf' ? Number.POSITIVE_INFINITY : m[3] === 'Nan' ? Number.NaN : Number(m[3]);
    samples.set(id, value);
  }
  return { samples, types };
}
