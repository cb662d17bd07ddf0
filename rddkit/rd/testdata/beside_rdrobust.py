"""Sharp beside rdrobust (with numba) in one run: milliseconds for a sharp
estimate with a selected bandwidth, on the same kind of data. On an idle machine.

    pip install rdrobust==2.1.1 numba
    python rddkit/rd/testdata/beside_rdrobust.py      # from the root of the checkout
"""
import re, subprocess, sys, time, warnings

import numpy as np
from rdrobust import rdrobust

warnings.filterwarnings("ignore")


def python(n):
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, n)
    y = x + x * x + 1.5 * (x >= 0) + 0.3 * rng.normal(size=n)
    rdrobust(y, x)  # compiles
    times = 1 if n > 100_000 else 5
    start = time.perf_counter()
    for _ in range(times):
        rdrobust(y, x)
    return 1e3 * (time.perf_counter() - start) / times


def golang(n):
    out = subprocess.run(["go", "test", "-run", "^$", "-bench", f"^BenchmarkSharp$/^selected$/^{n}$", "-benchtime", "1s", "./rddkit/rd"],
                         capture_output=True, text=True, check=True).stdout
    return float(re.search(r"([\d.]+) ns/op", out)[1]) / 1e6


sizes = [int(a) for a in sys.argv[1:]] or [500, 2000, 8000, 1_000_000]
print(f"{'points':>9} {'rd, ms':>9} {'rdrobust, ms':>13} {'ratio':>6}")
for n in sizes:
    ours, theirs = golang(n), python(n)
    print(f"{n:9d} {ours:9.2f} {theirs:13.1f} {theirs / ours:6.1f}")
