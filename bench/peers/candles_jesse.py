"""W1, W2 and W3 in Jesse, as a library (`jesse.research.backtest`), without its database. Modes: fast, step.

Conventions of its own: a market order fills at the close of the candle it was decided on (time: that candle's end); stops and
targets lie in the book from the entry on, and which of two in one candle comes first follows from the candle's colour.
"""
import os, tempfile

from peer import Clock, answer, arguments, symbol

a = arguments()
a.input, a.fills = [os.path.abspath(p) for p in a.input], a.fills and os.path.abspath(a.fills)
scratch = tempfile.TemporaryDirectory()
os.chdir(scratch.name)  # not a Jesse project: no database, no coordinator
import numpy as np
import pyarrow.parquet as pq
from jesse import research
from jesse.strategies import Strategy

FILLS = []
NAMES = {}
QTY = 0.1


class Recording(Strategy):
    """Writes down every executed order, as the engine tells it."""

    def _on_updated_position(self, order):
        FILLS.append((self.time, NAMES[self.symbol], order.side, float(order.price), abs(order.filled_qty or order.qty)))
        super()._on_updated_position(order)


class EmaCross(Recording):
    def before(self):
        close = self.close
        if self.index == 0:
            self.fast = self.slow = close
        else:
            self.fast += 2 / 11 * (close - self.fast)
            self.slow += 2 / 31 * (close - self.slow)

    def should_long(self):
        return self.index >= 29 and self.fast > self.slow

    def should_short(self):
        return self.index >= 29 and self.fast < self.slow

    def go_long(self):
        self.buy = QTY, self.price

    def go_short(self):
        self.sell = QTY, self.price

    def update_position(self):
        if (self.fast < self.slow) if self.is_long else (self.fast > self.slow):
            self.liquidate()

    def should_cancel_entry(self):
        return False


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
    def before(self):
        _, _, close, high, low, _ = self.current_candle
        if self.index == 0:
            self.ema20 = self.ema50 = close
            self.up, self.down, self.range, self.closes = Wilder(14), Wilder(14), Wilder(14), []
        else:
            before = self.closes[-1]
            self.ema20 += 2 / 21 * (close - self.ema20)
            self.ema50 += 2 / 51 * (close - self.ema50)
            self.up.add(max(close - before, 0))
            self.down.add(max(before - close, 0))
            self.range.add(max(high, before) - min(low, before))
        self.closes.append(close)
        del self.closes[:-20]

    def should_long(self):
        if len(self.closes) < 20:
            return False
        rsi = 100 - 100 / (1 + self.up.value / self.down.value)
        return self.ema20 > self.ema50 and rsi < 70 and self.closes[-1] > sum(self.closes) / 20

    def go_long(self):
        self.atr = self.range.value
        self.buy = QTY, self.price

    def on_open_position(self, order):
        entry = self.position.entry_price
        self.stop_loss = QTY, entry - 2 * self.atr
        self.take_profit = QTY, entry + 3 * self.atr

    def should_short(self):
        return False

    def go_short(self):
        pass

    def should_cancel_entry(self):
        return False


strategy, timeframe = (Bracket, "15m") if a.workload == "w2" else (EmaCross, "1h")
clock = Clock()
candles, rows = {}, 0
for path in a.input:
    t = pq.read_table(path)
    c = np.column_stack([t.column(n).to_numpy() for n in ("open_time_ms", "open", "close", "high", "low", "volume")]).astype(np.float64)
    # A symbol of Jesse has one dash.
    name = symbol(path).replace("-", "") + "-USDT"
    NAMES[name] = symbol(path)
    candles[f"Binance-{name}"] = {"exchange": "Binance", "symbol": name, "candles": c}
    rows += len(c)
    del t
config = {"starting_balance": 100_000 * len(a.input), "fee": 0.0005, "type": "futures", "futures_leverage": 20, "futures_leverage_mode": "cross",
          "exchange": "Binance", "warm_up_candles": 0}
routes = [{"exchange": "Binance", "strategy": strategy, "symbol": c["symbol"], "timeframe": timeframe} for c in candles.values()]
# The closing order that Jesse sends at the end of the data is none of the strategy's.
end = {}
strategy.before_terminate = lambda self: end.setdefault("n", len(FILLS))
result = research.backtest(config, routes, [], candles, fast_mode=a.mode != "step")
clock.stop()
answer("jesse", clock, rows, FILLS[: end.get("n")], a.fills, net_profit=result["metrics"].get("net_profit"))
