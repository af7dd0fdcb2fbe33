import { ChimeraError, KeyTable } from '../../graph/schema/index.ts';
import { openStorage } from '../open-storage.ts';
import { schemaFromJson } from '../schema.ts';
import { InputCodec } from './input-codec.ts';
import { declareJournalKeys } from './journal-keys.ts';
import { sealJournal } from './seal.ts';
import type { SealAnswer, Sealed, SealOrder } from './seal-process.ts';

/** The program of the process that seals: it is told its jobs once, answers once, and ends with whoever started it. */
async function sealAll({ jobs, s3 }: SealOrder): Promise<Sealed[]> {
  const done: Sealed[] = [];
  for (const { dir, lake, writer, source, ports } of jobs) {
    const keys = new KeyTable();
    declareJournalKeys(dir, keys);
    const decoder = new InputCodec(ports.map((p) => ({ name: p.name, schema: schemaFromJson(p.schema) })));
    const storage = await openStorage(lake, s3 ? { s3 } : {});
    const { segments, throughSeq } = await sealJournal(dir, lake, { writer, source, keys, decoder, storage });
    done.push({ dir, segments: segments.length, throughSeq });
  }
  return done;
}

function failureOf(e: unknown): SealAnswer {
  if (!(e instanceof ChimeraError))
    return { failed: { code: 'CHM627', message: String(e), where: {}, help: undefined } };
  return { failed: { code: e.code, message: e.message, where: e.where, help: e.help } };
}

// Ctrl-C reaches the whole group of processes; the one that started this one says when it is over.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
process.once('disconnect', () => process.exit(1));
process.once('message', (order) => {
  void sealAll(order as SealOrder)
    .then((sealed): SealAnswer => ({ sealed }), failureOf)
    .then((answer) => process.send!(answer, () => process.exit(0)));
});
