#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Run fuzzers one after the other, SECONDS each, from their seeds and what earlier runs found; say how many inputs
each has tried. Ends with failure if one of them found something, and says which input.
"""
import argparse
import os
import re
import subprocess
import sys


def fuzz(build, name, seconds):
    """Whether nothing was found."""
    seeds, found = f"{build}/fuzz/seeds/{name}", f"{build}/fuzz/corpus/{name}"
    os.makedirs(found, exist_ok=True)
    command = [f"{build}/fuzz/{name}", f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048",
               "-print_final_stats=1", f"-artifact_prefix={build}/fuzz/{name}-", found, seeds]
    if os.path.exists(f"{seeds}.dict"):
        command.insert(1, f"-dict={seeds}.dict")
    log = f"{build}/fuzz/{name}.log"
    with open(log, "wb") as file:
        status = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=False).returncode
    with open(log, encoding="utf-8", errors="replace") as file:
        text = file.read()
    executions = re.search(r"stat::number_of_executed_units: (\d+)", text)
    coverage = re.findall(r"cov: (\d+)", text)
    print(f"  {'ok' if status == 0 else 'FOUND':<7} {name}: {executions[1] if executions else '?'} executions in {seconds} s, "
          f"{coverage[-1] if coverage else '?'} edges", flush=True)
    if status:
        print("\n".join(text.splitlines()[-60:]) + f"\n{log} has all of it")
    return status == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="make's O=")
    parser.add_argument("--seconds", type=int, required=True, help="for each fuzzer")
    parser.add_argument("fuzzers", nargs="+")
    args = parser.parse_args()
    good = [fuzz(args.build, name, args.seconds) for name in args.fuzzers]
    print(f"{sum(good)} fuzzers found nothing, {len(good) - sum(good)} found something")
    sys.exit(not all(good))


if __name__ == "__main__":
    main()
