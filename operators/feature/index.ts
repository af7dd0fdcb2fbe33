import type { AnyNode } from '../../graph/node.ts';
import { adx } from './adx.ts';
import { atr } from './atr.ts';
import { basis } from './basis.ts';
import { bollinger } from './bollinger.ts';
import { bookImbalance } from './book-imbalance.ts';
import { broadcast } from './broadcast.ts';
import { candlestick } from './candlestick.ts';
import { correlation } from './correlation.ts';
import { depthBp } from './depth-bp.ts';
import { donchian } from './donchian.ts';
import { elliott } from './elliott.ts';
import { ema } from './ema.ts';
import { feedDelay } from './feed-delay.ts';
import { funding } from './funding.ts';
import { join } from './join.ts';
import { macd } from './macd.ts';
import { makerTakerRatio } from './maker-taker-ratio.ts';
import { microprice } from './microprice.ts';
import { mid } from './mid.ts';
import { momentum } from './momentum.ts';
import { realisedVolatility } from './realised-volatility.ts';
import { regime } from './regime.ts';
import { rho } from './rho.ts';
import { rsi } from './rsi.ts';
import { scale } from './scale.ts';
import { slippage } from './slippage.ts';
import { sma } from './sma.ts';
import { spreadBp } from './spread-bp.ts';
import { standardise } from './standardise.ts';
import { stochastic } from './stochastic.ts';
import { timeframeConsistency } from './timeframe-consistency.ts';
import { topImbalance } from './top-imbalance.ts';
import { tradeImbalance } from './trade-imbalance.ts';
import { tradeSpeed } from './trade-speed.ts';
import { volatility } from './volatility.ts';
import { volumeMomentum } from './volume-momentum.ts';
import { vwap } from './vwap.ts';

/** Node types that compute features: of closes and bars, of the book, of trades, of the mark price, and of other features. */
export const featureNodes: readonly AnyNode[] = [
  ema,
  sma,
  rsi,
  atr,
  realisedVolatility,
  volatility,
  bollinger,
  macd,
  momentum,
  donchian,
  stochastic,
  adx,
  vwap,
  volumeMomentum,
  candlestick,
  regime,
  rho,
  correlation,
  timeframeConsistency,
  elliott,
  spreadBp,
  mid,
  microprice,
  topImbalance,
  bookImbalance,
  depthBp,
  slippage,
  tradeImbalance,
  tradeSpeed,
  makerTakerRatio,
  funding,
  basis,
  feedDelay,
  standardise,
  scale,
  broadcast,
  join,
];
