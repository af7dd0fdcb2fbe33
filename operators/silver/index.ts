import type { AnyNode } from '../../graph/node.ts';
import { best } from './best.ts';
import { bookCheck } from './book-check.ts';
import { candleBars } from './candle-bars.ts';
import { dollarBars } from './dollar-bars.ts';
import { klineCheck } from './kline-check.ts';
import { orderBook } from './order-book.ts';
import { tickBars } from './tick-bars.ts';
import { timeBars } from './time-bars.ts';
import { trades } from './trades.ts';
import { volumeBars } from './volume-bars.ts';

/** Node types that clean and align the market's data, and cut it into bars. */
export const silverNodes: readonly AnyNode[] = [
  orderBook,
  bookCheck,
  trades,
  best,
  timeBars,
  tickBars,
  volumeBars,
  dollarBars,
  candleBars,
  klineCheck,
];
