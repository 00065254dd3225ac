#!/usr/bin/env python3
"""Rules about the library's sources that no compiler checks:

 - includes between the folders of lib/ go one way;
 - instruction sets are known inside lib/kernel only, and to the one instruction of waiting threads;
 - cblas.h, png.h, jpeglib.h and zlib.h are each known to few files;
 - nothing calls a function that prints, exits, aborts or looks at the environment;
 - exported functions are defined in lib/api and begin with GANI_ENTER(), which keeps errno and the caller's floating-point environment,
   unless they only read, compare and set members.

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
OWNERS = {"cblas.h": ["kernel/blas.c"], "png.h": ["io/png.c"], "jpeglib.h": ["io/jpeg.c"], "lapacke.h": ["kernel/linalg.c"]}
BANNED = ("abort exit _exit _Exit quick_exit atexit getenv secure_getenv setenv putenv printf vprintf fprintf vfprintf puts fputs putchar "
          "putc fputc perror psignal assert signal sigaction raise kill system popen setlocale rand srand random srandom strtok gets "
          "openblas_set_num_threads goto_set_num_threads bli_thread_set_num_threads").split()
BANNED_CALL = re.compile(r"(?<![\w.>])(?:%s)\s*\(" % "|".join(BANNED))
BANNED_WORD = re.compile(r"\b(?:stdout|stderr|stdin)\b")
EXPORTED = "GAN_API"
GUARD = "GANI_ENTER();"
# What a function without the guard may call: these compute nothing in floating point, make no system call and cannot fail.
HARMLESS = set("memset atomic_fetch_add atomic_fetch_add_explicit atomic_load_explicit gan_shape_0d gani_builder_shape gani_count gani_ema_layer gani_is_contiguous "
               "gani_layer_find gani_layer_retain gani_loader_batches gani_loader_dataset gani_loader_position gani_mul_i64 gani_options_init "
               "gani_pool_workers gani_tensor_touch entry is_in make VERSION_TEXT".split())
KEYWORDS = set("if for while switch return sizeof".split())


def skip(text, at, opening, closing):
    """The place after the bracket that closes the one at `at`."""
    depth = 0
    while True:
        depth += (text[at] == opening) - (text[at] == closing)
        at += 1
        if depth == 0:
            return at


def unguarded(text):
    """(place, name, what it calls) of each exported function in a source that should begin with the guard and does not."""
    for match in re.finditer(r"\b%s\b" % EXPORTED, text):
        head = text.index("(", match.end())
        name = re.search(r"([\w#]+)\s*$", text[match.end():head]).group(1)
        body = re.compile(r"[\s\\]*\{").match(text, skip(text, head, "(", ")"))
        if not body:
            continue  # a declaration
        code = text[body.end():skip(text, body.end() - 1, "{", "}") - 1]
        if code.lstrip(" \t\n\\").startswith(GUARD):
            continue
        calls = set(re.findall(r"(?:->|\.)?\b\w+\s*\(", code))
        calls = {call.rstrip("( ") for call in calls} - HARMLESS - KEYWORDS
        if calls:
            yield match.start(), name, sorted(calls)[0]


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
                text = headers.without_comments(file.read())
            lines = text.split("\n")
            if own not in RANK:
                found.append(("layout", f"lib/{path}: the folder lib/{own} is not part of the layout"))
                continue
            if own == "api":
                for place, function, call in unguarded(text):
                    where = text.count("\n", 0, place) + 1
                    found.append(("guard", f"lib/{path}:{where}: {function} calls {call}: it must begin with {GUARD}"))
            for number, line in enumerate(lines, 1):
                where = f"lib/{path}:{number}"
                if own != "api" and re.search(r"\b%s\b.*\(" % EXPORTED, line):
                    found.append(("exported", f"{where}: exported functions are defined in lib/api"))
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
                if own != "kernel" and path != "base/pause.h" and INSTRUCTION_SET.search(line):
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
        ("ops/pause.h", "#ifdef __x86_64__\n#endif\n", "isa"),
        ("base/pause.h", "#ifdef __x86_64__\n#endif\n", None),
        ("kernel/table.c", "#include <cblas.h>\n", "owner"),
        ("data/folder.c", "#include <png.h>\n", "owner"),
        ("io/png.c", "#include <jpeglib.h>\n", "owner"),
        ("base/a.c", "void f(void) { abort (); }\n", "banned"),
        ("io/a.c", 'void f(void) { fprintf(x, "a"); }\n', "banned"),
        ("io/b.c", "int *f(void) { return g(stderr); }\n", "banned"),
        ("api/a.c", 'const char *f(void) { return getenv("A"); }\n', "banned"),
        ("gpu/a.c", "int f;\n", "layout"),
        ("nn/a.c", "GAN_API int gan_f(int x) { return x; }\n", "exported"),
        ("api/a.c", "GAN_API void gan_f(x *a) { gani_drop(a); }\n", "guard"),
        ("api/a.c", "GAN_API int gan_f(x *a) {\n    if (a == NULL) return 0;\n    GANI_ENTER();\n    return gani_g(a);\n}\n", "guard"),
        ("api/a.c", "GAN_API int gan_f(x *a) { return a->make(a); }\n", "guard"),
        ("api/ops.c", "#define UNARY(NAME) \\\n    GAN_API t *gan_##NAME(t *x) { \\\n        return gani_##NAME(x); \\\n    }\n", "guard"),
        ("api/a.c", "GAN_API int gan_f(x *a, int (*g)(int b)) {\n    GANI_ENTER();\n    if (a) { g(1); }\n    return gani_g(a);\n}\n", None),
        ("api/a.c", "static int g(void) { return gani_h(); }\nGAN_API int gan_f(x *a) { return a == NULL ? 0 : a->size; }\n", None),
        ("api/ops.c", "#define UNARY(NAME) \\\n    GAN_API t *gan_##NAME(t *x) { \\\n        GANI_ENTER(); \\\n        return gani_##NAME(x); \\\n    }\n", None),
        ("train/a.c", '#include "data/loader.h"\n#include "base/context.h"\n#include <gan/run.h>\n', None),
        ("autograd/a.c", "/* ops/ops.h, printf(), __AVX2__ */ int f; // exit(1)\n", None),
        ("kernel/x86/a_avx2.c", "#include <immintrin.h>\n#if defined(__AVX2__)\n#endif\n", None),
        ("kernel/blas.c", "#include <cblas.h>\n", None),
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
