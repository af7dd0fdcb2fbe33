import type { CodeTable } from '../../graph/schema/index.ts';

/** Codes of the silver node types: cleaning, bars, books. */
export const CODES = {
  CHM850: {
    title: 'an exact sum left the range of exact integers',
    text: 'A volume, a quote amount or a sum of quantities of one bar or book passed ±2^53, beyond which doubles no longer hold every integer. Nothing was rounded: the input is refused. Use a smaller bar, or give the instrument fewer decimals at import.',
  },
  CHM851: {
    title: 'bar threshold cannot be used with this instrument',
    text: 'A volume or dollar threshold is not a positive decimal number, or it is beyond 2^53 when counted in the smallest units of the instrument. Write it as a plain decimal in base units (volume bars) or quote units (dollar bars).',
  },
  CHM852: {
    title: 'bar width is not a whole number of milliseconds',
    text: "Trades carry the exchange's time in milliseconds, so bars cannot be cut finer. Use a width of 1ms or a multiple of it; candles can only be joined to whole multiples of their own interval.",
  },
  CHM853: {
    title: 'grace without a timer',
    text: 'A grace lets late trades still enter a closed bar until engine time reaches its end plus the grace. It has no meaning when a bar is written at the first trade of a later one: use `close: timer`, or leave the grace out.',
  },
} as const satisfies CodeTable;
