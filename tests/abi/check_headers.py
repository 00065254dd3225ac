#!/usr/bin/env python3
"""Every public header alone, and included twice, in every C and C++ standard from C99 and C++11 on; `clang -Wdocumentation` on the
comments; GAN_API on every function; every public struct in layout.h.

usage: check_headers.py [--cc COMMAND] [--cxx COMMAND] [--werror]
--werror: without a warning, and of gcc and clang with the other one too, if it is there; without --cxx the compiler of C++ is left out"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import headers

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wundef", "-Wcast-qual", "-fsyntax-only"]
C_ONLY = ["-Wstrict-prototypes"]
CXX_ONLY = ["-Wold-style-cast", "-Wzero-as-null-pointer-constant"]
CLANG_ONLY = ["-Wdocumentation", "-Wdocumentation-pedantic", "-Wno-documentation-unknown-command"]
C_STANDARDS = ["c99", "c11", "c17", "c2x"]
CXX_STANDARDS = ["c++11", "c++14", "c++17", "c++20"]


def is_clang(compiler):
    return "clang" in subprocess.run([compiler, "--version"], stdout=subprocess.PIPE, text=True).stdout


def compilers(options):
    """(command, language) pairs."""
    pairs = [(options.cc, "c")] + ([(options.cxx, "c++")] if options.cxx else [])
    if options.werror:
        others = ("gcc", "g++") if is_clang(options.cc) else ("clang", "clang++")
        pairs += [(name, language) for name, language in zip(others, ("c", "c++")) if shutil.which(name)]
    return pairs


def supported(compiler, language, standard):
    result = subprocess.run([compiler, "-x", language, f"-std={standard}", "-fsyntax-only", os.devnull], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
    return result.returncode == 0


def compile_header(job):
    compiler, language, extra, standard, header, folder = job
    source = os.path.join(folder, re.sub(r"\W", "_", "_".join((os.path.basename(compiler), language, standard, header))) + ".txt")
    with open(source, "w", encoding="utf-8") as file:
        file.write(f"#include <{header}>\n#include <{header}>\ntypedef int header_check;\n")
    command = [compiler, "-x", language, f"-std={standard}", "-I", os.path.join(headers.ROOT, "include")] + WARNINGS
    command += C_ONLY if language == "c" else CXX_ONLY
    command += extra
    result = subprocess.run(command + [source], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode:
        return f"{compiler} -std={standard}: <{header}> alone does not compile cleanly:\n{result.stdout}"
    return None


def undecorated(header):
    """Functions of a header without GAN_API."""
    with open(os.path.join(headers.ROOT, "include", header), encoding="utf-8") as file:
        text = headers.without_comments(file.read())
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", "", text, flags=re.M)
    return [m.group(2) for m in re.finditer(r"(?:^|[;}])\s*([^;{}()]*?)\b(gani?_\w+)\s*\((?!\s*\*)[^;{}]*\)\s*;", text)
            if "GAN_API" not in m.group(1) and "typedef" not in m.group(1)]


def unchecked_layouts():
    """Structs and members that layout.h does not hold in place."""
    with open(os.path.join(headers.ROOT, "tests", "abi", "layout.h"), encoding="utf-8") as file:
        text = file.read()
    found = []
    for struct, members in headers.public_structs().items():
        if not re.search(rf"^LAYOUT\({struct}, ", text, re.M):
            found.append(f"layout.h has no size of {struct}")
        found += [f"layout.h has no offset of {struct}.{m}" for m in members if not re.search(rf"^AT\({struct}, {m}, ", text, re.M)]
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--cxx", default="")
    parser.add_argument("--werror", action="store_true")
    options = parser.parse_args()

    problems = []
    if headers.public_headers()[0] != "gan.h":
        problems.append("no gan.h")
    with open(os.path.join(headers.ROOT, "include", "gan.h"), encoding="utf-8") as file:
        umbrella = set(re.findall(r"#include <(gan/\w+\.h)>", file.read()))
    problems += [f"gan.h does not include <{h}>" for h in headers.public_headers()[1:] if h not in umbrella]
    for header in headers.public_headers():
        problems += [f"{header}: {name} has no GAN_API" for name in undecorated(header)]

    problems += unchecked_layouts()

    with tempfile.TemporaryDirectory() as folder:
        jobs = []
        for compiler, language in compilers(options):
            extra = (CLANG_ONLY if is_clang(compiler) else []) + (["-Werror"] if options.werror else [])
            for standard in C_STANDARDS if language == "c" else CXX_STANDARDS:
                if supported(compiler, language, standard):
                    jobs += [(compiler, language, extra, standard, header, folder) for header in headers.public_headers()]
        if not jobs:
            problems.append("no compiler")
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            problems += [problem for problem in pool.map(compile_header, jobs) if problem]
    headers.finish(problems, f"{len(jobs)} header compilations")


if __name__ == "__main__":
    main()
