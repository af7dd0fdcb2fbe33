"""W1, W2 and W3 in NautilusTrader: 1m bars from outside, 1 h or 15 m bars made by its own aggregation.

Conventions of its own: a market order fills at the last price, which is the close of the candle it was decided on (time: that
candle's end); stops and targets fill at their own price, or at the open beyond it; within a candle the price goes open, high, low, close
or open, low, high, close (adaptive: whichever extreme is nearer to the open comes first).
"""
from decimal import Decimal

from peer import Clock, answer, arguments, symbol

import pandas as pd
import pyarrow.parquet as pq
from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.config import LoggingConfig, RiskEngineConfig, StrategyConfig
from nautilus_trader.data.config import DataEngineConfig
from nautilus_trader.indicators import ExponentialMovingAverage
from nautilus_trader.model import BarType, Currency, InstrumentId, Money, Price, Quantity, Symbol, Venue
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.enums import AccountType, CurrencyType, OmsType, OrderSide, OrderType, TimeInForce
from nautilus_trader.model.instruments import CryptoPerpetual
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.trading.strategy import Strategy

a = arguments()
VENUE = Venue("SIM")
FILLS = []


def instrument(name):
    base = Currency(name.upper().replace("-", ""), 8, 0, name, CurrencyType.CRYPTO)
    return CryptoPerpetual(
        instrument_id=InstrumentId(Symbol(name), VENUE), raw_symbol=Symbol(name), base_currency=base, quote_currency=USDT,
        settlement_currency=USDT, is_inverse=False, price_precision=1, price_increment=Price.from_str("0.1"), size_precision=3,
        size_increment=Quantity.from_str("0.001"), margin_init=Decimal("0.05"), margin_maint=Decimal("0.025"),
        maker_fee=Decimal("0.0002"), taker_fee=Decimal("0.0005"), ts_event=0, ts_init=0)


class Config(StrategyConfig, frozen=True):
    instrument_id: InstrumentId
    minutes: BarType
    bars: BarType


class Recording(Strategy):
    def on_start(self):
        self.instrument = self.cache.instrument(self.config.instrument_id)
        self.subscribe_bars(self.config.bars)

    def on_order_filled(self, e):
        FILLS.append((e.ts_event // 1_000_000, e.instrument_id.symbol.value, "buy" if e.order_side == OrderSide.BUY else "sell",
                      float(e.last_px), float(e.last_qty)))


class EmaCross(Recording):
    def __init__(self, config):
        super().__init__(config)
        self.fast, self.slow, self.n, self.target = ExponentialMovingAverage(10), ExponentialMovingAverage(30), 0, 0

    def on_bar(self, bar):
        self.fast.handle_bar(bar)
        self.slow.handle_bar(bar)
        self.n += 1
        if self.n < 30:
            return
        d = self.fast.value - self.slow.value
        if d > 0 and self.target != 1:
            self.go(OrderSide.BUY, 1)
        elif d < 0 and self.target != -1:
            self.go(OrderSide.SELL, -1)

    def go(self, side, target):
        qty = Quantity.from_str("0.100" if self.target == 0 else "0.200")
        self.target = target
        self.submit_order(self.order_factory.market(self.config.instrument_id, side, qty, TimeInForce.GTC))


class Wilder:
    def __init__(self, n):
        self.n, self.seen, self.sum, self.value = n, 0, 0.0, None

    def add(self, x):
        self.seen += 1
        if self.seen <= self.n:
            self.sum += x
            if self.seen == self.n:
                self.value = self.sum / self.n
        else:
            self.value = (self.value * (self.n - 1) + x) / self.n


class Bracket(Recording):
    def __init__(self, config):
        super().__init__(config)
        self.ema20, self.ema50 = ExponentialMovingAverage(20), ExponentialMovingAverage(50)
        self.up, self.down, self.range, self.closes = Wilder(14), Wilder(14), Wilder(14), []
        self.entry, self.exits = None, []

    def on_bar(self, bar):
        self.ema20.handle_bar(bar)
        self.ema50.handle_bar(bar)
        close = bar.close.as_double()
        if self.closes:
            before = self.closes[-1]
            self.up.add(max(close - before, 0))
            self.down.add(max(before - close, 0))
            self.range.add(max(bar.high.as_double(), before) - min(bar.low.as_double(), before))
        self.closes.append(close)
        del self.closes[:-20]
        if len(self.closes) < 20 or self.entry:
            return
        rsi = 100 - 100 / (1 + self.up.value / self.down.value)
        if self.ema20.value > self.ema50.value and rsi < 70 and close > sum(self.closes) / 20:
            self.atr = self.range.value
            self.entry = self.order_factory.market(self.config.instrument_id, OrderSide.BUY, Quantity.from_str("0.100"))
            self.submit_order(self.entry)

    def on_order_filled(self, e):
        super().on_order_filled(e)
        if self.entry and e.client_order_id == self.entry.client_order_id:
            px, qty = e.last_px.as_double(), e.last_qty
            make = self.instrument.make_price
            self.exits = [
                self.order_factory.stop_market(self.config.instrument_id, OrderSide.SELL, qty, make(px - 2 * self.atr), reduce_only=True),
                self.order_factory.limit(self.config.instrument_id, OrderSide.SELL, qty, make(px + 3 * self.atr), reduce_only=True),
            ]
            for o in self.exits:
                self.submit_order(o)
        else:
            for o in self.exits:
                if o.is_open and o.client_order_id != e.client_order_id:
                    self.cancel_order(o)
            self.entry, self.exits = None, []


clock = Clock()
engine = BacktestEngine(BacktestEngineConfig(
    logging=LoggingConfig(bypass_logging=True), run_analysis=False, risk_engine=RiskEngineConfig(bypass=True),
    # The bar of an hour is made after the minute that ends with it.
    data_engine=DataEngineConfig(time_bars_build_with_no_updates=False, time_bars_build_delay=1)))
engine.add_venue(VENUE, OmsType.NETTING, AccountType.MARGIN, [Money(100_000 * len(a.input), USDT)], default_leverage=Decimal(20),
                 bar_execution=True, bar_adaptive_high_low_ordering=True)
rows = 0
for path in a.input:
    t = pq.read_table(path)
    i = instrument(symbol(path))
    engine.add_instrument(i)
    minutes = BarType.from_str(f"{i.id}-1-MINUTE-LAST-EXTERNAL")
    width = "15-MINUTE" if a.workload == "w2" else "1-HOUR"
    bars = BarType.from_str(f"{i.id}-{width}-LAST-INTERNAL@1-MINUTE-EXTERNAL")
    # The time of a bar is its end.
    df = pd.DataFrame({n: t.column(n).to_numpy() for n in ("open", "high", "low", "close", "volume")},
                      index=pd.to_datetime(t.column("open_time_ms").to_numpy() + 60_000, unit="ms", utc=True))
    engine.add_data(BarDataWrangler(minutes, i).process(df), sort=path == a.input[-1])
    rows += len(df)
    config = Config(instrument_id=i.id, minutes=minutes, bars=bars, strategy_id=f"S-{symbol(path)}", order_id_tag=symbol(path))
    engine.add_strategy((Bracket if a.workload == "w2" else EmaCross)(config))
    del t, df
engine.run()
clock.stop()
answer("nautilus-trader", clock, rows, FILLS, a.fills)
engine.dispose()
