"""W1 and W2 in backtesting.py (it has no several symbols: no W3).

Market orders fill at the next candle's open, as in the definition. The price of 0.1 is one unit (`FractionalBacktest`).
Convention of its own: of a stop and a target that one candle reaches, the one it comes to first in its list of orders (the stop).
"""
import warnings

from peer import Clock, answer, arguments, symbol

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from backtesting import Strategy
from backtesting.lib import FractionalBacktest

warnings.filterwarnings("ignore")
a = arguments()
UNIT = 0.1


def bars(df, width):
    return df.resample(width).agg({"High": "max", "Low": "min", "Close": "last"})


def known(series, df, width):
    """A value of bars at the minutes from whose close on it is known."""
    s = series.copy()
    s.index = s.index + pd.Timedelta(width) - pd.Timedelta("1min")
    return s.reindex(df.index).ffill().to_numpy()


def ema(close, n):
    return close.ewm(alpha=2 / (n + 1), adjust=False).mean()


class EmaCross(Strategy):
    def init(self):
        close = bars(self.data.df, "1h")["Close"]
        signal = np.sign(ema(close, 10) - ema(close, 30))
        signal.iloc[:29] = 0
        self.signal = self.I(known, signal, self.data.df, "1h", plot=False)

    def next(self):
        s = self.signal[-1]
        if s > 0 and not self.position.is_long:
            self.buy(size=2 if self.position else 1)
        elif s < 0 and not self.position.is_short:
            self.sell(size=2 if self.position else 1)


def wilder(x, n):
    """Mean of the first n, then (old * (n - 1) + new) / n."""
    v = x.to_numpy()[1:]
    out = np.full(len(x), np.nan)
    if len(v) >= n:
        m = v[:n].mean()
        out[n] = m
        for i in range(n, len(v)):
            m = (m * (n - 1) + v[i]) / n
            out[i + 1] = m
    return pd.Series(out, x.index)


class Bracket(Strategy):
    def init(self):
        df = self.data.df
        b = bars(df, "15min")
        close, before = b["Close"], b["Close"].shift()
        change = close - before
        up, down = wilder(change.clip(lower=0), 14), wilder((-change).clip(lower=0), 14)
        rsi = 100 - 100 / (1 + up / down)
        tr = np.maximum(b["High"], before) - np.minimum(b["Low"], before)
        middle = close.rolling(20).mean()
        enter = (ema(close, 20) > ema(close, 50)) & (rsi < 70) & (close > middle)
        at_close = np.zeros(len(df), bool)
        at_close[14::15] = True
        self.enter = self.I(lambda: np.where(at_close, known(enter.astype(float), df, "15min"), 0), plot=False)
        self.atr = self.I(known, wilder(tr, 14), df, "15min", plot=False)

    def next(self):
        for t in self.trades:
            if t.sl is None:
                t.sl = t.entry_price - 2 * t.tag
                t.tp = t.entry_price + 3 * t.tag
        if self.enter[-1] and not self.position and not self.orders:
            self.buy(size=1, tag=self.atr[-1])


class BracketAtClose(Bracket):
    """Stop and target go in with the order, measured from the close before the entry: from the entry candle on."""

    def next(self):
        if self.enter[-1] and not self.position and not self.orders:
            close = self.data.Close[-1]
            self.buy(size=1, sl=close - 2 * self.atr[-1], tp=close + 3 * self.atr[-1])


clock = Clock()
t = pq.read_table(a.input[0])
df = pd.DataFrame({n.capitalize(): t.column(n).to_numpy() for n in ("open", "high", "low", "close", "volume")},
                  index=pd.to_datetime(t.column("open_time_ms").to_numpy(), unit="ms"))
strategy = EmaCross if a.workload == "w1" else BracketAtClose
bt = FractionalBacktest(df, strategy, fractional_unit=UNIT, cash=100_000, margin=1 / 20, commission=0.0005, finalize_trades=False)
stats = bt.run()
clock.stop()

times = t.column("open_time_ms").to_numpy()
key = symbol(a.input[0])
merged = {}
def add(bar, side, price, size):
    k = (int(times[bar]), side, round(price, 9))
    merged[k] = merged.get(k, 0) + abs(size)
trades = stats["_trades"]
for _, r in trades.iterrows():
    add(r.EntryBar, "buy" if r.Size > 0 else "sell", r.EntryPrice, r.Size)
    add(r.ExitBar, "sell" if r.Size > 0 else "buy", r.ExitPrice, r.Size)
for o in stats["_strategy"].trades:
    add(o.entry_bar, "buy" if o.size > 0 else "sell", o.entry_price / UNIT, o.size * UNIT)
fills = sorted((t, key, side, price, round(q, 9)) for (t, side, price), q in merged.items())
answer("backtesting", clock, len(df), fills, a.fills)
