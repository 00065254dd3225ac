#!/usr/bin/env python3
"""Trains the example programs on toy problems, with several seeds, and holds what they reach against marks.

usage: marks.py PROGRAMS WORK_DIR [--seeds N] [--jobs N] [--only NAME]

PROGRAMS: folder of the example programs. WORK_DIR: emptied and used. A mark is a bound for the median over the seeds of
a number that a program printed as its quality. The marks were calibrated by runs of other implementations (three seeds)
and are not moved to let a change pass. The exit status is 0 if all hold.
"""
import argparse
import concurrent.futures
import pathlib
import re
import shutil
import statistics
import subprocess
import sys

MODES = r"(\d+) of \d+ modes; ([\d.]+)% of high quality"
CODES = r"codes: ([\d.-]+) of [\d.]+ nats, purity ([\d.]+)"
ASKED = r"([\d.]+)% of high quality and of the component"

# name, program and flags, pattern of the quality line, and for each of its numbers: what it is, the least median
MARKS = [
    ("ring8, non-saturating", ["mixture", "--steps", "10000"], MODES, [("modes", 8), ("% of high quality", 80)]),
    ("ring8, least squares 0-1", ["mixture", "--loss", "least-squares", "--steps", "10000"], MODES,
     [("modes", 8), ("% of high quality", 80)]),
    ("ring8, gradient penalty", ["mixture", "--loss", "gradient-penalty", "--d-steps", "5", "--b2", "0.9", "--steps", "15000"],
     MODES, [("modes", 8), ("% of high quality", 60)]),
    ("ring8, told the component", ["mixture", "--told", "--steps", "5000"], ASKED, [("% of high quality and as asked", 90)]),
]


def run(programs, work, mark, seed):
    name, command, pattern, _ = mark
    out = work / f"{re.sub('[^a-z0-9]+', '-', name)}-{seed}"
    line = [str(programs / command[0]), *command[1:], "--seed", str(seed), "--threads", "1", "--deterministic", "--out", str(out),
            "--sample-interval", "0", "--checkpoint-interval", "0"]
    with open(work / f"{out.name}.log", "w") as log:
        status = subprocess.run(line, stdout=log, stderr=log, check=False).returncode
    quality = out / "quality.txt"
    found = re.search(pattern, quality.read_text()) if status == 0 and quality.exists() else None
    return [float(number) for number in found.groups()] if found else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="marks whose name has this in it")
    options = parser.parse_args()
    shutil.rmtree(options.work, ignore_errors=True)
    options.work.mkdir(parents=True)
    marks = [mark for mark in MARKS if options.only in mark[0]]
    failures = 0 if marks else 1
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        runs = {(mark[0], seed): pool.submit(run, options.programs.resolve(), options.work.resolve(), mark, seed)
                for mark in marks for seed in range(options.seeds)}
        for mark in marks:
            results = [runs[mark[0], seed].result() for seed in range(options.seeds)]
            if None in results:
                print(f"FAIL  {mark[0]}: seed {results.index(None)} printed no figure; see {options.work}", flush=True)
                failures += 1
                continue
            for index, (what, least) in enumerate(mark[3]):
                numbers = [result[index] for result in results]
                median = statistics.median(numbers)
                held = median >= least
                failures += not held
                print(f"{'ok  ' if held else 'FAIL'}  {mark[0]}: {what}: median {median:g}, mark {least:g}"
                      f" ({', '.join(f'{number:g}' for number in numbers)})", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
