import type { AccountUpdate, Values, VenuePosition } from '../../graph/schema/index.ts';
import type { UserEvent } from '../../sources/binance/user/user-event.ts';
import type { Holding } from './intent-log.ts';
import type { Report, TradeOf } from './order-state.ts';

export type AccountRow = Values<typeof AccountUpdate>;
export type PositionRecord = Values<typeof VenuePosition>;
export interface AccountOut {
  account(key: number, values: AccountRow): void;
  position(key: number, values: PositionRecord): void;
}

/** The account of one market, as the gateway keeps it. */
export interface GatewayAccount {
  /** A report is about to be told. @returns it, with what this market's reports do not say themselves */
  reported(key: number, r: Report, trade: TradeOf | undefined): Report;
  /** Behind the report of a trade. */
  traded(key: number, r: Report): void;
  /**
   * An event that may be about money, heard at `nowMs`.
   * @returns `other`: it is not; `asks`: it leaves open whose the money was, which must be read
   */
  heard(e: UserEvent, nowMs: number): 'other' | 'taken' | 'asks';
  /** Tells what no trade came for. */
  flush(nowMs: number): void;
  /** A mark price × 10^8. */
  mark(key: number, px: number, timeMs: number): void;
  /** What must survive the process together with the trades that led to it; undefined: nothing. */
  holding(key: number): Holding | undefined;
  restore(symbol: string, holding: Holding): void;
}
/** Reads the account by REST. */
export interface GatewayReader {
  /** @returns false: no answer, and nothing is assumed */
  read(): Promise<boolean>;
  /** Payments that the stream does not name. */
  funding(): Promise<void>;
}
