import { join } from 'node:path';
import { z } from 'zod';
import { duration } from '../../graph/document/duration.ts';
import { type CommandSink, type Env, type InPorts, input, output } from '../../graph/node.ts';
import {
  AccountUpdate,
  BookLadder,
  ChimeraError,
  type KeyInfo,
  type LiveReader,
  MARKET_PORTS,
  OrderReport,
  record,
  TopOfBook,
  VenuePosition,
} from '../../graph/schema/index.ts';
import { binanceAccess, type MarketName, secretsOf } from '../../sources/binance/access.ts';
import { createClient } from '../../sources/binance/client.ts';
import { maskedError } from '../../sources/binance/redact.ts';
import type { AccountOut } from './gateway-account.ts';
import { type AccountParts, GatewayRun } from './gateway-run.ts';
import { IntentLog } from './intent-log.ts';
import { BinanceOrders, type Closing } from './order-api.ts';
import { OrderLimiter, type Window } from './order-limiter.ts';
import type { TradeRules } from './order-params.ts';
import type { LedgerOrder } from './order-state.ts';
import { Rest } from './rest.ts';

/** What the gateways of both markets have in common. */

/** Options of both. */
export const orderOptions = {
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
};
const shape = z.strictObject(orderOptions);

const Funding = record('gateway_funding', 1, { rate: MARKET_PORTS.funding_rate.fields.rate });
/** In-ports that a simulated venue needs and an exchange does not: a pipeline is bound to either. */
export const unused = {
  ladder: input(BookLadder, { key: 'any', optional: true, passive: true, doc: 'not used' }),
  best: input(TopOfBook, { key: 'any', optional: true, passive: true, doc: 'not used' }),
  funding: input(Funding, { key: 'any', optional: true, passive: true, doc: 'not used' }),
};
export const gatewayOut = {
  report: output(OrderReport, { doc: 'one record per execution event of an order' }),
  account: output(AccountUpdate, { doc: 'one record per trade and per other change of wallet or position' }),
  position: output(VenuePosition, { doc: 'at each change, and at each mark price while open' }),
};

/** What differs between the markets. */
export interface MarketParts {
  readonly market: MarketName;
  readonly windows: readonly Window[];
  /** Request weight a minute. */
  readonly weight: number;
  /** The one asset that instruments are quoted in; absent = any. */
  readonly quote?: string;
  /** @param rules of an instrument that is traded */
  readonly account: (
    rest: Rest,
    symbols: () => readonly string[],
    rules: (symbol: string) => TradeRules | undefined,
  ) => (find: (symbol: string) => KeyInfo | undefined, out: AccountOut) => AccountParts;
  /** @throws when the account cannot be used */
  readonly check: (rest: Rest) => Promise<void>;
  readonly prepare: (symbols: readonly string[]) => Promise<void>;
  /** Where closing is the gateway's business. */
  readonly closing?: (o: LedgerOrder, run: GatewayRun) => Closing;
}

/** @throws CHM930 – CHM932, CHM960 – CHM962, CHM968 */
export async function openGateway(
  c: z.output<typeof shape>,
  env: Env,
  m: MarketParts,
): Promise<{ reader: LiveReader; sink: CommandSink<InPorts> }> {
  const { market, closing } = m;
  const access = binanceAccess(env, market);
  const clock = live(env, market);
  const ms = (us: number): number => us / 1000;
  const ex = await createClient(market, access, {
    timeoutMs: ms(c.timeout),
    options: {
      recvWindow: ms(c.recv_window),
      adjustForTimeDifference: false,
      // ccxt would load a snapshot in the background, and nobody hears when that fails; ours is read by REST.
      watchPositions: { fetchPositionsSnapshot: false, awaitPositionsSnapshot: false },
    },
  });
  const secrets = secretsOf(access);
  const limiter = new OrderLimiter(m.windows, m.weight);
  const rest = new Rest(ex, limiter, secrets, Date.now);
  await ex.loadMarkets().catch((e: unknown) => {
    throw maskedError('CHM961', `gateway ${env.node} cannot learn the exchange's rules`, e, {
      node: env.node,
      help: 'check that the exchange (or the local venue) answers at the configured address',
      secrets,
    });
  });
  const api = new BinanceOrders(
    rest,
    market,
    (symbol) => run.rules(symbol)!,
    ms(c.recv_window),
    () => {},
    closing && ((o) => closing(o, run)),
  );
  await rest.syncClock(api.timeMethod);
  const log = IntentLog.open(join(folder(env), 'orders', env.node), Date.now);
  const run: GatewayRun = new GatewayRun({
    env,
    clock,
    market,
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
      algo: market === 'usdm',
    },
    sweepMs: ms(c.sweep),
    secrets,
    account: m.account(
      rest,
      () => run.symbols,
      (symbol) => run.rules(symbol),
    ),
    prepare: m.prepare,
    ...(m.quote === undefined ? {} : { quote: m.quote }),
  });
  try {
    await m.check(rest);
  } catch (e) {
    await run.close();
    throw e;
  }
  return { reader: run, sink: run };
}

function live(env: Env, market: MarketName): NonNullable<Env['clock']> {
  if (env.clock) return env.clock;
  throw new ChimeraError('CHM931', `${env.node} needs the clock of a live run`, {
    node: env.node,
    help: `use a profile with \`live:\`${market === 'usdm' ? ', or bind the venue to venue.usdm' : ''}`,
  });
}
function folder(env: Env): string {
  if (env.dir !== undefined) return env.dir;
  throw new ChimeraError('CHM960', `${env.node} needs a state folder`, {
    node: env.node,
    help: 'give the run a folder with --state',
  });
}
