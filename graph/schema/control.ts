import { oneOf, text } from './field.ts';
import { record } from './record.ts';

/** What people may ask of a running graph. New kinds are added at the end: journals keep the place in this list. */
export const CONTROL_KINDS = [
  'kill_engage',
  'kill_release',
  'risk_pause',
  'risk_resume',
  'acknowledge',
  'config',
  'order_place',
  'order_cancel',
] as const;

/**
 * A command by a person, as it entered the graph: Bronze like every other input, so that a replay obeys it at the same place. It is
 * unkeyed: most commands are for the whole account, and `instrument` says so when one is not.
 */
export const ControlCommand = record('control_command', 1, {
  kind: oneOf(...CONTROL_KINDS),
  reason: text('why; never empty for what stops or releases'),
  who: text('the person or service that asked'),
  correlation_id: text('goes with every event that it causes'),
  idempotency_key: text('the same key twice is one event'),
  instrument: text('the one that it is for; empty = all'),
  subject: text(
    'what it is about: an alert, a bundle, a version, an order in words (`buy limit 0.01 60000`) or its client id; empty when the kind says it all',
  ),
});
