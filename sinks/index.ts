import type { AnyNode } from '../graph/node.ts';
import { binanceUsdm } from './binance/gateway.ts';
import { binanceSpot } from './binance/spot-gateway.ts';
import { documents } from './documents/documents.ts';
import { csvFiles, jsonlFiles } from './file-sink.ts';
import { parquet } from './parquet/parquet.ts';
import { redis } from './redis/redis.ts';

/** All sinks, for the registry. */
export const sinkNodes: readonly AnyNode[] = [
  documents,
  parquet,
  redis,
  csvFiles,
  jsonlFiles,
  binanceUsdm,
  binanceSpot,
];
