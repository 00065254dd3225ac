#!/usr/bin/env python3
"""Runs the example programs as their users do, in double precision, and compares what they logged and the networks that
they trained with PyTorch's numbers, which make_programs.py left in programs.json.

usage: check_programs.py PROGRAMS WORK_DIR [NAME ...]      PROGRAMS: folder with gan, dcgan, ...; WORK_DIR: emptied and used;
                                                           NAME: cases that begin with it; without it, all
"""
import array
import concurrent.futures
import json
import math
import mmap
import operator
import os
import shutil
import struct
import subprocess
import sys

TOLERANCE = 1e-9
COUNT = 26  # images: no multiple of a batch size

# ---- the data that the programs are given ----


def grey(k, y, x, size):
    """Pixel of image k: tilted waves in a frame that is always black."""
    inside = 2 <= x < size - 2 and 1 <= y < size - 1
    return min(255, max(0, (x * (5 + k) + y * (3 + 2 * k) + (x - 13) * (y - 12) * (k % 5)) % 300 - 40)) if inside else 0


def colour(k, c, y, x):
    """Pixel of plane c of image k, 32 x 32."""
    return (x * (k + 2 * c + 1) + y * (9 - k % 7) + x * y * (c + k % 3) + 85 * c) % 256


def grey_parts(size):
    pixels = bytes(grey(k, y, x, size) for k in range(COUNT) for y in range(size) for x in range(size))
    return pixels, bytes(7 * k % 10 for k in range(COUNT))


def colour_records():
    return b"".join(bytes([3 * k % 10] + [colour(k, c, y, x) for c in range(3) for y in range(32) for x in range(32)])
                    for k in range(COUNT))


def write_data(folder):
    files = {"colour/data_batch_1.bin": colour_records()}
    for size in (28, 64):
        pixels, labels = grey_parts(size)
        files[f"grey{size}/train-images-idx3-ubyte"] = struct.pack(">4I", 0x803, COUNT, size, size) + pixels
        files[f"grey{size}/train-labels-idx1-ubyte"] = struct.pack(">2I", 0x801, COUNT) + labels
    for name, content in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)


# ---- what is kept of a tensor ----

ROWS, COLUMNS = 1009, 64  # a table of one chunk; ROWS is a prime
SIGNS = [1 if pow(i, (ROWS - 1) // 2, ROWS) == 1 else -1 for i in range(ROWS)]


def measure(values):
    """Norm, and products with two vectors of 1 and -1 whose order is no order that a network has: one sign for each
    element of 1009, and one for each 64 elements. With random signs the product of a distance d has the size |d|: so
    products are held to the tolerance of the norm. Of more than a million elements every seventh is looked at."""
    if len(values) > 1000000:
        values = values[::7]
    squares, products = [], [[], []]
    for begin in range(0, len(values), ROWS * COLUMNS):
        part = values[begin:begin + ROWS * COLUMNS].tolist()
        squares.append(sum(map(operator.mul, part, part)))
        products[0].append(sum(s * sum(part[i::ROWS]) for i, s in enumerate(SIGNS)))
        products[1].append(sum(s * sum(part[COLUMNS * i:COLUMNS * (i + 1)]) for i, s in enumerate(SIGNS)))
    return [math.sqrt(math.fsum(squares))] + [math.fsum(sums) for sums in products]


def read_tensors(path, part):
    """(name, shape, values) of the tensors of a part of a checkpoint, in the file's order."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        length, = struct.unpack("<Q", data[:8])
        header = json.loads(data[8:8 + length].decode("utf-8"))
        header.pop("__metadata__")
        for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
            if not name.startswith(part + "."):
                continue
            if entry["dtype"] != "F64":
                raise ValueError(f"{name} is {entry['dtype']}, not F64")
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            values = array.array("d")
            values.frombytes(data[begin:end])
            if sys.byteorder == "big":
                values.byteswap()
            yield name, entry["shape"], values


# ---- comparison ----

class Mismatch(Exception):
    pass


def near(what, actual, expected, size):
    """Is the distance within the tolerance of the size?"""
    distance = abs(actual - expected)
    if not distance <= TOLERANCE * size:
        raise Mismatch(f"{what} is {actual!r}, not {expected!r}; they may differ by {TOLERANCE * size:.3g}, "
                       f"and do by {distance:.3g}")
    return distance / size if size > 0 else 0


# the clock's, and the monitor's figures
SERVICES = ("epoch", "seconds", "images_per_second", "gradient_norm", "diversity")


def compare_log(path, expected):
    """expected: one object a line, with everything that is not the clock's."""
    worst = 0
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    lines = [line for line in lines if "event" not in line]  # what the monitor has to say
    if len(lines) != len(expected):
        raise Mismatch(f"log.jsonl has {len(lines)} lines, not {len(expected)}")
    for line, values in zip(lines, expected):
        names = [name for name in line if name not in SERVICES]
        if names != list(values):
            raise Mismatch(f"step {line['step']} reports {names}, not {list(values)}")
        for name, value in values.items():
            worst = max(worst, near(f"step {values['step']}: {name}", line[name], value, abs(value)))
    return worst


def compare_tensors(path, part, expected):
    """expected: for each tensor its shape, the three measures and, where its own size is no measure, another."""
    worst, count = 0, 0
    for name, shape, values in read_tensors(path, part):
        if count == len(expected):
            raise Mismatch(f"{part} has a tensor too many: {name}")
        entry = expected[count]
        count += 1
        if shape != entry[0]:
            raise Mismatch(f"{name} has shape {shape}, not {entry[0]}")
        size = entry[4] if len(entry) > 4 else entry[1]
        for what, actual, value in zip(("norm", "product 1", "product 2"), measure(values), entry[1:4]):
            worst = max(worst, near(f"{name}: {what}", actual, value, size))
    if count != len(expected):
        raise Mismatch(f"{part} has {count} tensors, not {len(expected)}")
    return worst


PARTS = "generator", "discriminator", "reconstructor", "classifier"


def check(case, programs, work):
    """The sentence about a failure, or None, and the sentence about what was compared."""
    out = os.path.join(work, case["name"].replace(" ", "-"))
    data = [] if case["data"] is None else ["--data", os.path.join(work, case["data"])]
    command = [os.path.join(programs, case["command"][0]), *case["command"][1:], *data, "--f64", "--threads", "1", "--deterministic", "--sample-interval", "0", "--judge-count", "0", "--out", out]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    if done.returncode != 0:
        return f"{' '.join(command)}\nends with {done.returncode}:\n{done.stdout}", ""
    try:
        of_log = compare_log(os.path.join(out, "log.jsonl"), case["log"])
        path = os.path.join(out, f"checkpoint-{case['log'][-1]['step']:06d}.safetensors")
        of_tensors = max(compare_tensors(path, part, case[part]) for part in PARTS if part in case)
    except (Mismatch, OSError, ValueError, KeyError) as error:
        return f"{error.__class__.__name__}: {error}", ""
    shutil.rmtree(out)  # up to a gigabyte
    return None, f"log {of_log:.0e}, tensors {of_tensors:.0e}"


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    programs, work = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs.json"), encoding="utf-8") as file:
        cases = [case for case in json.load(file)
                 if len(sys.argv) == 3 or any(case["name"].startswith(name) for name in sys.argv[3:])]
    shutil.rmtree(work, ignore_errors=True)
    write_data(work)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for case, (failure, success) in zip(cases, pool.map(lambda case: check(case, programs, work), cases)):
            failed += failure is not None
            print(f"ok    {case['name']}: {success}" if failure is None else f"FAIL  {case['name']}: {failure}", flush=True)
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
