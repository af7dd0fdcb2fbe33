/**
 * Events of Binance's user data streams as plain records. Amounts stay the texts that Binance sent: what reads them knows the
 * instrument's decimals. Field names of the wire stand in the comments; facts: docs of USD-M and Spot user data streams.
 */
export interface OrderEvent {
  readonly kind: 'order';
  readonly symbol: string;
  /** The id that the order was placed with, also where a cancel has an id of its own. */
  readonly clientId: string;
  readonly orderId: string;
  readonly side: 'buy' | 'sell';
  /** `o`: what the order is now. */
  readonly type: string;
  /** `ot`: what it was placed as; a triggered stop is a MARKET that was a STOP_MARKET. */
  readonly originalType: string;
  readonly tif: string;
  readonly px: string;
  readonly stopPx: string;
  readonly qty: string;
  /** `x`: NEW, TRADE, CANCELED, EXPIRED, REJECTED, AMENDMENT, CALCULATED, TRADE_PREVENTION, REPLACED. */
  readonly exec: string;
  /** `X` */
  readonly status: string;
  readonly lastQty: string;
  readonly lastPx: string;
  readonly cumQty: string;
  readonly fee: string;
  /** '' where no fee was taken. */
  readonly feeAsset: string;
  /** 0 = no trade. */
  readonly tradeId: number;
  readonly maker: boolean;
  readonly reduceOnly: boolean;
  readonly closePosition: boolean;
  readonly realized: string;
  /** `r` on Spot, `er` on USD-M; '' = none. */
  readonly reason: string;
  /** `w` of Spot: on the book or being executed; a stop works once it has triggered. Absent on USD-M. */
  readonly working?: boolean;
  readonly timeMs: number;
}

/** State of a conditional order of the Algo service. */
export interface AlgoEvent {
  readonly kind: 'algo';
  readonly symbol: string;
  readonly clientId: string;
  readonly algoId: string;
  readonly side: 'buy' | 'sell';
  readonly type: string;
  readonly tif: string;
  /** `X`: NEW, TRIGGERING, TRIGGERED, FINISHED, CANCELED, EXPIRED, REJECTED. */
  readonly status: string;
  readonly px: string;
  readonly stopPx: string;
  readonly qty: string;
  readonly reduceOnly: boolean;
  readonly closePosition: boolean;
  /** `ai`: the order that it became; '' before. */
  readonly childId: string;
  /** `aq`: quantity that the child has executed; '' when not sent. */
  readonly cumQty: string;
  /** `rm` */
  readonly reason: string;
  readonly timeMs: number;
}

export interface BalanceRow {
  readonly asset: string;
  /** Wallet balance; Spot: free + locked are apart. */
  readonly wallet: string;
  /** `bc`: change except profit and commission; '' when not sent. */
  readonly change: string;
}
export interface PositionRow {
  readonly symbol: string;
  /** BOTH, LONG, SHORT. */
  readonly side: string;
  readonly qty: string;
  readonly entryPx: string;
  readonly unrealized: string;
  readonly isolated: boolean;
  readonly isolatedWallet: string;
}
export interface AccountEvent {
  readonly kind: 'account';
  /** `m`: ORDER, FUNDING_FEE, MARGIN_TRANSFER, DEPOSIT, … */
  readonly reason: string;
  readonly balances: readonly BalanceRow[];
  readonly positions: readonly PositionRow[];
  readonly timeMs: number;
}
/** Spot: balances after a change, and a deposit, withdrawal or transfer. */
export interface BalancesEvent {
  readonly kind: 'balances';
  readonly balances: readonly { readonly asset: string; readonly free: string; readonly locked: string }[];
  readonly timeMs: number;
}
export interface BalanceDeltaEvent {
  readonly kind: 'balance_delta';
  readonly asset: string;
  readonly delta: string;
  readonly timeMs: number;
}
/** The stream speaks of itself: `listenKeyExpired`, `eventStreamTerminated`, `serverShutdown`. */
export interface StreamEvent {
  readonly kind: 'stream';
  readonly name: string;
  readonly timeMs: number;
}
export type UserEvent = OrderEvent | AlgoEvent | AccountEvent | BalancesEvent | BalanceDeltaEvent | StreamEvent;

type Json = Readonly<Record<string, unknown>>;

/** A frame of a user data stream, whatever it is wrapped in; undefined for frames that say nothing of orders or money. */
export function parseUserEvent(frame: unknown): UserEvent | undefined {
  const m = unwrap(frame);
  if (!m) return undefined;
  switch (m['e']) {
    case 'ORDER_TRADE_UPDATE':
      return isRecord(m['o']) ? futuresOrder(m['o'], m) : undefined;
    case 'ALGO_UPDATE':
      // Seen as `o`; named `ao` in one revision of the documentation.
      return isRecord(m['o']) ? algo(m['o'], m) : isRecord(m['ao']) ? algo(m['ao'], m) : undefined;
    case 'ACCOUNT_UPDATE':
      return isRecord(m['a']) ? account(m['a'], m) : undefined;
    case 'executionReport':
      return spotOrder(m);
    case 'outboundAccountPosition':
      return {
        kind: 'balances',
        balances: rows(m['B']).map((b) => ({ asset: text(b['a']), free: text(b['f']), locked: text(b['l']) })),
        timeMs: int(m['u']) || int(m['E']),
      };
    case 'balanceUpdate':
      return { kind: 'balance_delta', asset: text(m['a']), delta: text(m['d']), timeMs: int(m['T']) };
    case 'listenKeyExpired':
    case 'eventStreamTerminated':
    case 'serverShutdown':
      return { kind: 'stream', name: m['e'], timeMs: int(m['E']) };
    default:
      return undefined;
  }
}

/** Combined streams wrap in `data`, the websocket API in `event`. */
function unwrap(frame: unknown): Json | undefined {
  let m = frame;
  for (let depth = 0; depth < 3 && isRecord(m); depth++) {
    if (typeof m['e'] === 'string') return m;
    m = m['data'] ?? m['event'];
  }
  return undefined;
}

function futuresOrder(o: Json, m: Json): OrderEvent {
  return {
    kind: 'order',
    symbol: text(o['s']),
    clientId: text(o['c']),
    orderId: text(o['i']),
    side: side(o['S']),
    type: text(o['o']),
    originalType: text(o['ot']) || text(o['o']),
    tif: text(o['f']),
    px: amount(o['p']),
    stopPx: amount(o['sp']),
    qty: amount(o['q']),
    exec: text(o['x']),
    status: text(o['X']),
    lastQty: amount(o['l']),
    lastPx: amount(o['L']),
    cumQty: amount(o['z']),
    fee: amount(o['n']),
    feeAsset: text(o['N']),
    tradeId: Math.max(0, int(o['t'])),
    maker: o['m'] === true,
    reduceOnly: o['R'] === true,
    closePosition: o['cp'] === true,
    realized: amount(o['rp']),
    reason: text(o['er']) === '0' ? '' : text(o['er']),
    timeMs: int(o['T']) || int(m['T']) || int(m['E']),
  };
}

function spotOrder(m: Json): OrderEvent {
  // A cancel has an id of its own in `c`, and the order's in `C`.
  const original = text(m['C']);
  return {
    kind: 'order',
    symbol: text(m['s']),
    clientId: original !== '' ? original : text(m['c']),
    orderId: text(m['i']),
    side: side(m['S']),
    type: text(m['o']),
    originalType: text(m['o']),
    tif: text(m['f']),
    px: amount(m['p']),
    stopPx: amount(m['P']),
    qty: amount(m['q']),
    exec: text(m['x']),
    status: text(m['X']),
    lastQty: amount(m['l']),
    lastPx: amount(m['L']),
    cumQty: amount(m['z']),
    fee: amount(m['n']),
    feeAsset: text(m['N']),
    tradeId: Math.max(0, int(m['t'])),
    maker: m['m'] === true,
    reduceOnly: false,
    closePosition: false,
    realized: '0',
    reason: text(m['r']) === 'NONE' ? '' : text(m['r']),
    working: m['w'] === true,
    timeMs: int(m['T']) || int(m['E']),
  };
}

function algo(o: Json, m: Json): AlgoEvent {
  return {
    kind: 'algo',
    symbol: text(o['s']),
    clientId: text(o['caid']),
    algoId: text(o['aid']),
    side: side(o['S']),
    type: text(o['o']),
    tif: text(o['f']),
    status: text(o['X']),
    px: amount(o['p']),
    stopPx: amount(o['tp']),
    qty: amount(o['q']),
    reduceOnly: o['R'] === true,
    closePosition: o['cp'] === true,
    childId: text(o['ai']) === '0' ? '' : text(o['ai']),
    cumQty: text(o['aq']),
    reason: text(o['rm']),
    timeMs: int(m['T']) || int(m['E']),
  };
}

function account(a: Json, m: Json): AccountEvent {
  return {
    kind: 'account',
    reason: text(a['m']),
    balances: rows(a['B']).map((b) => ({ asset: text(b['a']), wallet: amount(b['wb']), change: text(b['bc']) })),
    positions: rows(a['P']).map((p) => ({
      symbol: text(p['s']),
      side: text(p['ps']) || 'BOTH',
      qty: amount(p['pa']),
      entryPx: amount(p['ep']),
      unrealized: amount(p['up']),
      isolated: text(p['mt']) === 'isolated',
      isolatedWallet: amount(p['iw']),
    })),
    timeMs: int(m['T']) || int(m['E']),
  };
}

const isRecord = (x: unknown): x is Json => typeof x === 'object' && x !== null && !Array.isArray(x);
const rows = (x: unknown): Json[] => (Array.isArray(x) ? x.filter(isRecord) : []);
const text = (x: unknown): string => (typeof x === 'string' ? x : typeof x === 'number' ? String(x) : '');
const amount = (x: unknown): string => text(x) || '0';
/** Large ids may come as texts. */
const int = (x: unknown): number => {
  const n = Number(x);
  return Number.isSafeInteger(n) ? n : 0;
};
const side = (x: unknown): 'buy' | 'sell' => (x === 'SELL' ? 'sell' : 'buy');
