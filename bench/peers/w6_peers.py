"""W6 in polars, pyarrow and DuckDB's Python package: filter and aggregate the trades of a lake. usage: w6_peers.py polars|pyarrow|duckdb LAKE [--threads 1]

Reads the lake's own Parquet files, as any engine may. Prints one JSON object; `result` is compared with that of the other engines (w6.ts).
"""
import argparse, glob, json, os, time
from importlib.metadata import version

p = argparse.ArgumentParser()
p.add_argument("engine", choices=["polars", "pyarrow", "duckdb"])
p.add_argument("lake")
p.add_argument("--threads", default="1")
a = p.parse_args()
os.environ["POLARS_MAX_THREADS"] = a.threads
files = sorted(glob.glob(f"{a.lake}/bronze/trade/**/*.parquet", recursive=True))
HOUR = 3_600_000_000


def polars():
    import polars as pl
    t = (pl.scan_parquet(files, hive_partitioning=False).filter((pl.col("side") == "buy") & (pl.col("qty") > 0.25))
         .group_by((pl.col("t_avail_us").dt.epoch("us") // HOUR).alias("hour"))
         .agg(pl.len().alias("trades"), pl.col("qty").sum().alias("volume"), (pl.col("px") * pl.col("qty")).sum().alias("quote"),
              pl.col("px").min().alias("low"), pl.col("px").max().alias("high")).sort("hour"))
    return t.collect(engine="streaming").rows()


def pyarrow():
    import pyarrow as pa, pyarrow.compute as pc, pyarrow.dataset as ds
    pa.set_cpu_count(int(a.threads))
    t = ds.dataset(files, format="parquet").to_table(
        columns={"hour": pc.divide(pc.field("t_avail_us").cast(pa.int64()), pa.scalar(HOUR)), "px": pc.field("px"), "qty": pc.field("qty"),
                 "quote": pc.multiply(pc.field("px"), pc.field("qty"))},
        filter=(pc.field("side") == "buy") & (pc.field("qty") > 0.25))
    g = t.group_by("hour").aggregate([("qty", "count"), ("qty", "sum"), ("quote", "sum"), ("px", "min"), ("px", "max")]).sort_by("hour")
    return list(zip(*[g.column(n).to_pylist() for n in ["hour", "qty_count", "qty_sum", "quote_sum", "px_min", "px_max"]]))


def duckdb():
    import duckdb
    c = duckdb.connect(config={"threads": a.threads})
    return c.execute("""SELECT epoch_us(t_avail_us) // 3600000000 AS hour, count(*), sum(qty), sum(px * qty), min(px), max(px)
        FROM read_parquet(?, hive_partitioning = false) WHERE side = 'buy' AND qty > 0.25 GROUP BY ALL ORDER BY hour""", [files]).fetchall()


import importlib
importlib.import_module("pyarrow.dataset" if a.engine == "pyarrow" else a.engine)
cpu, wall = time.process_time(), time.perf_counter()
rows = {"polars": polars, "pyarrow": pyarrow, "duckdb": duckdb}[a.engine]()
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
import pyarrow.parquet as pq
n = sum(pq.ParquetFile(f).metadata.num_rows for f in files)
print(json.dumps({
    "version": version(a.engine), "rows": n, "cpu_s": cpu, "wall_s": wall,
    "result": [len(rows), sum(r[1] for r in rows), round(sum(r[2] for r in rows), 3), round(sum(r[3] for r in rows), 2), min(r[4] for r in rows), max(r[5] for r in rows)],
}))
