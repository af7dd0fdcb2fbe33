import { join } from 'node:path';
import { z } from 'zod';
import { defineSource } from '../graph/node.ts';
import { ChimeraError, MARKET_PORTS, type MarketPort } from '../graph/schema/index.ts';
import { openInputs } from '../lake/decode/inputs.ts';
import { openLake } from '../lake/open-lake.ts';
import { openStorage } from '../lake/open-storage.ts';
import type { S3Options } from '../lake/s3/s3-options.ts';
import { marketPorts } from './market-ports.ts';

/** `access.cache` of a run: the folder where decoded inputs are kept for the next one. */
export interface InputCache {
  readonly dir: string;
}

export const market = defineSource({
  type: 'source.market',
  version: 1,
  tier: 'bronze',
  summary:
    'The market as it was received: recorder files, archives, candles, Parquet or a lake folder, merged by arrival time.',
  doc: [
    'Reads the paths given as `--input`, `s3://bucket/prefix` for a lake on S3 too. What a file is, is found out from its content. Engine time is the receive time of',
    'the file; within a file the row order is law, files are merged by (time, position on the command line, row).',
    'Each port is one kind of message; exact amounts are integers in the decimals of their instrument.',
  ].join('\n'),
  config: z.strictObject({
    symbols: z.array(z.string()).default([]).describe('only these, e.g. BTCUSDT; empty = all'),
    streams: z
      .array(z.enum(Object.keys(MARKET_PORTS) as [MarketPort, ...MarketPort[]]))
      .default([])
      .describe('only these ports; empty = all'),
    market: z.enum(['usdm', 'spot', 'any']).default('any').describe('only this market'),
  }),
  ports: { out: marketPorts },
  determinism: 'journaled',
  async open(c, env) {
    if (env.inputs.length === 0)
      throw new ChimeraError('CHM901', `source ${env.node} has no input`, {
        node: env.node,
        help: 'name recorder files, archives, Parquet files or a lake folder with --input',
      });
    const s3 = env.access?.['s3'] as S3Options | undefined;
    const cache = env.access?.['cache'] as InputCache | undefined;
    return openInputs(env.inputs, env.keys, {
      ...(cache ? { cache: { dir: join(cache.dir, 'files') } } : {}),
      ...(c.symbols.length ? { symbols: c.symbols } : {}),
      ...(c.streams.length ? { streams: c.streams } : {}),
      ...(c.market === 'any' ? {} : { markets: [c.market] }),
      // A live run's lake also holds what its gateway was told.
      openLake: async (path, selection, keys) => {
        const storage = await openStorage(path, s3 ? { s3 } : {});
        const replayed = cache ? { cache: { dir: join(cache.dir, 'lakes') } } : {};
        return openLake(path, { datasets: Object.keys(MARKET_PORTS), ...selection, ...replayed, storage }, keys);
      },
    });
  },
});
