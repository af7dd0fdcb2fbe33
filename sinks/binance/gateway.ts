import { z } from 'zod';
import { defineGateway, type Gateway, input } from '../../graph/node.ts';
import { MARKET_PORTS, OrderCommand, record } from '../../graph/schema/index.ts';
import { Account } from './account.ts';
import { AccountReader } from './account-reader.ts';
import { gatewayOut, openGateway, orderOptions, unused } from './gateway-open.ts';
import { USDM_ORDERS } from './order-limiter.ts';
import { GatewayMark } from './records.ts';

const config = z.strictObject({
  leverage: z
    .int()
    .min(1)
    .max(150)
    .optional()
    .describe('set with isolated margin for each instrument at the start; without it both stay as they are'),
  ...orderOptions,
});

const Ignored = record('gateway_trade', 1, { px: MARKET_PORTS.trade.fields.px });
const ports = {
  in: {
    order: input(OrderCommand, { key: 'any', doc: 'commands, in order' }),
    trade: input(Ignored, { key: 'any', optional: true, passive: true, doc: 'not used: a simulated venue needs it' }),
    ladder: unused.ladder,
    best: unused.best,
    mark: input(GatewayMark, { key: 'any', optional: true, doc: 'values open positions' }),
    funding: unused.funding,
  },
  out: gatewayOut,
};

export const binanceUsdm = defineGateway({
  type: 'binance.usdm',
  version: 2,
  tier: 'gold',
  summary: 'Orders to Binance USD-M futures (or a venue that speaks like it), and what becomes of them.',
  doc: `Stands where \`venue.usdm\` stands in a replay, with the same ports.

**Before the send.** Each command is on disk, with the input that caused it and its client order id, before anything is sent. The
same command of a run that went back or started again is recognised and not sent again.
**After it.** A refusal is reported with Binance's code. No answer, a 5xx, −1006 or −1007 leaves the order UNKNOWN: it is reported as
\`unknown\` and nothing is repeated; the exchange is asked for the client order id until it gives the order, or twice does not know it,
\`recv_window\` + \`grace\` after the send, when it could no longer accept it. Then it is sent again if it is young enough (\`max_age\`, \`max_age_closing\`), else
reported rejected. −1008, −1015, 429, 418 and 503 "Service Unavailable" are proof that nothing was done; \`Retry-After\` is kept.
**Fills** come from the user stream, one report each. After a reconnect, when a fill is missing, and every \`sweep\`, open orders, conditional
orders and trades are read by REST and merged: each trade is reported once, in order of its id, the end of an order behind its last
fill, and the refusal of a cancel (−2011) behind the end. Orders that others placed (liquidation, deleveraging, by hand) are reported
under their own ids.
**Queries** are answered with the order as the exchange has it then (\`status\`), or with −2013 when it has none.
**Conditional orders** go to the Algo service; the order that one becomes is reported under the conditional order's id.
**Prices** off the price step are rounded: buys down, sells up. Quantities are sent as they are.
**Limits.** 300 orders in 10 s and 1,200 a minute, a tenth of them kept for orders that close; headers correct the counts.
**Fees** in another asset than the quote's (BNB) count as 0: switch that off on the account.`,
  reference: 'Binance USD-M futures: trade and user data stream documentation',
  config,
  ports,
  determinism: 'journaled',
  async open(c, env): Promise<Gateway<(typeof ports)['in']>> {
    let reader: AccountReader | undefined;
    const gateway = await openGateway(c, env, {
      market: 'usdm',
      windows: USDM_ORDERS,
      weight: 2_400,
      account: (rest, symbols) => (find, out) => {
        const account = new Account('USDT', find, out);
        reader = new AccountReader(rest, account, 'USDT', symbols, Date.now);
        return { account, reader };
      },
      check: () => reader!.check(env.node),
      prepare: async (symbols) => {
        if (c.leverage !== undefined) for (const s of symbols) await reader!.configure(s, c.leverage, env.node);
      },
    });
    return gateway as unknown as Gateway<(typeof ports)['in']>;
  },
});
