#!/usr/bin/python3
"""The rules over the same values in each dtype: processor time of one thread, in milliseconds, the least of 10 calls.

    PYTHONPATH=python DETOXML_LIBRARY=build/release/src/library/libdetoxml.so bench/python/dtypes.py

Rows of 16 bits have half the bytes of float32, and are widened on the way; their result is compared with float32's first.
"""
import time

import detoxml as detox
import torch

DTYPES = torch.float32, torch.bfloat16, torch.float16, torch.float64


def milliseconds(call):
    least = float("inf")
    for _ in range(10):
        before = time.process_time()
        call()
        least = min(least, time.process_time() - before)
    return least * 1e3


def main():
    print("| rule | n |", " | ".join(str(dtype)[6:] for dtype in DTYPES), "|\n| --- | ---: | ---: | ---: | ---: | ---: |")
    for n in (15, 45):
        rows = {dtype: torch.randn(n, 1_000_000, generator=torch.Generator().manual_seed(n)).to(dtype) for dtype in DTYPES}
        for name, options in [("mean", {}), ("median", {}), ("trimmed-mean", {}), ("meamed", {}), ("signSGD", {}), ("krum", {}), ("geometric-median", {}),
                              ("centered-clipping", {}), ("bulyan", {"f": (n - 3) // 4}), ("trimmed-mean", {"pre": "nnm"}), ("krum", {"pre": "arc"})]:
            rule = detox.Rule(name, **{"f": n // 5, "threads": 1, **options})
            for dtype in DTYPES[1:3]:
                assert torch.equal(rule(rows[dtype]), rule(rows[dtype].float()).to(dtype))
            times = [milliseconds(lambda dtype=dtype: rule(rows[dtype])) for dtype in DTYPES]
            print(f"| {', '.join([*([options['pre']] if 'pre' in options else []), name])} | {n} |", " | ".join(f"{t:.1f}" for t in times), "|", flush=True)


if __name__ == "__main__":
    main()
