#!/usr/bin/env python3
"""Rules about the library's sources that no compiler checks:

 - includes between the folders of lib/ go one way;
 - instruction sets are known inside lib/kernel only;
 - cblas.h, png.h and zlib.h are each known to few files;
 - nothing calls a function that prints, exits, aborts or looks at the environment.

First the check is tried on small made-up trees that break each rule: a rule that finds nothing there is broken itself."""
import os
import re
import sys
import tempfile

import headers

# From the widest to the deepest. A folder may include itself and every folder of a later row.
ROWS = [["api"], ["train"], ["nn", "loss", "optim", "metrics", "data"], ["ops", "io"], ["autograd"], ["tensor"], ["kernel"], ["base"]]
RANK = {folder: row for row, folders in enumerate(ROWS) for folder in folders}

INSTRUCTION_SET = re.compile(r"\b__(?:AVX\w*|SSE\w*|FMA|x86_64|i386|amd64|aarch64|arm|ARM_\w+|riscv|powerpc\w*|ALTIVEC)(?:__)?\b"
                             r"|\b_M_(?:X64|IX86|ARM\w*)\b|\b(?:imm|xmm|emm|arm_)\w*intrin\.h|\barm_neon\.h|\bcpuid\.h|\b_mm\d*_\w+\s*\(")
OWNERS = {"cblas.h": ["kernel/gemm.c"], "png.h": ["io/png.c"], "lapacke.h": ["kernel/linalg.c"]}
BANNED = ("abort exit _exit _Exit quick_exit atexit getenv secure_getenv setenv putenv printf vprintf fprintf vfprintf puts fputs putchar "
          "putc fputc perror psignal assert signal sigaction raise kill system popen setlocale rand srand random srandom strtok gets "
          "openblas_set_num_threads goto_set_num_threads bli_thread_set_num_threads").split()
BANNED_CALL = re.compile(r"(?<![\w.>])(?:%s)\s*\(" % "|".join(BANNED))
BANNED_WORD = re.compile(r"\b(?:stdout|stderr|stdin)\b")


def check(lib):
    """All violations below a lib/ folder, as (rule, sentence)."""
    found = []
    for folder, _, files in sorted(os.walk(lib)):
        for name in sorted(files):
            if not name.endswith((".c", ".h", ".inc")):
                continue
            path = os.path.relpath(os.path.join(folder, name), lib).replace(os.sep, "/")
            own = path.split("/")[0]
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                lines = headers.without_comments(file.read()).split("\n")
            if own not in RANK:
                found.append(("layout", f"lib/{path}: the folder lib/{own} is not part of the layout"))
                continue
            for number, line in enumerate(lines, 1):
                where = f"lib/{path}:{number}"
                include = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
                if include:
                    target = include.group(2)
                    other = target.split("/")[0]
                    if include.group(1) == '"' and other in RANK:
                        if RANK[other] < RANK[own] or (RANK[other] == RANK[own] and other != own):
                            found.append(("direction", f'{where}: lib/{own} includes "{target}", which is not below it'))
                    for header, owners in OWNERS.items():
                        if os.path.basename(target) == header and path not in owners:
                            found.append(("owner", f"{where}: only {' and '.join(owners)} may include {header}"))
                if own != "kernel" and INSTRUCTION_SET.search(line):
                    found.append(("isa", f"{where}: an instruction set outside lib/kernel: {line.strip()}"))
                if include:
                    continue
                code = re.sub(r'"(?:\\.|[^"\\])*"', '""', line)
                banned = BANNED_CALL.search(code) or BANNED_WORD.search(code)
                if banned:
                    found.append(("banned", f"{where}: the library must not use {banned.group(0).strip(' (')}"))
    return found


def self_test():
    """Each made-up file breaks exactly one rule, or none."""
    cases = [
        ("tensor/a.c", '#include "autograd/tape.h"\n', "direction"),
        ("loss/a.c", '#include "optim/optim.h"\n', "direction"),
        ("ops/a.c", '#include "io/io.h"\n', "direction"),
        ("base/a.h", '# include  "kernel/kernel.h"\n', "direction"),
        ("train/a.c", '#include "api/api.h"\n', "direction"),
        ("nn/a.c", "#if defined(__AVX2__)\n#endif\n", "isa"),
        ("base/cpu.c", "#ifdef __x86_64__\n#endif\n", "isa"),
        ("ops/a.c", "#include <immintrin.h>\n", "isa"),
        ("kernel/table.c", "#include <cblas.h>\n", "owner"),
        ("data/folder.c", "#include <png.h>\n", "owner"),
        ("base/a.c", "void f(void) { abort (); }\n", "banned"),
        ("io/a.c", 'void f(void) { fprintf(x, "a"); }\n', "banned"),
        ("io/b.c", "int *f(void) { return g(stderr); }\n", "banned"),
        ("api/a.c", 'const char *f(void) { return getenv("A"); }\n', "banned"),
        ("gpu/a.c", "int f;\n", "layout"),
        ("train/a.c", '#include "data/loader.h"\n#include "base/context.h"\n#include <gan/run.h>\n', None),
        ("autograd/a.c", "/* ops/ops.h, printf(), __AVX2__ */ int f; // exit(1)\n", None),
        ("kernel/x86/a_avx2.c", "#include <immintrin.h>\n#if defined(__AVX2__)\n#endif\n", None),
        ("kernel/gemm.c", "#include <cblas.h>\n", None),
        ("base/a.c", 'void f(s *t) { snprintf(b, 4, "exit(%d)", 1); t->signal(1); t.exit(); my_abort(); }\n', None),
    ]
    problems = []
    for path, text, expected in cases:
        with tempfile.TemporaryDirectory() as lib:
            os.makedirs(os.path.dirname(os.path.join(lib, path)))
            with open(os.path.join(lib, path), "w", encoding="utf-8") as file:
                file.write(text)
            rules = [rule for rule, _ in check(lib)]
            if rules != ([expected] if expected else []):
                problems.append(f"self-test: lib/{path} {text!r} should break {expected or 'nothing'}, found {rules}")
    return problems


def main():
    problems = self_test()
    problems += [sentence for _, sentence in check(os.path.join(headers.ROOT, "lib"))]
    headers.finish(problems, "rules about the sources")


if __name__ == "__main__":
    sys.exit(main())
