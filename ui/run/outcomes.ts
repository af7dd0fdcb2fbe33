import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Outcome, type OutcomeRecord, Outcomes } from '../../graph/outcome/journal.ts';
import type { Plan } from '../../graph/plan/plan.ts';
import { type InputRow, toBlock } from '../../graph/runner/rows-reader.ts';
import { type Block, type BlockReader, ChimeraError, KeyTable } from '../../graph/schema/index.ts';
import { type BronzeWriter, openBronzeWriter } from '../../lake/bronze-writer.ts';
import { InputCodec } from '../../lake/journal/input-codec.ts';
import { readJournal } from '../../lake/journal/journal-reader.ts';
import { type FinishedSegment, JournalWriter } from '../../lake/journal/journal-writer.ts';
import type { SegmentPolicy } from '../../lake/journal/segment-policy.ts';
import { openLake } from '../../lake/open-lake.ts';
import { openStorage } from '../../lake/open-storage.ts';
import { OUTCOME_SOURCE, OUTCOMES, OutcomeRow } from '../../lake/outcome-rows.ts';
import type { S3Options } from '../../lake/s3/s3-options.ts';
import type { RunJournals } from './journals.ts';

/** What asynchronous nodes were told, kept as the run's other journals are. */
export interface RunOutcomes {
  readonly journal: Outcomes;
  /** Within a commit: what memory holds of what is to be in the lake goes there. */
  drain(): Promise<void>;
  close(): void;
  /** After a run that came to its end: the rest becomes Bronze Parquet. */
  seal(): Promise<void>;
}
export interface OutcomesJob {
  state?: string;
  /** The run's journals, with a state folder: that of the outcomes is sealed and cut short like the others. */
  journals?: RunJournals | undefined;
  policy?: Partial<SegmentPolicy>;
  capture?: string;
  /** Lake folders of a run that is over: its outcomes count, and nobody is asked. */
  outcomesFrom?: readonly string[];
  /** How to reach lakes at `s3://` addresses. */
  s3?: S3Options;
}

const PORTS: BlockReader['ports'] = [{ name: OUTCOMES, schema: OutcomeRow }];
const SEAL = { writer: 'journal-$outcomes', source: OUTCOME_SOURCE } as const;
const keys = () => new KeyTable();
const nothing = () => Promise.resolve();
const NOWHERE = { drain: nothing, close: () => {}, seal: nothing };

/**
 * Where a run's outcomes come from and go to: undefined when none of its nodes waits. With a state folder they are on disk
 * before the node that asked goes on.
 * @param epoch commit that the run goes on from
 */
export async function openOutcomes(plan: Plan, job: OutcomesJob, epoch: number): Promise<RunOutcomes | undefined> {
  if (!plan.nodes.some((n) => n.node.type.kind === 'async')) return undefined;
  if (job.outcomesFrom) {
    const records: OutcomeRecord[] = [];
    for (const lake of job.outcomesFrom) records.push(...(await readOutcomes(lake, job.s3)));
    return { journal: new Outcomes({ records, closed: true }), ...NOWHERE };
  }
  if (job.state !== undefined) return inFolder(join(job.state, 'outcomes'), job, epoch);
  if (job.capture === undefined) return { journal: new Outcomes(), ...NOWHERE };
  return inLake(job.capture, job.s3);
}

/** Everything that asynchronous nodes of a run were told: from its lake, where it captured one, and from its journal. */
export async function outcomesOf(state: string, capture?: string, s3?: S3Options): Promise<OutcomeRecord[]> {
  const records = capture === undefined ? [] : await readOutcomes(capture, s3);
  const dir = join(state, 'outcomes');
  const codec = new InputCodec(PORTS);
  if (existsSync(dir)) for (const r of readJournal(dir)) records.push(...recordsOf(codec.decode([r])));
  return records;
}

/** A journal like those of the sources, in a folder beside them. */
function inFolder(dir: string, job: OutcomesJob, epoch: number): RunOutcomes {
  const codec = new InputCodec(PORTS);
  // Behind the commit that the run goes on from everything comes again; what is older never does.
  const records: OutcomeRecord[] = [];
  if (existsSync(dir))
    for (const r of readJournal(dir))
      for (const o of recordsOf(codec.decode([r]))) if (o.epoch >= epoch) records.push(o);
  const finished: FinishedSegment[] = [];
  const writer = JournalWriter.open(dir, {
    clock: () => performance.now(),
    ...(job.policy ? { policy: job.policy } : {}),
    onFinished: (segment) => finished.push(segment),
  });
  job.journals?.add(OUTCOME_SOURCE, { dir, ...SEAL, ports: PORTS, open: writer }, finished);
  let t = writer.recovery.lastT;
  const write = (r: OutcomeRecord): void => {
    t = Math.max(t, r.now);
    const seq = writer.lastSeq + 1;
    writer.append(seq, t, 0, codec.encode(toBlock(PORTS, [rowOf(r, t)], seq), 0));
    writer.flush();
    writer.sync();
  };
  return { ...NOWHERE, journal: new Outcomes({ records, epoch, write }), close: () => writer.close() };
}

/** Without a state folder nothing survives the process but what the run leaves in the lake. */
function inLake(lake: string, s3: S3Options | undefined): RunOutcomes {
  let rows: InputRow[] = [];
  let seq = 0;
  let lastT = Number.NEGATIVE_INFINITY;
  let writer: BronzeWriter | undefined;
  const write = (r: OutcomeRecord): void => {
    lastT = Math.max(r.now, lastT);
    rows.push(rowOf(r, lastT));
  };
  const open = async (): Promise<BronzeWriter> => {
    const storage = await openStorage(lake, { ...(s3 ? { s3 } : {}), bucket: { create: true } });
    return openBronzeWriter(lake, { ...SEAL, keys: keys(), ports: PORTS, storage });
  };
  const drain = async (least: number): Promise<void> => {
    if (rows.length < least) return;
    writer ??= await open();
    const taken = rows;
    rows = [];
    for (let i = 0; i < taken.length; i += BLOCK) {
      const some = taken.slice(i, i + BLOCK);
      await writer.write(toBlock(PORTS, some, seq));
      seq += some.length;
    }
  };
  return {
    journal: new Outcomes({ write }),
    drain: () => drain(BLOCK),
    close: () => {},
    seal: async () => {
      await drain(1);
      await writer?.close();
    },
  };
}
const BLOCK = 1024;

/** The outcomes in a lake, in order; none when the run that it holds asked nothing. */
export async function readOutcomes(lake: string, s3?: S3Options): Promise<OutcomeRecord[]> {
  let reader: BlockReader;
  try {
    const storage = await openStorage(lake, s3 ? { s3 } : {});
    reader = await openLake(lake, { datasets: [OUTCOMES], storage }, keys());
  } catch (e) {
    if (e instanceof ChimeraError && e.code === 'CHM610') return [];
    throw e;
  }
  const records: OutcomeRecord[] = [];
  try {
    for (let block = await reader.read(); block; block = await reader.read()) records.push(...recordsOf([block]));
  } finally {
    await reader.close();
  }
  return records;
}

function rowOf({ id, asked, epoch, outcome }: OutcomeRecord, t: number): InputRow {
  const values = {
    node: id.node,
    instrument: id.key,
    cause: id.source,
    cause_seq: id.seq,
    asked,
    epoch,
    kind: outcome.kind,
    value:
      outcome.kind === 'value'
        ? Buffer.from(outcome.bytes).toString('base64')
        : outcome.kind === 'error'
          ? `${outcome.code}\n${outcome.message}`
          : '',
  };
  return { t, port: OUTCOMES, key: -1, values };
}
function recordsOf(blocks: readonly Block[]): OutcomeRecord[] {
  return blocks.flatMap((b) => {
    const names = Object.keys(OutcomeRow.fields);
    const column = <C extends Float64Array | string[]>(name: string) => b.ports[0]!.columns[names.indexOf(name)] as C;
    const texts = (name: string) => column<string[]>(name);
    const numbers = (name: string) => column<Float64Array>(name);
    return Array.from(b.row.subarray(0, b.n), (row, i) => ({
      id: {
        node: texts('node')[row]!,
        key: texts('instrument')[row]!,
        source: texts('cause')[row]!,
        seq: numbers('cause_seq')[row]!,
      },
      asked: numbers('asked')[row]!,
      now: b.t[i]!,
      epoch: numbers('epoch')[row]!,
      outcome: outcomeOf(OutcomeRow.fields.kind.values[numbers('kind')[row]!]!, texts('value')[row]!),
    }));
  });
}
function outcomeOf(kind: Outcome['kind'], value: string): Outcome {
  if (kind === 'fallback') return { kind };
  if (kind === 'value') return { kind, bytes: Uint8Array.from(Buffer.from(value, 'base64')) };
  const end = value.indexOf('\n');
  return { kind, code: value.slice(0, end), message: value.slice(end + 1) };
}
