import { z } from 'zod';
import { duration } from '../../graph/document/duration.ts';
import { defineSink, input } from '../../graph/node.ts';
import { AnyRecord } from '../any-record.ts';
import { ParquetSink } from './parquet-sink.ts';

export const parquet = defineSink({
  type: 'sink.parquet',
  version: 1,
  tier: 'gold',
  summary: 'Writes its inputs into the lake as Parquet, one dataset per input, named after it.',
  doc: `\`with: { tier: silver }, in: { bars_1m: bars.bar }\` writes \`silver/bars_1m/market=…/symbol=…/date=…/\`. Beside the
record's fields each row has the input that caused it (\`cause_source\`, \`cause_seq\`). Files are rolled by rows, bytes
and engine time; what is committed but not yet in a file lies in the run's store, so that nothing is lost and a resumed
run writes the same files. A run without a folder, and without \`lake\`, writes nothing.`,
  config: z.strictObject({
    tier: z.enum(['bronze', 'silver', 'gold']).default('gold'),
    lake: z
      .string()
      .min(1)
      .optional()
      .describe('folder of the lake, or s3://bucket/prefix; default: `lake` in the run’s folder'),
    rolling: z
      .strictObject({
        max_rows: z.int().min(1024).optional().describe('rows of one partition'),
        max_mb: z.int().min(1).default(64).describe('memory of all open rows, MiB'),
        interval: duration().optional().describe('engine time since the first open row'),
        inactivity: duration().optional().describe('engine time without a row'),
      })
      .prefault({}),
  }),
  ports: {
    in: {},
    rest: input(AnyRecord, { key: 'any', future: true, doc: 'any stream, labels too; its name is the dataset’s' }),
  },
  determinism: 'external',
  open: (config, env, wiring) => ParquetSink.open(config, env, wiring),
});
