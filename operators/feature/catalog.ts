/**
 * What each feature says something about, and how a model should see it.
 * - dimension: `market` (state and risk of the market), `signal` (where an entry may come from), `health` (of our own feed).
 * - standardise: `none` (bounded or already relative), `rolling` (put `feature.standardise` behind it), `log` (positive and
 *   skewed: take the logarithm in the model, then as `rolling`), `label` (a class, not a quantity).
 */
export interface FeatureNote {
  readonly dimension: 'market' | 'signal' | 'health';
  readonly standardise: 'none' | 'rolling' | 'log' | 'label';
}

const note = (dimension: FeatureNote['dimension'], standardise: FeatureNote['standardise']): FeatureNote => ({
  dimension,
  standardise,
});

/** By node type. Helpers that only transform or pass on (standardise, scale, broadcast, join) are no features. Units stand in the ports' schemas. */
export const FEATURE_NOTES: Readonly<Record<string, FeatureNote>> = {
  'feature.ema': note('signal', 'rolling'),
  'feature.sma': note('signal', 'rolling'),
  'feature.rsi': note('signal', 'none'),
  'feature.atr': note('market', 'log'),
  'feature.realised_volatility': note('market', 'log'),
  'feature.volatility': note('market', 'log'),
  'feature.bollinger': note('signal', 'none'),
  'feature.macd': note('signal', 'rolling'),
  'feature.momentum': note('signal', 'rolling'),
  'feature.donchian': note('signal', 'rolling'),
  'feature.stochastic': note('signal', 'none'),
  'feature.adx': note('signal', 'none'),
  'feature.vwap': note('signal', 'rolling'),
  'feature.volume_momentum': note('signal', 'rolling'),
  'feature.candlestick': note('signal', 'label'),
  'feature.regime': note('market', 'label'),
  'feature.rho': note('market', 'rolling'),
  'feature.correlation': note('market', 'none'),
  'feature.timeframe_consistency': note('signal', 'none'),
  'feature.elliott': note('signal', 'none'),
  'feature.spread_bp': note('market', 'log'),
  'feature.mid': note('market', 'rolling'),
  'feature.microprice': note('signal', 'rolling'),
  'feature.top_imbalance': note('signal', 'none'),
  'feature.book_imbalance': note('signal', 'none'),
  'feature.depth_bp': note('market', 'log'),
  'feature.slippage': note('market', 'log'),
  'feature.trade_imbalance': note('signal', 'none'),
  'feature.trade_speed': note('market', 'log'),
  'feature.maker_taker_ratio': note('signal', 'log'),
  'feature.funding': note('market', 'rolling'),
  'feature.basis': note('market', 'rolling'),
  'feature.feed_delay': note('health', 'rolling'),
};
