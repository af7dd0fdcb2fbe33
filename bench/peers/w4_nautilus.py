"""W4 in NautilusTrader, on the first rows of the file: quote and trade ticks through its own matching. usage: w4_nautilus.py INPUT --rows N [--fills FILE]

A post-only limit order good for five seconds (GTD), a market order out. Its conventions stand in w4_conventions.py.
"""
import argparse
from datetime import timedelta
from decimal import Decimal

from peer import Clock, answer, symbol

import pandas as pd
import pyarrow.parquet as pq
from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.config import LoggingConfig, RiskEngineConfig, StrategyConfig
from nautilus_trader.model import Currency, InstrumentId, Money, Price, Quantity, Symbol, Venue
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.enums import AccountType, CurrencyType, OmsType, OrderSide, TimeInForce
from nautilus_trader.model.instruments import CryptoPerpetual
from nautilus_trader.persistence.wranglers import QuoteTickDataWrangler, TradeTickDataWrangler
from nautilus_trader.trading.strategy import Strategy

p = argparse.ArgumentParser()
p.add_argument("input")
p.add_argument("--rows", type=int, default=100_000)
p.add_argument("--fills")
a = p.parse_args()

VENUE = Venue("SIM")
FILLS = []
NAME = symbol(a.input)
INSTRUMENT = CryptoPerpetual(
    instrument_id=InstrumentId(Symbol(NAME), VENUE), raw_symbol=Symbol(NAME), base_currency=Currency(NAME.upper(), 8, 0, NAME, CurrencyType.CRYPTO),
    quote_currency=USDT, settlement_currency=USDT, is_inverse=False, price_precision=1, price_increment=Price.from_str("0.1"), size_precision=3,
    size_increment=Quantity.from_str("0.001"), margin_init=Decimal("0.05"), margin_maint=Decimal("0.025"),
    maker_fee=Decimal("0.0002"), taker_fee=Decimal("0.0005"), ts_event=0, ts_init=0)


class Config(StrategyConfig, frozen=True):
    instrument_id: InstrumentId


class Imbalance(Strategy):
    def on_start(self):
        self.qty, self.held, self.open, self.selling = Quantity.from_str("0.010"), 0, False, False
        self.subscribe_quote_ticks(self.config.instrument_id)
        self.subscribe_trade_ticks(self.config.instrument_id)

    def on_quote_tick(self, tick):
        bid, ask = tick.bid_size.as_double(), tick.ask_size.as_double()
        imbalance = (bid - ask) / (bid + ask)
        if self.held and not self.open:
            if imbalance < 0 and not self.selling:
                self.selling = True
                self.submit_order(self.order_factory.market(self.config.instrument_id, OrderSide.SELL, Quantity(self.held / 1000, 3)))
        elif not self.open and imbalance > 0.6:
            self.open = True
            self.submit_order(self.order_factory.limit(
                self.config.instrument_id, OrderSide.BUY, self.qty, tick.bid_price, TimeInForce.GTD,
                expire_time=self.clock.utc_now() + timedelta(seconds=5), post_only=True))

    def on_order_filled(self, e):
        buy = e.order_side == OrderSide.BUY
        FILLS.append((e.ts_event // 1_000_000, NAME, "buy" if buy else "sell", float(e.last_px), float(e.last_qty)))
        # In lots, as a tick may fill a part: sold when the buy is done, filled or expired.
        self.held += round(float(e.last_qty) * 1000) * (1 if buy else -1)
        if self.cache.order(e.client_order_id).is_closed:
            self.open = self.selling = False

    def on_order_expired(self, e):
        self.open = False

    def on_order_rejected(self, e):
        self.open = False


clock = Clock()
t = next(pq.ParquetFile(a.input).iter_batches(a.rows)).to_pandas()
t.index = pd.to_datetime(t.pop("ts_us"), unit="us", utc=True)
quotes, trades = t[~t.is_trade], t[t.is_trade]
quotes = pd.DataFrame({"bid_price": quotes.bid, "ask_price": quotes.ask, "bid_size": quotes.bid_qty, "ask_size": quotes.ask_qty})
trades = pd.DataFrame({"price": trades.price, "quantity": trades.qty, "buyer_maker": ~trades.is_buy, "trade_id": [str(i) for i in range(len(trades))]})
engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), run_analysis=False, risk_engine=RiskEngineConfig(bypass=True)))
engine.add_venue(VENUE, OmsType.NETTING, AccountType.MARGIN, [Money(100_000, USDT)], default_leverage=Decimal(20), trade_execution=True)
engine.add_instrument(INSTRUMENT)
engine.add_data(QuoteTickDataWrangler(INSTRUMENT).process(quotes), sort=False)
engine.add_data(TradeTickDataWrangler(INSTRUMENT).process(trades), sort=True)
engine.add_strategy(Imbalance(Config(instrument_id=INSTRUMENT.id)))
engine.run()
clock.stop()
answer("nautilus-trader", clock, len(t), FILLS, a.fills)
engine.dispose()
