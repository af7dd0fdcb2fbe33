import { z } from 'zod';
import { defineGateway, type Gateway, input } from '../../graph/node.ts';
import { OrderCommand } from '../../graph/schema/index.ts';
import { gatewayOut, openGateway, orderOptions, unused } from './gateway-open.ts';
import { SPOT_ORDERS } from './order-limiter.ts';
import { GatewayMark, SpotTrade } from './records.ts';
import { SpotAccount } from './spot-account.ts';
import { checkSpotAccount, SpotAccountReader } from './spot-account-reader.ts';
import { closingQuantity } from './spot-closing.ts';

const QUOTE = 'USDT';

const config = z.strictObject(orderOptions);
const ports = {
  in: {
    order: input(OrderCommand, { key: 'any', doc: 'commands, in order' }),
    trade: input(SpotTrade, { key: 'any', optional: true, doc: 'values what is held: Spot has no mark price' }),
    ladder: unused.ladder,
    best: unused.best,
    mark: input(GatewayMark, { key: 'any', optional: true, doc: 'values what is held, where there is a better price' }),
    funding: unused.funding,
  },
  out: gatewayOut,
};

export const binanceSpot = defineGateway({
  type: 'binance.spot',
  version: 2,
  tier: 'gold',
  summary: 'Orders to Binance Spot (or a venue that speaks like it), and what becomes of them.',
  doc: `Has the ports of \`binance.usdm\` and the same rules of sending: on disk before the send, UNKNOWN and a query before anything is
sent again, each fill once, in order. Instruments are those quoted in USDT.

**Pairs.** A stop and a take-profit with \`close_position\` that come in one cycle are sent as one OCO list: one ends the other, and they
hold the asset once. An UNKNOWN one is not sent again.
**Orders.** \`gtx\` is a LIMIT_MAKER; \`stop_market\` a STOP_LOSS and \`take_profit_market\` a TAKE_PROFIT, both triggered by the last price
whatever \`working\` says, and under one id before and after.
**Position.** What this gateway bought and has not sold, net of commissions taken in the asset, rounded down to the quantity step;
\`entry_quote\` is the price paid for just that. It never is negative. What the account held before, and what others buy, is no position. It is kept
with the intents on disk, so a new start goes on with it. If the account twice has less than that, the owner has taken it: the position is
what is there.
**Closing.** Spot has no \`reduceOnly\`. A sell with \`reduce_only\` or \`close_position\` sells at most the position, less what other open
sell orders are to sell and what is not free, in whole steps: a purchase is smaller than ordered by its commission. With nothing held, and
for a buy, it is refused with −2022; when all is in other sell orders, with −2010. While the outcome of another order of the instrument is
open it waits, up to \`max_age_closing\`, and is then refused with −2010. A stop holds the asset: cancel it before another exit. A
\`close_position\` order is of the quantity at the time it is sent. Other sells go out as they are.
**Wallet** is the free and locked USDT. The record of a trade waits for the balances behind it, at most 1 s. There is no margin and no liquidation
price; \`equity\` is wallet and value of what is held, \`realized_pnl\` is computed here (average cost, before commissions).
**Fees** in the bought asset are valued at the price of their trade; in a third asset (BNB) they count as 0, and are counted: switch that
off on the account.
**Limits.** 50 orders in 10 s and 160,000 a day, a tenth of them kept for orders that close; headers correct the counts.`,
  reference: 'Binance Spot: REST, websocket API and user data stream documentation',
  config,
  ports,
  determinism: 'journaled',
  async open(c, env): Promise<Gateway<(typeof ports)['in']>> {
    let account: SpotAccount | undefined;
    const gateway = await openGateway(c, env, {
      market: 'spot',
      windows: SPOT_ORDERS,
      weight: 6_000,
      quote: QUOTE,
      account: (rest, symbols, rules) => (_find, out) => {
        const find = (symbol: string) => {
          const r = rules(symbol);
          return r && { key: r.key, step: r.step ?? 1 };
        };
        account = new SpotAccount(QUOTE, find, out);
        return { account, reader: new SpotAccountReader(rest, account, symbols) };
      },
      check: (rest) => checkSpotAccount(rest, env.node),
      prepare: async () => {},
      closing: (o, run) => closingQuantity(o, run.courier.ledger.symbols.get(o.symbol)!, account!.sellable(o.symbol)),
    });
    return gateway as unknown as Gateway<(typeof ports)['in']>;
  },
});
