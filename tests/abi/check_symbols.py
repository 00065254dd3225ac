#!/usr/bin/env python3
"""The exported functions: symbols.txt = the headers = what the library exports, each in its version node; and nothing that prints, exits or
looks at the environment is imported.

usage: check_symbols.py LIBGAN_SO"""
import re
import subprocess
import sys

import headers

# A good guest: see base.h. __*_chk are what these become with _FORTIFY_SOURCE.
IMPORTS = re.compile(r"^(_?exit|_Exit|quick_exit|abort|atexit|on_exit|__cxa_atexit|__assert\w*|getenv|secure_getenv|setenv|putenv|"
                     r"v?f?printf|__v?f?printf_chk|f?puts|f?putc|putchar|fputs|fopen|fdopen|freopen|fwrite|perror|psignal|stdout|stderr|stdin|"
                     r"signal|sigaction|raise|kill|system|popen|setlocale|s?rand|s?random|strtok|gets|\w*set_num_threads\w*|"
                     r"longjmp_chk|dlopen)$")


def dynamic_symbols(library):
    """The dynamic symbols of a library: exported ones with their version nodes, and the imported ones."""
    output = subprocess.run(["readelf", "--dyn-syms", "-W", library], check=True, stdout=subprocess.PIPE, text=True).stdout
    exported, imported = {}, []
    for fields in map(str.split, output.splitlines()):
        if len(fields) < 8 or not fields[0].rstrip(":").isdigit():
            continue
        name, _, version = fields[7].partition("@")
        if fields[6] == "UND":
            imported.append(name)
        elif fields[6] != "ABS":  # the version nodes themselves are absolute symbols
            exported[name] = version.lstrip("@")
    return exported, imported


def main():
    library = sys.argv[1]
    nm = "nm"  # binutils': llvm-nm does not show symbol versions
    listed = dict(headers.manifest())
    declared = headers.declared_functions()
    exported, imported = dynamic_symbols(library)
    problems = []

    names = [name for name, _ in headers.manifest()]
    if names != sorted(set(names)):
        problems.append("symbols.txt is not in alphabetical order, or has a name twice")
    for name in sorted(set(listed) | set(declared) | set(exported)):
        absent = [where for where, there in (("symbols.txt", listed), ("the headers", declared), ("the library", exported)) if name not in there]
        if absent:
            problems.append(f"{name} is not in {' and not in '.join(absent)}")
        elif exported[name] != "GAN_" + listed[name]:
            problems.append(f"{name} is in version node {exported[name] or '(none)'}, not GAN_{listed[name]}")
        if not name.startswith("gan_"):
            problems.append(f"{name} does not begin with gan_")
    for name in imported:
        if IMPORTS.match(name):
            problems.append(f"the library imports {name}")
    headers.finish(problems, f"{len(listed)} exported functions")


if __name__ == "__main__":
    main()
