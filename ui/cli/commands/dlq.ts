import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import type { DeadLetter } from '../../../graph/bus/redis/dead-letters.ts';
import type { RedisBus } from '../../../graph/bus/redis/open-redis-bus.ts';
import { loadTests } from '../../../graph/document/tests.ts';
import type { Pipeline } from '../../../graph/document/types.ts';
import { ChimeraError } from '../../../graph/schema/index.ts';
import { action, describe } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../io.ts';
import { loadOrExplain } from '../load-document.ts';
import { collect, integer, type PipelineOptions, pairs, pipelineOptions } from '../options.ts';
import { busUrl } from '../secrets.ts';
import { table } from '../table.ts';
import { writeResult } from '../write-result.ts';
import { type Digits, decodeLetter, digitsOnBus, homeOf, type LetterRow } from './dlq/decode-letter.ts';
import { readFixture, toFixture } from './dlq/fixture.ts';
import { type Found, lettersIn, oneOf, placesOf, withBus } from './dlq/letters.ts';
import { testText } from './dlq/test-text.ts';

interface BusOptions {
  bus?: string;
  prefix?: string;
  place?: string;
}
interface DecodeOptions extends BusOptions, PipelineOptions {
  pipeline?: string;
  digits?: string[];
}

const busOptions = (command: Command): Command =>
  command
    .option('--bus <url>', 'address of the bus (redis://HOST:PORT/DB, redis+cluster://…)')
    .option('--prefix <name>', 'the --prefix of the run')
    .option('--place <key>', 'only the dead letters at this place, as `dlq ls` shows it');
const decodeOptions = (command: Command): Command =>
  pipelineOptions(command.option('--pipeline <file>', 'decode the records with the schemas of this pipeline')).option(
    '--digits <key=px,qty>',
    'decimals of an instrument, where the bus does not know them any more; repeatable',
    collect,
  );

/** Entries of streams that could not be worked on: look at them, give them back, keep them as tests. */
export function dlq(program: Command, context: Context): void {
  const group = program
    .command('dlq')
    .summary('look at dead letters, give them back, keep them as tests')
    .description('Dead letters: entries of streams that could not be worked on and were put aside.')
    .addHelpText(
      'after',
      '\nExamples:\n  $ npx chimera dlq ls --bus redis://127.0.0.1:6379/0\n  $ npx chimera dlq replay --all --bus redis://127.0.0.1:6379/0',
    );
  list(group, context);
  show(group, context);
  replay(group, context);
  exportTest(group, context);
}

function list(group: Command, context: Context): void {
  const command = busOptions(group.command('ls'))
    .summary('list dead letters')
    .description('Lists dead letters, oldest first within each place.')
    .option('--count <n>', 'at most so many', integer(1), 100);
  describe(command, [
    'dlq ls --bus redis://127.0.0.1:6379/0',
    'dlq ls --bus redis://127.0.0.1:6379/0 --count 1000 --json',
  ]).action(
    action(context, async (o: BusOptions & { count: number }) => {
      const { total, found } = await withBus(addressOf(o, context), o, async (bus) => {
        const places = await placesOf(bus, o.place);
        const found: Found[] = [];
        for await (const f of lettersIn(places, o.count)) found.push(f);
        const counts = await Promise.all(places.map((p) => bus.connection.client.xlen(p.key)));
        return { total: counts.reduce((a, b) => a + b, 0), found };
      });
      context.result({ ok: true, total, letters: found.map((f) => ({ place: f.place, ...brief(f.letter) })) }, () =>
        found.length === 0 ? 'no dead letters' : listText(found, total),
      );
    }),
  );
}
const listText = (found: readonly Found[], total: number): string =>
  [
    table([
      ['id', 'time', 'reason', 'group', 'stream', 'bytes', 'error'],
      ...found.map(({ letter: l }) => [
        l.id,
        iso(l),
        l.reason,
        l.group,
        l.stream,
        l.payload === undefined ? 'gone' : String(l.payload.length),
        l.error.slice(0, 80),
      ]),
    ]),
    ...(total > found.length ? ['', `${total - found.length} more: --count ${total}`] : []),
  ].join('\n');

function show(group: Command, context: Context): void {
  const command = decodeOptions(busOptions(group.command('show')))
    .summary('show one dead letter')
    .description('Shows a dead letter of the bus, or one that was written to a file; with a pipeline, its records.')
    .argument('<id>', 'id of a dead letter, or a file that export-test has written');
  describe(command, [
    'dlq show 1718000000000-0 --bus redis://127.0.0.1:6379/0 --pipeline pipelines/trend.yaml',
    'dlq show entry.json --pipeline pipelines/trend.yaml',
  ]).action(
    action(context, async (id: string, o: DecodeOptions) => {
      const { place, letter, decoded } = await fetchLetter(id, o, context);
      const rows = decoded && 'rows' in decoded ? decoded.rows : undefined;
      const problem = decoded && 'problem' in decoded ? decoded.problem : undefined;
      const text = letter.payload?.toString('base64') ?? null;
      context.result(
        {
          ok: problem === undefined,
          place,
          ...brief(letter),
          payload_base64: text,
          ...(rows ? { rows } : {}),
          ...(problem ? { problem: { code: problem.code, message: problem.message, help: problem.help ?? null } } : {}),
        },
        () => showText(place, letter, rows, problem),
      );
      return problem ? EXIT.differs : EXIT.ok;
    }),
  );
}
function showText(
  place: string | null,
  l: DeadLetter,
  rows: readonly LetterRow[] | undefined,
  problem: ChimeraError | undefined,
): string {
  const lines = [
    table([
      ['id', l.id],
      ['place', place ?? 'a file'],
      ['put aside', `${iso(l)} by ${l.group}: ${l.reason}`],
      ['error', l.error || '-'],
      ['entry', `${l.entry} of ${l.stream}`],
      ...(l.part === undefined ? [] : [['part', l.part]]),
      ...(l.schema === undefined ? [] : [['expected', l.schema]]),
      ...(l.records === undefined ? [] : [['left out', `records ${l.records.after + 1} to ${l.records.last}`]]),
      ['payload', l.payload === undefined ? 'gone with its entry' : `${l.payload.length} bytes`],
    ]),
  ];
  if (problem) lines.push('', problem.toString());
  if (rows) for (const r of rows) lines.push(`${r.t} ${r.node}.${r.port} ${r.key ?? '-'} ${JSON.stringify(r.values)}`);
  else if (l.payload) lines.push('', hex(l.payload));
  return lines.join('\n');
}
/** The first bytes, sixteen a line. */
function hex(bytes: Buffer): string {
  const most = 256;
  const lines: string[] = [];
  for (let i = 0; i < Math.min(most, bytes.length); i += 16) {
    const part = bytes.subarray(i, Math.min(i + 16, most));
    const text = part.toString('latin1').replace(/[^ -~]/g, '.');
    lines.push(
      `${i.toString(16).padStart(6, '0')}  ${part.toString('hex').replace(/(..)/g, '$1 ').padEnd(48)} ${text}`,
    );
  }
  if (bytes.length > most) lines.push(`… ${bytes.length - most} more bytes; --json gives all of them`);
  return lines.join('\n');
}

function replay(group: Command, context: Context): void {
  const command = busOptions(group.command('replay'))
    .summary('give dead letters back to their group')
    .description(
      'Gives dead letters back to the group that put them aside, once. Those without a payload cannot be given back and stay.',
    )
    .argument('[id...]', 'ids of dead letters')
    .option('--all', 'all that are there now')
    .option(
      '--payload <file>',
      'with the bytes of this file (as export-test writes it) in the place of its own; one id',
    );
  describe(command, [
    'dlq replay 1718000000000-0 --bus redis://127.0.0.1:6379/0',
    'dlq replay --all --place dlq:s3:{cfg:events} --bus redis://127.0.0.1:6379/0',
  ]).action(
    action(context, async (ids: string[], o: BusOptions & { all?: boolean; payload?: string }) => {
      if (o.payload !== undefined && ids.length !== 1)
        throw new ChimeraError('CHM911', 'whose payload is it?', { help: 'name one id with --payload' });
      const payload = o.payload === undefined ? undefined : readFixture(o.payload).payload;
      if (o.payload !== undefined && !payload)
        throw new ChimeraError('CHM911', `${o.payload} has no payload`, { file: o.payload, help: 'name another file' });
      if (ids.length > 0 === (o.all === true))
        throw new ChimeraError('CHM911', 'which dead letters?', { help: 'name ids, or all of them with --all' });
      const done = await withBus(addressOf(o, context), o, (bus) => replayThem(bus, ids, o, payload));
      const ok = done.every((d) => d.replayed);
      context.result({ ok, letters: done }, () =>
        done.length === 0
          ? 'no dead letters'
          : table(done.map((d) => [d.replayed ? 'replayed' : 'stays', d.id, d.place, d.replayed ? '' : d.why])),
      );
      return ok ? EXIT.ok : EXIT.differs;
    }),
  );
}
interface Replayed {
  id: string;
  place: string;
  replayed: boolean;
  why: string;
}
async function replayThem(
  bus: RedisBus,
  ids: readonly string[],
  o: BusOptions & { all?: boolean },
  payload: Uint8Array | undefined,
): Promise<Replayed[]> {
  const places = await placesOf(bus, o.place);
  const chosen: { letters: (typeof places)[number]; letter: DeadLetter }[] = [];
  if (o.all) {
    for (const letters of places) for await (const { letter } of lettersIn([letters])) chosen.push({ letters, letter });
  } else for (const id of ids) chosen.push(await oneOf(places, id));
  const done: Replayed[] = [];
  for (const { letters, letter } of chosen) {
    const gone = letter.payload === undefined && payload === undefined;
    const replayed = !gone && (await letters.replay(letter.id, payload));
    const why = gone ? 'its payload is gone: replay the journal of its source' : 'somebody else replayed it';
    done.push({ id: letter.id, place: letters.key, replayed, why: replayed ? '' : why });
  }
  return done;
}

function exportTest(group: Command, context: Context): void {
  const command = decodeOptions(busOptions(group.command('export-test')))
    .summary('keep a dead letter as a test')
    .description(
      'Writes a dead letter as a pipeline test (YAML) that gives the graph its records, when a pipeline is named and they can be decoded; else as a fixture (JSON) with its bytes, which `dlq show` reads.',
    )
    .argument('<id>', 'id of a dead letter')
    .option('--to <file>', 'write to this file instead of stdout');
  describe(command, [
    'dlq export-test 1718000000000-0 --bus redis://127.0.0.1:6379/0 --pipeline pipelines/trend.yaml --to pipelines/trend.test.yaml',
    'dlq export-test 1718000000000-0 --bus redis://127.0.0.1:6379/0 --to entry.json',
  ]).action(
    action(context, async (id: string, o: DecodeOptions & { to?: string }) => {
      if (o.to !== undefined && existsSync(o.to))
        throw new ChimeraError('CHM911', `${o.to} is there already`, { file: o.to, help: 'name another file' });
      const { letter, decoded, pipeline, digits } = await fetchLetter(id, o, context);
      const rows = decoded && 'rows' in decoded ? decoded.rows : [];
      let problem = decoded && 'problem' in decoded ? `${decoded.problem.code} ${decoded.problem.message}` : undefined;
      let text: string | undefined;
      if (pipeline && rows.length > 0) {
        text = testText(letter, rows, { digits, sets: pairs(o.set, '--set'), profile: o.profile });
        const wrong = loadTests(text, o.to ?? 'test', pipeline).diagnostics.find((d) => d.severity === 'error');
        if (wrong) {
          problem = `${wrong.code} ${wrong.message}`;
          text = undefined;
        }
      }
      const kind = text === undefined ? 'fixture' : 'test';
      text ??= toFixture(letter);
      if (kind === 'fixture' && o.pipeline !== undefined)
        context.note(`a fixture, because no test can be made of it: ${problem ?? 'it holds no records'}`);
      if (o.to !== undefined) writeResult(o.to, text);
      context.result(
        { ok: true, kind, records: rows.length, file: o.to ?? null, ...(o.to === undefined ? { text } : {}) },
        () =>
          o.to === undefined
            ? text
            : `wrote ${o.to}: a ${kind}${kind === 'test' ? ` with ${rows.length} records` : ''}`,
      );
    }),
  );
}

interface Fetched {
  place: string | null;
  letter: DeadLetter;
  pipeline: Pipeline | undefined;
  digits: Digits;
  decoded: { rows: LetterRow[] } | { problem: ChimeraError } | undefined;
}
/** From the bus, or out of a file; decoded as far as that goes. */
async function fetchLetter(id: string, o: DecodeOptions, context: Context): Promise<Fetched> {
  const pipeline = o.pipeline === undefined ? undefined : loadOrExplain(context, o.pipeline, o);
  const given = digitsOption(o.digits);
  if (/\.json$/.test(id)) {
    const letter = readFixture(id);
    return { place: null, letter, pipeline, digits: given, decoded: decode(letter, pipeline, given) };
  }
  return withBus(addressOf(o, context), o, async (bus) => {
    const { letters, letter } = await oneOf(await placesOf(bus, o.place), id);
    let digits = given;
    if (pipeline && given.length === 0)
      try {
        digits = await digitsOnBus(bus, homeOf(letter.stream, pipeline));
      } catch {
        // A stream of another pipeline: decoding says so.
      }
    return { place: letters.key, letter, pipeline, digits, decoded: decode(letter, pipeline, digits) };
  });
}
function decode(letter: DeadLetter, pipeline: Pipeline | undefined, digits: Digits): Fetched['decoded'] {
  if (!pipeline) return undefined;
  try {
    return { rows: decodeLetter(letter, pipeline, digits) };
  } catch (e) {
    if (e instanceof ChimeraError) return { problem: e };
    throw e;
  }
}
function digitsOption(list: readonly string[] | undefined): Digits {
  return Object.entries(pairs(list, '--digits')).map(([name, text]) => {
    const m = /^(\d{1,2}),(\d{1,2})$/.exec(text);
    if (!m)
      throw new ChimeraError('CHM911', `--digits ${name}=${text} has no decimals`, {
        help: 'write the decimals of price and quantity: --digits usdm:BTCUSDT=1,3',
      });
    return { name, pxDigits: Number(m[1]), qtyDigits: Number(m[2]) };
  });
}

function addressOf({ bus }: BusOptions, { io }: Context): string {
  if (bus === undefined)
    throw new ChimeraError('CHM911', 'which bus?', { help: 'name it: --bus redis://127.0.0.1:6379/0' });
  return busUrl(bus, io.env);
}
const iso = (l: DeadLetter): string => new Date(l.timeMs).toISOString();
const brief = (l: DeadLetter) => ({
  id: l.id,
  time: iso(l),
  reason: l.reason,
  error: l.error,
  group: l.group,
  stream: l.stream,
  entry: l.entry,
  bytes: l.payload?.length ?? null,
  ...(l.part === undefined ? {} : { part: l.part }),
  ...(l.schema === undefined ? {} : { schema: l.schema }),
  ...(l.records === undefined ? {} : { records: l.records }),
});
