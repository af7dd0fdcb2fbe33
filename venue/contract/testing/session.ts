import { readFileSync } from 'node:fs';
import type ccxt from 'ccxt';
import type { MarketInterface } from 'ccxt';
import { createClient } from '../../../sources/binance/client.ts';
import { type RunningVenue, startVenue, type VenueOptions } from '../../server/index.ts';
import { Contract } from './contract.ts';

/** ccxt as it is published; `spot` has the same methods. */
export type Client = InstanceType<typeof ccxt.pro.binanceusdm>;
export type MarketName = 'usdm' | 'spot';

/** Start-up line of a venue: what a client must know. */
interface Address {
  readonly rest: string;
  readonly ws: string;
}
export interface Access {
  readonly usdm: Address;
  readonly spot: Address;
  readonly api_key: string;
  readonly secret: string;
}

/** One market of a venue, a client of it, and what is stated of it. */
export interface Session {
  readonly name: MarketName;
  readonly client: Client;
  readonly contract: Contract;
  readonly access: Access;
  /** Where it trades. */
  readonly market: MarketInterface;
  readonly symbol: string;
  /** A second one, for what takes several. */
  readonly other: string;
  /** Whether the venue is ours alone: nobody minds a flood of requests. */
  readonly own: boolean;
  /** A further client of the same market, closed with the session. */
  connect(change?: Partial<Access>, options?: Readonly<Record<string, unknown>>): Promise<Client>;
  close(): Promise<void>;
}

/**
 * Starts a venue, or takes the one whose start-up line is in the file `readyFile`.
 * Limits are the exchange's own: whatever the statements cost must fit into them.
 */
export async function openSession(
  name: MarketName,
  readyFile: string | undefined,
  options: VenueOptions = { seed: 7, rate: 20 },
): Promise<Session> {
  let venue: RunningVenue | undefined;
  let access: Access;
  if (readyFile === undefined) {
    venue = await startVenue(options);
    access = venue.ready;
  } else access = JSON.parse(readFileSync(readyFile, 'utf8').split('\n')[0]!) as Access;
  const clients: Client[] = [];
  const connect: Session['connect'] = async (change = {}, options = {}) => {
    const { usdm, spot, api_key, secret } = { ...access, ...change };
    const client = await createClient(name, { kind: 'local', usdm, spot, apiKey: api_key, secret }, { options });
    clients.push(client);
    return client;
  };
  const client = await connect();
  await client.loadMarkets();
  const settle = name === 'usdm' ? ':USDT' : '';
  const symbol = `BTC/USDT${settle}`;
  return {
    name,
    client,
    contract: new Contract(),
    access,
    market: client.market(symbol) as MarketInterface,
    symbol,
    other: `ETH/USDT${settle}`,
    own: venue !== undefined,
    connect,
    async close() {
      await Promise.all(clients.map((c) => c.close()));
      await venue?.close();
    },
  };
}
