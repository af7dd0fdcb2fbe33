import { z } from 'zod';
import { ChimeraError, CONTROL_KINDS, type ControlCommand, type Values } from '../../graph/schema/index.ts';

/** Printable, without line breaks: it is shown on screens and stands in logs. */
const line = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u, 'must be one line without control characters');
const id = z.string().regex(/^[\w.:/@-]{1,100}$/, 'must be 1 to 100 letters, digits or . : / @ _ -');

const DECIMAL = String.raw`\d{1,15}(?:\.\d{1,12})?`;
/** What the subject of an order has to look like. */
const ORDERS: Readonly<Record<string, { form: RegExp; like: string }>> = {
  order_place: {
    form: new RegExp(
      `^(?:buy|sell) (?:market ${DECIMAL}|(?:limit|stop_market|take_profit_market) ${DECIMAL} ${DECIMAL})(?: reduce_only)?$`,
    ),
    like: 'is written like `buy limit 0.01 60000`, `sell market 0.01 reduce_only`',
  },
  order_cancel: { form: /^[.A-Z:/a-z0-9_-]{1,36}$/, like: 'is the client id of an order' },
};

const Request = z
  .strictObject({
    kind: z.enum(CONTROL_KINDS),
    who: id,
    reason: line(500).default(''),
    correlation_id: id.optional(),
    idempotency_key: id.optional(),
    instrument: z
      .string()
      .regex(/^(?:[a-z][a-z0-9]*:[A-Za-z0-9_.-]{1,40})?$/, 'is written like usdm:BTCUSDT')
      .default(''),
    subject: line(200).default(''),
  })
  .superRefine((r, ctx) => {
    if (r.kind !== 'acknowledge' && r.kind !== 'config' && r.reason.trim() === '')
      ctx.addIssue({ code: 'custom', path: ['reason'], message: 'what stops or releases needs a reason' });
    if ((r.kind === 'acknowledge' || r.kind === 'config') && r.subject === '')
      ctx.addIssue({ code: 'custom', path: ['subject'], message: `${r.kind} says what it is about` });
    const order = ORDERS[r.kind];
    if (order && r.instrument === '')
      ctx.addIssue({ code: 'custom', path: ['instrument'], message: 'an order is for one instrument' });
    if (order && !order.form.test(r.subject)) ctx.addIssue({ code: 'custom', path: ['subject'], message: order.like });
    if (r.kind.startsWith('kill_') && r.instrument !== '')
      ctx.addIssue({ code: 'custom', path: ['instrument'], message: 'the kill switch is for the whole account' });
  });
/** What is asked for. Ids that are left out are made by whoever takes it. */
export type ControlRequest = z.input<typeof Request>;
export type ControlValues = Readonly<Values<typeof ControlCommand>>;

/** @throws CHM950 naming every field that is wrong */
export function controlValues(request: unknown, newId: () => string): ControlValues {
  const read = Request.safeParse(request);
  if (!read.success) {
    const wrong = read.error.issues.map((i) => `${i.path.join('.') || 'command'}: ${i.message}`);
    throw new ChimeraError('CHM950', `the command is malformed: ${wrong.join('; ')}`, {
      ...(read.error.issues[0]!.path.length > 0 ? { field: String(read.error.issues[0]!.path[0]) } : {}),
      help: `kinds are ${CONTROL_KINDS.join(', ')}; fields kind, who, reason, correlation_id, idempotency_key, instrument, subject`,
    });
  }
  const { correlation_id = newId(), idempotency_key = correlation_id, ...r } = read.data;
  return { ...r, correlation_id, idempotency_key };
}

/** Two commands that are the same when they have this in common; ids of the asking are not part of it. */
export const contentOf = (v: ControlValues): string =>
  JSON.stringify([v.kind, v.reason, v.who, v.instrument, v.subject]);
