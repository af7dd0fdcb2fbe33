import { CODES as BUS_CODES } from '../../graph/bus/codes.ts';
import { CODES as CODEC_CODES } from '../../graph/codec/codes.ts';
import { GRAPH_CODES } from '../../graph/codes.ts';
import { CODES as CUT_CODES } from '../../graph/cut/codes.ts';
import { ENGINE_CODES } from '../../graph/engine/codes.ts';
import { CODES as MATH_CODES } from '../../graph/math/codes.ts';
import { CODES as RELOAD_CODES } from '../../graph/reload/codes.ts';
import type { CodeTable } from '../../graph/schema/index.ts';
import { CODES as LAKE_CODES } from '../../lake/codes.ts';
import { CODES as DECODE_CODES } from '../../lake/decode/codes.ts';
import { CODES as JOURNAL_CODES } from '../../lake/journal/codes.ts';
import { CODES as DECISION_CODES } from '../../operators/decision/codes.ts';
import { CODES as FEATURE_CODES } from '../../operators/feature/codes.ts';
import { CODES as LABEL_CODES } from '../../operators/label/codes.ts';
import { CODES as SILVER_CODES } from '../../operators/silver/codes.ts';
import { CODES as GATEWAY_CODES } from '../../sinks/binance/codes.ts';
import { CODES as ARTIFACT_CODES } from '../../sinks/minio/codes.ts';
import { CODES as REDIS_SINK_CODES } from '../../sinks/redis/codes.ts';
import { CODES as STORE_CODES } from '../../sinks/store/codes.ts';
import { CODES as BINANCE_CODES } from '../../sources/binance/codes.ts';
import { CODES as CONTROL_CODES } from '../../sources/control/codes.ts';
import { CODES as VENUE_CODES } from '../../venue/codes.ts';
import { CODES as VENUE_SERVER_CODES } from '../../venue/server/codes.ts';
import { CODES as FEED_CODES } from '../../venue/server/feed/codes.ts';
import { CODES as API_CODES } from '../api/codes.ts';
import { CODES as CLI_CODES } from '../cli/codes.ts';
import { CODES as COMMAND_CODES } from '../cli/commands/codes.ts';
import { CODES as METRICS_CODES } from '../metrics/codes.ts';
import { CODES as RUN_CODES } from '../run/codes.ts';
import { CODES as CHANNEL_CODES } from '../run/control/codes.ts';
import { CODES as INSPECT_CODES } from '../run/inspect/codes.ts';

/**
 * Every code that an error or a finding of the program can have: what `chimera explain` and docs/reference/errors.md
 * read. One table per room; a test finds tables that are missing here and codes that are in none.
 */
export const codeTables: readonly CodeTable[] = [
  GRAPH_CODES,
  ENGINE_CODES,
  BUS_CODES,
  CUT_CODES,
  CODEC_CODES,
  RELOAD_CODES,
  MATH_CODES,
  LAKE_CODES,
  DECODE_CODES,
  JOURNAL_CODES,
  LABEL_CODES,
  SILVER_CODES,
  FEATURE_CODES,
  DECISION_CODES,
  VENUE_CODES,
  VENUE_SERVER_CODES,
  FEED_CODES,
  BINANCE_CODES,
  CONTROL_CODES,
  GATEWAY_CODES,
  ARTIFACT_CODES,
  STORE_CODES,
  REDIS_SINK_CODES,
  CLI_CODES,
  RUN_CODES,
  INSPECT_CODES,
  CHANNEL_CODES,
  COMMAND_CODES,
  METRICS_CODES,
  API_CODES,
];
