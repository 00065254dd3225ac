#!/usr/bin/env python3
"""Trains the example programs on toy problems, with several seeds, and holds what they reach against marks.

usage: marks.py PROGRAMS WORK_DIR [--seeds N] [--jobs N] [--only NAME]

PROGRAMS: folder of the example programs. WORK_DIR: emptied and used. A mark is a bound for the median or the mean over the
seeds of a number that a program printed as its quality or logged. The marks were calibrated by runs of other implementations (three seeds),
VEEGAN's and those of digits by five seeds of their own, and are not moved to let a change pass. VEEGAN: four fifths of the median; modes
of the grid: the mean less three deviations; digits: the mean less three deviations of the difference of two such means, 1.9 of a
seed's. The exit status is 0 if all hold.
"""
import argparse
import concurrent.futures
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import sys



def printed(pattern):
    """The numbers that a run has printed of its quality, in its folder."""
    def read(out):
        quality = out / "quality.txt"
        found = re.search(pattern, quality.read_text()) if quality.exists() else None
        return [float(number) for number in found.groups()] if found else None
    return read


def logged(metric, choose):
    """One of the values that a run has logged of a metric: the least, say."""
    def read(out):
        lines = map(json.loads, (out / "log.jsonl").read_text().splitlines())
        values = [line[metric] for line in lines if metric in line]
        return [choose(values)] if values else None
    return read


MODES = printed(r"(\d+) of \d+ modes; ([\d.]+)% of high quality")
CODES = printed(r"codes: ([\d.-]+) of [\d.]+ nats, purity ([\d.]+)")
ERROR = printed(r"classifier: error ([\d.]+)%")
ASKED = printed(r"([\d.]+)% of high quality and of the component")
SHARES = printed(r"rarest class \d+ with ([\d.]+)% of the samples; mean confidence ([\d.]+)")
OBEYED = printed(r"([\d.]+)% are of the class that was asked for")

AT_LEAST = "at least"
AT_MOST = "at most"
MEDIAN, MEAN = statistics.median, statistics.fmean
JUDGE = ["classifier", "--epochs", "3"]
DIGITS = ["--judge", "{judge}"]
MOONS = ["improved_gan", "--preset", "two-moons", "--label-seed", "{seed}", "--steps", "6000"]

# name, program and flags ({seed} is the seed, {judge} the model of the one classifier), where its numbers are read, and for each of its numbers what it is and its mark:
# how the seeds are summed up, which side of the bound is right, and the bound; with one more program and flags, the sum
# is first divided by that one's
MARKS = [
    ("ring8, non-saturating", ["mixture", "--steps", "10000"], MODES,
     [("modes", MEDIAN, AT_LEAST, 8), ("% of high quality", MEDIAN, AT_LEAST, 80)]),
    ("ring8, least squares 0-1", ["mixture", "--loss", "least-squares", "--steps", "10000"], MODES,
     [("modes", MEDIAN, AT_LEAST, 8), ("% of high quality", MEDIAN, AT_LEAST, 80)]),
    ("ring8, gradient penalty", ["mixture", "--loss", "gradient-penalty", "--d-steps", "5", "--b2", "0.9", "--steps", "15000"],
     MODES, [("modes", MEDIAN, AT_LEAST, 8), ("% of high quality", MEDIAN, AT_LEAST, 60)]),
    ("ring8, told the component", ["mixture", "--told", "--steps", "5000"], ASKED,
     [("% of high quality and as asked", MEDIAN, AT_LEAST, 90)]),
    ("ring8, codes", ["mixture", "--codes", "--steps", "2000"], CODES, [("nats", MEDIAN, AT_LEAST, 2), ("purity", MEDIAN, AT_LEAST, 0.95)]),
    ("ring8, VEEGAN", ["veegan", "--latent-dim", "16", "--batch-size", "256", "--steps", "40000"], MODES,
     [("modes", MEDIAN, AT_LEAST, 8), ("% of high quality", MEDIAN, AT_LEAST, 48)]),
    ("grid of 25, VEEGAN", ["veegan", "--preset", "grid", "--latent-dim", "16", "--batch-size", "256", "--steps", "40000"], MODES,
     [("modes", MEDIAN, AT_LEAST, 22), ("% of high quality", MEDIAN, AT_LEAST, 27)]),
    ("ring8, spectral norm", ["mixture", "--preset", "spectral"], MODES, [("modes", MEAN, AT_LEAST, 7)]),
    # measured 20 steps of D after the last time that the values were lifted: the most that the default interval leaves
    ("spectrum, static regularisation", ["spectral_regularization", "--d-width", "16", "--steps", "500", "--judge-count", "0"],
     logged("spectrum", min), [("least singular value at half the rank", MEDIAN, AT_LEAST, 0.8)]),
    ("digits, dense GAN", ["gan", "--steps", "4690", *DIGITS], SHARES,
     [("% of the rarest class", MEAN, AT_LEAST, 0.5), ("confidence", MEAN, AT_LEAST, 0.886)]),
    ("digits, DCGAN", ["dcgan", "--steps", "1500", *DIGITS], SHARES,
     [("% of the rarest class", MEAN, AT_LEAST, 3), ("confidence", MEAN, AT_LEAST, 0.897)]),
    ("digits, told the class", ["cgan", "--preset", "pytorch-gan", "--epochs", "3", *DIGITS], OBEYED,
     [("% as asked", MEAN, AT_LEAST, 41)]),
    ("two moons, 10 labels", MOONS, ERROR, [("% wrong", MEAN, AT_MOST, 3)]),
    ("two moons, against labels alone", MOONS, ERROR, [("share of the error", MEAN, AT_MOST, 1 / 3)], [*MOONS, "--labels-only"]),
]


def train(programs, out, command, seed, judge):
    """Runs a program to its end. True if it says that all went well."""
    line = [str(programs / command[0]), *(word.format(seed=seed, judge=judge) for word in command[1:]), "--seed", str(seed),
            "--threads", "1", "--deterministic", "--out", str(out), "--sample-interval", "0", "--checkpoint-interval", "0"]
    with open(f"{out}.log", "w") as log:
        return subprocess.run(line, stdout=log, stderr=log, check=False).returncode == 0


def figures(programs, out, command, read, seed, judge):
    """A run's numbers; None if there are none."""
    return read(out) if train(programs, out, command, seed, judge) else None


def hold(mark, results):
    """Says for each number whether its mark holds. How many do not."""
    failures = 0
    for index, (what, middle, side, bound) in enumerate(mark[3]):
        sums = [middle(numbers[index] for numbers in column) for column in zip(*results)]
        value = sums[0] / sums[1] if len(sums) == 2 else sums[0]
        held = value >= bound if side == AT_LEAST else value <= bound
        failures += not held
        seeds = ", ".join(" of ".join(f"{numbers[index]:g}" for numbers in result) for result in results)
        print(f"{'ok  ' if held else 'FAIL'}  {mark[0]}: {what}: {middle.__name__.lstrip('f')} {value:.4g}, mark {side} {bound:.4g}"
              f" ({seeds})", flush=True)
    return failures


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
    programs = options.programs.resolve()
    judge = options.work.resolve() / "judge"
    if any("{judge}" in word for mark in marks for command in (mark[1], *mark[4:]) for word in command):
        train(programs, judge, JUDGE, 0, judge)  # if that fails, so do the runs that read its model
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        runs = {}  # a program that several marks look at runs once
        for mark in marks:
            for command in (mark[1], *mark[4:]):
                for seed in range(options.seeds):
                    if (tuple(command), seed) not in runs:
                        out = options.work.resolve() / f"{len(runs):02d}-{command[0]}-{seed}"
                        runs[tuple(command), seed] = pool.submit(figures, programs, out, command, mark[2], seed, judge / "model.safetensors")
        for mark in marks:
            results = [[runs[tuple(command), seed].result() for command in (mark[1], *mark[4:])] for seed in range(options.seeds)]
            silent = [seed for seed, result in enumerate(results) if None in result]
            if silent:
                print(f"FAIL  {mark[0]}: seed {silent[0]} printed no figure; see {options.work}", flush=True)
                failures += 1
            else:
                failures += hold(mark, results)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
