import { MarkPrice, record } from '../../graph/schema/index.ts';

/** What is read of a mark price. */
export const GatewayMark = record('gateway_mark', 1, {
  mark_px: MarkPrice.fields.mark_px,
  event_ms: MarkPrice.fields.event_ms,
});
