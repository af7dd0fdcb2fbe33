import type { OrderCommand, OrderReport, Values } from '../../graph/schema/index.ts';

type Command = Readonly<Values<typeof OrderCommand>>;
type Report = Readonly<Values<typeof OrderReport>>;

/** An order that has left, or that the venue spoke of, and whose end has not been told. */
export interface OpenOrder {
  key: number;
  id: string;
  /** `adds` risk, `closes` a position, or `rests` to protect one. */
  role: 'adds' | 'closes' | 'rests';
  buy: boolean;
  status: 'sent' | 'open' | 'unknown';
  /** A cancel has gone out, and nothing has been heard since. */
  cancelling: boolean;
  /** When the venue was last told or asked about it, engine time. */
  askedUs: number;
}

export const orderKey = (key: number, id: string): string => `${key}/${id}`;

export const roleOf = (v: Command): OpenOrder['role'] =>
  v.close_position ? 'rests' : v.reduce_only ? 'closes' : 'adds';

export function passed(open: Map<string, OpenOrder>, key: number, v: Command, now: number): void {
  open.set(orderKey(key, v.client_id), {
    key,
    id: v.client_id,
    role: roleOf(v),
    buy: v.side === 'buy',
    status: 'sent',
    cancelling: false,
    askedUs: now,
  });
}

const NOT_CANCELLED = -2011;
const NO_SUCH_ORDER = -2013;

/** Books what the venue says of an order; also of those that others placed. */
export function heard(open: Map<string, OpenOrder>, key: number, spot: boolean, r: Report, now: number): void {
  const id = orderKey(key, r.client_id);
  const o = open.get(id);
  if (r.exec === 'rejected') {
    if (r.code === NOT_CANCELLED) {
      // It had ended (and that is or will be told), or had not arrived: it is looked at again when it is still here.
      if (o) o.askedUs = now;
    } else if (r.code !== NO_SUCH_ORDER || o?.status === 'unknown') open.delete(id);
  } else if (r.status !== 'new' && r.status !== 'partially_filled') open.delete(id);
  else if (r.exec === 'unknown') {
    if (o) o.status = 'unknown';
  } else if (o) {
    // A cancel that was under way when it stood may have been lost.
    if (o.status === 'unknown' && r.exec === 'status') o.cancelling = false;
    o.status = 'open';
  } else
    open.set(id, {
      key,
      id: r.client_id,
      // On Spot nothing is sold that is not held.
      role: !r.reduce_only && !(spot && r.side === 'sell') ? 'adds' : r.type === 'stop_market' ? 'rests' : 'closes',
      buy: r.side === 'buy',
      status: 'open',
      cancelling: false,
      askedUs: now,
    });
}
