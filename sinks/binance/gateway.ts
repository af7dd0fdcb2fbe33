import { join } from 'node:path';
import { z } from 'zod';
import { duration } from '../../graph/document/duration.ts';
import { defineGateway, type Env, type Gateway, input, output } from '../../graph/node.ts';
import {
  AccountUpdate,
  BookLadder,
  ChimeraError,
  MARKET_PORTS,
  OrderCommand,
  OrderReport,
  record,
  TopOfBook,
  VenuePosition,
} from '../../graph/schema/index.ts';
import { binanceAccess, secretsOf } from '../../sources/binance/access.ts';
import { createClient } from '../../sources/binance/client.ts';
import { maskedError } from '../../sources/binance/redact.ts';
import { AccountReader } from './account-reader.ts';
import { GatewayRun } from './gateway-run.ts';
import { IntentLog } from './intent-log.ts';
import { BinanceOrders } from './order-api.ts';
import { OrderLimiter, USDM_ORDERS } from './order-limiter.ts';
import { GatewayMark } from './records.ts';
import { Rest } from './rest.ts';

const config = z.strictObject({
  leverage: z
    .int()
    .min(1)
    .max(150)
    .optional()
    .describe('set with isolated margin for each instrument at the start; without it both stay as they are'),
  recv_window: duration({ min: '100ms', max: '60s' })
    .prefault('2s')
    .describe('how old a request may be when it arrives'),
  grace: duration({ min: '1s', max: '1m' })
    .prefault('3s')
    .describe('beyond recv_window, until an order that the exchange does not know counts as never accepted'),
  timeout: duration({ min: '100ms', max: '1m' }).prefault('4s').describe('of one request; then its outcome is UNKNOWN'),
  settle: duration({ min: '10ms', max: '1m' })
    .prefault('750ms')
    .describe('how long fills may be missing from the stream before they are read by REST'),
  max_age: duration({ min: '100ms', max: '10m' })
    .prefault('5s')
    .describe('of a command that opens risk, when it is sent'),
  max_age_closing: duration({ min: '100ms', max: '1h' }).prefault('1m').describe('of one that can only close'),
  attempts: z.int().min(1).max(10).default(3).describe('sends of one order, each but the last proven not accepted'),
  sweep: duration({ min: '1s', max: '1h' })
    .prefault('10s')
    .describe('how often orders, fills and positions are compared by REST'),
});

const Ignored = record('gateway_trade', 1, { px: MARKET_PORTS.trade.fields.px });
const Funding = record('gateway_funding', 1, { rate: MARKET_PORTS.funding_rate.fields.rate });
const ports = {
  in: {
    order: input(OrderCommand, { key: 'any', doc: 'commands, in order' }),
    trade: input(Ignored, { key: 'any', optional: true, passive: true, doc: 'not used: a simulated venue needs it' }),
    ladder: input(BookLadder, { key: 'any', optional: true, passive: true, doc: 'not used' }),
    best: input(TopOfBook, { key: 'any', optional: true, passive: true, doc: 'not used' }),
    mark: input(GatewayMark, { key: 'any', optional: true, doc: 'values open positions' }),
    funding: input(Funding, { key: 'any', optional: true, passive: true, doc: 'not used' }),
  },
  out: {
    report: output(OrderReport, { doc: 'one record per execution event of an order' }),
    account: output(AccountUpdate, { doc: 'one record per trade and per other change of wallet or position' }),
    position: output(VenuePosition, { doc: 'at each change, and at each mark price while open' }),
  },
};

export const binanceUsdm = defineGateway({
  type: 'binance.usdm',
  version: 1,
  tier: 'gold',
  summary: 'Orders to Binance USD-M futures (or a venue that speaks like it), and what becomes of them.',
  doc: `Stands where \`venue.usdm\` stands in a replay, with the same ports.

**Before the send.** Each command is on disk, with the input that caused it and its client order id, before anything is sent. The
same command of a run that went back or started again is recognised and not sent again.
**After it.** A refusal is reported with Binance's code. No answer, a 5xx, −1006 or −1007 leaves the order UNKNOWN: nothing is reported
and nothing repeated; the exchange is asked for the client order id until it gives the order, or does not know it \`recv_window\` + \`grace\`
after the send, when it could no longer accept it. Then it is sent again if it is young enough (\`max_age\`, \`max_age_closing\`), else
reported rejected. −1008, −1015, 429, 418 and 503 "Service Unavailable" are proof that nothing was done; \`Retry-After\` is kept.
**Fills** come from the user stream, one report each. After a reconnect, when a fill is missing, and every \`sweep\`, open orders, conditional
orders and trades are read by REST and merged: each trade is reported once, in order of its id, the end of an order behind its last
fill, and the refusal of a cancel (−2011) behind the end. Orders that others placed (liquidation, deleveraging, by hand) are reported
under their own ids.
**Conditional orders** go to the Algo service; the order that one becomes is reported under the conditional order's id.
**Prices** off the price step are rounded: buys down, sells up. Quantities are sent as they are.
**Limits.** 300 orders in 10 s and 1,200 a minute, a tenth of them kept for orders that close; headers correct the counts.
**Fees** in another asset than the quote's (BNB) count as 0: switch that off on the account.`,
  reference: 'Binance USD-M futures: trade and user data stream documentation',
  config,
  ports,
  determinism: 'journaled',
  async open(c, env): Promise<Gateway<(typeof ports)['in']>> {
    const access = binanceAccess(env, 'usdm');
    const clock = live(env);
    const ms = (us: number): number => us / 1000;
    const ex = await createClient('usdm', access, {
      timeoutMs: ms(c.timeout),
      options: { recvWindow: ms(c.recv_window), adjustForTimeDifference: false },
    });
    const secrets = secretsOf(access);
    const limiter = new OrderLimiter(USDM_ORDERS, 2_400);
    const rest = new Rest(ex, limiter, secrets, Date.now);
    await ex.loadMarkets().catch((e: unknown) => {
      throw maskedError('CHM961', `gateway ${env.node} cannot learn the exchange's rules`, e, {
        node: env.node,
        help: 'check that the exchange (or the local venue) answers at the configured address',
        secrets,
      });
    });
    await rest.syncClock('fapiPublicGetTime');
    const log = IntentLog.open(join(folder(env), 'orders', env.node), Date.now);
    const api = new BinanceOrders(
      rest,
      'usdm',
      (symbol) => run.rules(symbol)!,
      ms(c.recv_window),
      () => {},
    );
    const run: GatewayRun = new GatewayRun({
      env,
      clock,
      market: 'usdm',
      ex,
      api,
      limiter,
      log,
      options: {
        acceptMs: ms(c.recv_window) + ms(c.grace),
        settleMs: ms(c.settle),
        riskAgeMs: ms(c.max_age),
        closeAgeMs: ms(c.max_age_closing),
        attempts: c.attempts,
      },
      sweepMs: ms(c.sweep),
      secrets,
      reader: (account) => new AccountReader(rest, account, 'USDT', () => run.symbols, Date.now),
      prepare: async (reader, symbols) => {
        if (c.leverage !== undefined) for (const s of symbols) await reader.configure(s, c.leverage, env.node);
      },
    });
    try {
      await new AccountReader(rest, run.account, 'USDT', () => [], Date.now).check(env.node);
    } catch (e) {
      await run.close();
      throw e;
    }
    return { reader: run, sink: run as unknown as Gateway<(typeof ports)['in']>['sink'] };
  },
});

function live(env: Env): NonNullable<Env['clock']> {
  if (env.clock) return env.clock;
  throw new ChimeraError('CHM931', `${env.node} needs the clock of a live run`, {
    node: env.node,
    help: 'use a profile with `live:`, or bind the venue to venue.usdm',
  });
}
function folder(env: Env): string {
  if (env.dir !== undefined) return env.dir;
  throw new ChimeraError('CHM960', `${env.node} needs a state folder`, {
    node: env.node,
    help: 'give the run a folder with --state',
  });
}
