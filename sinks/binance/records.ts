import { MarkPrice, record, Trade } from '../../graph/schema/index.ts';

/** What is read of a mark price. */
export const GatewayMark = record('gateway_mark', 1, {
  mark_px: MarkPrice.fields.mark_px,
  event_ms: MarkPrice.fields.event_ms,
});
/** What is read of a Spot trade of the market. */
export const SpotTrade = record('gateway_spot_trade', 1, { px: Trade.fields.px, time_ms: Trade.fields.time_ms });
