import type { CodeTable } from '../../graph/schema/index.ts';

/** Codes of the connection to Binance: CHM930–934 end a start, CHM935–944 are faults of a running stream (counted). */
export const CODES = {
  CHM930: {
    title: 'no access to Binance',
    text: 'A node that connects to Binance was opened without an address, or with one that is incomplete. Profiles hand the access over under the name `binance`: its kind (local, testnet, live), the REST origin and websocket base of each market, and keys where orders or the account are meant.',
  },
  CHM931: {
    title: 'no live clock',
    text: 'What comes from an exchange is stamped with its arrival time by the clock of a live run. The node was opened by a run that has none; use a profile with a live engine clock, or read recorded inputs with source.market.',
  },
  CHM932: {
    title: 'the exchange cannot be asked for its rules',
    text: 'At the start the instruments’ decimals are taken from exchangeInfo. That request failed; the message says why, without addresses’ parameters and keys. Check the address, the network and the keys.',
  },
  CHM933: {
    title: 'unknown instrument',
    text: 'A configured symbol is not listed on that market of the exchange. The nearest listed symbol is suggested where there is one.',
  },
  CHM934: {
    title: 'a stream that the market does not have',
    text: 'Mark prices, funding rates and liquidations exist on USD-M only; candles of archives, metrics and depth bands are no live streams.',
  },
  CHM935: {
    title: 'the ring is full',
    text: 'Rows arrived faster than the run took them, and the bounded ring had no room. The rows are lost to the run, counted by stream, and told as one dead letter; books are resynchronised with a new snapshot and trades are asked for again by id once there is room.',
  },
  CHM936: {
    title: 'a frame was refused',
    text: 'A message of the exchange is no valid event (the message gives the reason and its own code). It is kept as a dead letter and counted.',
  },
  CHM937: {
    title: 'trades could not be fetched again',
    text: 'Trade ids are missing and REST did not give them within the time allowed (`backfill_wait_ms`): the trades behind the hole were released without them. On USD-M trades outside the market (insurance fund, auto-deleveraging) never come by REST, so a hole of a few ids can be one of those.',
  },
  CHM938: {
    title: 'the book could not be resynchronised',
    text: 'A depth snapshot could not be had, or each one was older than the diffs that were kept. It is asked for again with growing delay; until then the book of the instrument stays in resync.',
  },
  CHM939: {
    title: 'a connection was lost',
    text: 'The exchange closed a websocket, refused it, or was silent for longer than allowed. It is opened again with growing delay; trades are asked for by id and books by snapshot.',
  },
  CHM940: {
    title: 'a subscription was refused',
    text: 'The exchange answered a subscription with an error. It is tried again with growing delay; if it stays refused, the symbol or the stream does not exist there any more.',
  },
  CHM941: {
    title: 'ids began again',
    text: 'The ids of a stream fell far below those already seen and went on from there: the exchange was reset. What comes is taken as a new sequence.',
  },
  CHM942: {
    title: 'a REST request failed',
    text: 'A request for market data (time, funding rates) was answered with an error. It is asked again later.',
  },
  CHM943: {
    title: 'amounts finer than the rules',
    text: 'The exchange sent a price or quantity with more decimals than the instrument’s present tick or step: orders from before a change of the rules still rest in the book. Quantities and prices of trades are rounded to the instrument’s decimals (never to zero); book levels at such a price are left out. Each is counted, the first of an instrument is kept as a dead letter.',
  },
} as const satisfies CodeTable;

export type FaultCode = keyof typeof CODES;
