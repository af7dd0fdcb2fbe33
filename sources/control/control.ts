import { statSync } from 'node:fs';
import { z } from 'zod';
import { defineSource, type Env, output } from '../../graph/node.ts';
import { rowsReader } from '../../graph/runner/rows-reader.ts';
import { type BlockReader, ControlCommand, KeyTable } from '../../graph/schema/index.ts';
import { InterleavedReader } from '../../lake/decode/interleaved-reader.ts';
import { readLake } from '../../lake/manifest.ts';
import { openLake } from '../../lake/open-lake.ts';
import { openStorage } from '../../lake/open-storage.ts';
import { isS3Address, type S3Options } from '../../lake/s3/s3-options.ts';
import { ControlInlet } from './inlet.ts';
import { CONTROL_PORTS, ControlReader } from './live-reader.ts';

const DATASET = 'control';

export const control = defineSource({
  type: 'source.control',
  version: 1,
  tier: 'bronze',
  summary: 'Commands by people (kill switch, pause, acknowledgements, notices) as inputs of the graph.',
  doc: `The only way in for a command: nobody reaches around the graph. One type serves every profile.

**Live** a command is checked, stamped, and written to the journal of this source; it is answered with its place (source, seq,
arrival time) once it survives a loss of power. Then the graph sees it, in the order of all inputs. The same idempotency key
again is the same event, also after a restart: the answer repeats the place of the first. Without a program that hands one in
(\`access.control\`) nobody can send any.

**In a replay** the commands come from the dataset \`control\` of the lake folders among the inputs, at their times. A backtest
without such a folder has none.

| kind | means |
|---|---|
| \`kill_engage\`, \`kill_release\` | the kill switch of the account: see \`governance.kill_switch\` |
| \`risk_pause\`, \`risk_resume\` | no new risk from now on, and again; positions and protective orders go on |
| \`acknowledge\` | a person has seen what \`subject\` names |
| \`config\` | notice of a change of configuration, named by \`subject\` |
| \`order_place\` | an order by hand for \`instrument\`: side, type, quantity, price in \`subject\`; see \`governance.manual_orders\` |
| \`order_cancel\` | cancels the order of \`instrument\` whose client id \`subject\` is |

What stops or releases needs a reason. What is refused (CHM950 to CHM954) leaves no trace in the graph.`,
  config: z.strictObject({
    waiting: z.int().min(1).max(10_000).default(256).describe('commands that may wait for the journal at once'),
  }),
  ports: { out: { control: output(ControlCommand, { key: 'none' }) } },
  determinism: 'journaled',
  async open(c, env): Promise<BlockReader> {
    if (env.clock === undefined) return recorded(env);
    const { clock, keys, node, dir } = env;
    const given = env.access?.['control'];
    const inlet = given instanceof ControlInlet ? given : undefined;
    return new ControlReader({ node, keys, dir, stamp: () => clock.stamp(), waiting: c.waiting, inlet });
  },
});

/** What the lakes among the inputs hold; nothing otherwise. */
async function recorded(env: Env): Promise<BlockReader> {
  const s3 = env.access?.['s3'] as S3Options | undefined;
  const readers: BlockReader[] = [];
  for (const path of env.inputs) {
    if (!isS3Address(path) && !statSync(path, { throwIfNoEntry: false })?.isDirectory()) continue;
    const storage = await openStorage(path, s3 ? { s3 } : {});
    const { files } = await readLake(storage);
    if (!files.some((f) => f.tier === 'bronze' && f.dataset === DATASET)) continue;
    // Commands have no key: the instruments of the lake are the market's business.
    readers.push(await openLake(path, { datasets: [DATASET], storage }, new KeyTable()));
  }
  if (readers.length === 0) return rowsReader(CONTROL_PORTS, []);
  return readers.length === 1 ? readers[0]! : new InterleavedReader(readers);
}
