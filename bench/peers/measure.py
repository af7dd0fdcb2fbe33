"""Runs a command pinned to some cores and says what it cost. usage: measure.py CORES COMMAND…  (CORES: 0 or 0,1)

The command's stdout passes through; the last line is this program's: cpu_s (all threads and children), wall_s, peak_rss_mb, status.
"""
import json, os, sys, time

cores = {int(c) for c in sys.argv[1].split(",")}
start = time.perf_counter()
pid = os.fork()
if pid == 0:
    os.sched_setaffinity(0, cores)
    os.execvp(sys.argv[2], sys.argv[2:])
_, status, used = os.wait4(pid, 0)
print(json.dumps({"cpu_s": used.ru_utime + used.ru_stime, "wall_s": time.perf_counter() - start, "peak_rss_mb": used.ru_maxrss / 1024,
                  "status": os.waitstatus_to_exitcode(status)}))
