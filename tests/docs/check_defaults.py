#!/usr/bin/env python3
"""The public headers against the library: every option whose comment names its default has that value after its init function.

usage: check_defaults.py LIBRARY [--cc COMMAND] [--flag FLAG]...      as check_docs.py

A comment names a default as "default VALUE" or "VALUE (default)"; of two members in one declaration as "default A and B" or "A x B". First the
parser is tried on made-up members: one that finds nothing there is broken itself."""
import argparse
import glob
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STRUCT = re.compile(r"typedef struct (gan_\w+) \{(.*?)\n\} \1;", re.S)
MEMBER = re.compile(r"^ {4}((?:const )?\w+[ *]*?)\s*((?:\*(?:const )?\*?)*\w+(?:, \w+)*);\s*/\*\*<(.*?)\*/", re.S | re.M)
VALUE = r"-?(?:\d+(?:\.\d+)?(?:e-?\d+)?(?:/\d+)?|GAN_[A-Z0-9_]+|NULL|INFINITY)"
FORMS = (re.compile(rf"({VALUE})(?:: [^;:()]*[a-z][^;:()]*)? \((?:[^()]*, )?default[,;)]"), re.compile(rf"[Dd]efault (?:is )?({VALUE})(?: (?:and|x) ({VALUE}))?"))

LEAST = 200  # there are some more

# Defaults that are said in words.
IN_WORDS = {("gan_loss_bce_options", "generator"): "GAN_GENERATOR_NON_SATURATING", ("gan_weight_options", "gain"): "sqrt(2)",
            ("gan_callback_dataset", "fingerprint"): "0", ("gan_monitor_options", "discriminator_loss"): '"loss_d"'}


def named(text):
    """The values that a comment names as defaults: none, one, or one for each of two members."""
    text = re.sub(r"\s*\n\s*\*?\s*", " ", text)
    for form in FORMS:
        found = form.search(text)
        if found:
            return [value for value in found.groups() if value]
    return []


def members(header):
    """(struct, member, value) of all defaults, and (struct, member) of those that say "default" without a value."""
    known, unknown = [], []
    for struct, body in STRUCT.findall(header):
        for _, names, comment in MEMBER.findall(body):
            names = [name.split("*")[-1].strip() for name in names.split(",")]
            values = named(comment)
            if (struct, names[0]) in IN_WORDS:
                values = [IN_WORDS[struct, names[0]]]
            if values and len(values) in (1, len(names)):
                known += [(struct, name, values[i if len(values) > 1 else 0]) for i, name in enumerate(names)]
            elif re.search(r"\bdefault\b", comment):
                unknown += [(struct, name) for name in names]
    return known, unknown


def test_parser():
    header = """typedef struct gan_x_options {
    int64_t a; /**< pixels; default 28 */
    int32_t b; /**< 0: no; 1 (default):
                    yes */
    double c, d; /**< default -1 and 1/2 */
    const char *e; /**< a text; NULL (default): none */
    int32_t f; /**< GAN_F_...; default GAN_F_ONE; but read this */
    double g; /**< one of many, INFINITY (default) */
    int32_t h; /**< nothing is said; its window stays at the defaults */
    int32_t i; /**< by default as others have it */
    int32_t j; /**< with a of 2: 0 (default): no */
    double k; /**< when that is up; 0: no limit (default) */
    const char *const *l; /**< NULL (default) */
} gan_x_options;"""
    expected = [("a", "28"), ("b", "1"), ("c", "-1"), ("d", "1/2"), ("e", "NULL"), ("f", "GAN_F_ONE"), ("g", "INFINITY"), ("j", "0"), ("k", "0"),
                ("l", "NULL")]
    known, unknown = members(header)
    if [entry[1:] for entry in known] != expected or [name for _, name in unknown] != ["i"]:
        sys.exit(f"the parser is broken: {known} {unknown}")


def main():
    test_parser()
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--flag", action="append", default=[])
    arguments = parser.parse_args()
    known, unknown, inits = [], [], set()
    for path in sorted(glob.glob(os.path.join(ROOT, "include/gan/*.h"))):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        inits |= set(re.findall(r"#define (gan_\w+)_init\(", text))
        found, silent = members(text)
        known += found
        unknown += silent
    if len(known) < LEAST:
        sys.exit(f"only {len(known)} defaults were found: the headers look other than this check expects")
    problems = [f"{struct}.{member}: its comment says \"default\", but no value that this check can read" for struct, member in unknown]
    problems += [f"{struct} names defaults and has no {struct}_init" for struct in sorted({entry[0] for entry in known} - inits)]
    lines = ["#include <math.h>", "#include <stdio.h>", "#include <string.h>", "#include <gan.h>", "int main(void) {", "int wrong = 0;"]
    for struct in sorted({entry[0] for entry in known} & inits):
        lines.append(f"{{ {struct} o; {struct}_init(&o);")
        for _, member, value in (entry for entry in known if entry[0] == struct):
            value = f"{value.split('/')[0]}.0 / {value.split('/')[1]}" if "/" in value else value
            right = f"strcmp(o.{member}, {value}) == 0" if value.startswith('"') else f"o.{member} == {value}"
            lines.append(f"if (!({right})) wrong++, puts(\"{struct}.{member} is not what its comment says\");")
        lines.append("}")
    lines += ["return wrong > 0;", "}"]
    with tempfile.TemporaryDirectory() as folder:
        source, program = os.path.join(folder, "defaults.c"), os.path.join(folder, "defaults")
        with open(source, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        library = os.path.abspath(arguments.library)
        command = [*arguments.cc.split(), "-std=c11", *arguments.flag, "-I", os.path.join(ROOT, "include"), source, "-o", program, library,
                   "-lm", "-Wl,-rpath," + os.path.dirname(library)]
        subprocess.run(command, check=True)
        done = subprocess.run([program], stdout=subprocess.PIPE, universal_newlines=True, check=False)
    problems += done.stdout.splitlines()
    if done.returncode not in (0, 1):
        problems.append(f"the program ended with {done.returncode}")
    print("\n".join(problems + [f"{len(known)} defaults: " + (f"{len(problems)} problem(s)" if problems else "ok")]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
