#!/usr/bin/env python3
"""The documentation against the library: every C and C++ block of README.md and docs/*.md, and every @code block of the public headers,
compiles; programs link, and those of README.md and docs/training.md run; relative links, anchors, pictures and files named in `backticks` exist; header
comments keep within 120 columns; CHANGELOG.md begins with the headers' version.

What a fenced block must be is said by the line before it:
  (nothing)               file-scope declarations, or a program if it has a main; sees the public headers only
  <!-- fragment -->       statements: put into a function in which the names of FRAGMENT_NAMES are declared
  <!-- internal -->       file-scope declarations for a file of lib/: sees the library's own headers too

First the check is tried on made-up texts that break each rule: a rule that finds nothing there is broken itself.

usage: check_docs.py LIBRARY [--cc COMMAND] [--cxx COMMAND] [--flag FLAG]...
LIBRARY is libgan.so; FLAG goes to every compilation (-Werror, sanitizers); without --cxx, C++ blocks are left out."""
import argparse
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WARNINGS = ["-Wall", "-Wextra"]
STANDARDS = {"c": "c11", "cpp": "c++17"}
COLUMNS = 120
STEPS = "2"  # the argument of programs that run

# What a fragment may take for granted.
FRAGMENT_NAMES = {
    "context": "gan_context *context", "tape": "gan_tape *tape", "status": "gan_status status", "generator": "gan_layer *generator",
    "discriminator": "gan_layer *discriminator", "loss": "gan_loss *loss", "dataset": "gan_dataset *dataset", "loader": "gan_loader *loader",
    "adam_g": "gan_optimizer *adam_g", "adam_d": "gan_optimizer *adam_d", "model": "gan_model *model", "run": "gan_run *run",
    "x": "gan_tensor *x", "y": "gan_tensor *y", "z": "gan_tensor *z", "real": "gan_tensor *real", "fake": "gan_tensor *fake",
    "images": "gan_tensor *images", "loss_d": "gan_tensor *loss_d", "loss_g": "gan_tensor *loss_g", "path": "const char *path",
}
FRAGMENT_INCLUDES = {"c": "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <gan.h>\n",
                     "cpp": "#include <exception>\n#include <string>\n#include <gan.h>\n"}
MARK = re.compile(r"^<!--\s*(\w+)\s*-->\s*$")
MARKS = ("fragment", "internal")


class Block:
    def __init__(self, path, line, language, text, mark):
        self.path, self.line, self.language, self.text, self.mark = path, line, language, text, mark
        self.is_program = re.search(r"^int main\s*\(", text, re.M) is not None

    @property
    def where(self):
        return f"{self.path}:{self.line}"

    def source(self):
        """The file to compile; the compiler's messages name the document's lines."""
        body = f'#line {self.line} "{self.path}"\n{self.text}\n'
        if self.mark != "fragment":
            return body
        parameters = ", ".join(FRAGMENT_NAMES.values())
        used = " ".join(f"(void){name};" for name in FRAGMENT_NAMES)
        return (f"{FRAGMENT_INCLUDES[self.language]}gan_status fragment({parameters});\ngan_status fragment({parameters}) {{\n{used}\n{{\n{body}}}\n"
                "return status;\n}\n")


def markdown_blocks(path, lines):
    """Fenced C and C++ blocks, and sentences about fences and marks that are wrong."""
    blocks, problems, fence, mark = [], [], None, None
    for number, line in enumerate(lines, 1):
        opening = re.match(r"^\s*```(\S*)", line)
        if fence is not None:
            if opening and not opening.group(1):
                language, first, text, own_mark = fence
                if language in STANDARDS:
                    blocks.append(Block(path, first, language, "\n".join(text), own_mark))
                fence = None
            else:
                fence[2].append(line)
        elif opening:
            if not opening.group(1):
                problems.append(f"{path}:{number}: a fenced block without a language (text, sh, c, cpp, ...)")
            if opening.group(1) in ("C", "c++", "C++", "cc", "cxx"):
                problems.append(f"{path}:{number}: the language is written c or cpp")
            if mark is not None and opening.group(1) not in STANDARDS:
                problems.append(f"{path}:{number}: '{mark}' before a block that is not C or C++")
            fence = (opening.group(1), number + 1, [], mark)
            mark = None
        elif MARK.match(line):
            mark = MARK.match(line).group(1)
            if mark not in MARKS:
                problems.append(f"{path}:{number}: there is no mark '{mark}'")
                mark = None
        elif line.strip():
            if mark is not None:
                problems.append(f"{path}:{number}: '{mark}' is not followed by a block")
            mark = None
    if fence is not None:
        problems.append(f"{path}:{fence[1] - 1}: a block that does not end")
    return blocks, problems


def header_blocks(path, lines):
    """@code blocks of doc comments, as fragments."""
    blocks, first, text = [], None, []
    for number, line in enumerate(lines, 1):
        plain = re.sub(r"^\s*\*? ?", "", line)
        if "@code" in line:
            first, text = number + 1, []
        elif "@endcode" in line:
            blocks.append(Block(path, first, "c", "\n".join(text), "fragment"))
            first = None
        elif first is not None:
            text.append(plain)
    return blocks


def anchors(text):
    """The anchors of a document's headings, as GitHub makes them."""
    found = set()
    for title in re.findall(r"^#{1,6} +(.*?)\s*$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M):
        anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        number, unique = 1, anchor
        while unique in found:
            unique, number = f"{anchor}-{number}", number + 1
        found.add(unique)
    return found


def link_problems(root, path, text):
    """Relative links and pictures whose file or heading does not exist."""
    problems, fenced = [], False
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        if fenced:
            continue
        line = re.sub(r"`[^`]*`", "", line)
        targets = re.findall(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)", line)
        targets += re.findall(r"<(?:img|a|source)\b[^>]*?\b(?:src|href|srcset)=\"([^\"]+)\"", line)
        targets += re.findall(r"^\[[^\]]+\]:\s*(\S+)", line)
        for target in targets:
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue
            file, _, anchor = target.partition("#")
            full = os.path.normpath(os.path.join(root, os.path.dirname(path), file)) if file else os.path.join(root, path)
            if file.startswith("/") or not os.path.exists(full):
                problems.append(f"{path}:{number}: there is no '{file}'")
            elif anchor and full.endswith(".md"):
                with open(full, encoding="utf-8") as other:
                    if anchor not in anchors(other.read()):
                        problems.append(f"{path}:{number}: '{file or path}' has no heading '#{anchor}'")
    return problems


def path_problems(root, path, text):
    """Files of the source tree that are named in backticks and do not exist. Patterns are not looked at."""
    problems, fenced = [], False
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        if fenced:
            continue
        for name in re.findall(r"`((?:lib|tests|examples|include|cmake|docs|pkgconfig)/[\w./-]*)`", line):
            if not os.path.exists(os.path.join(root, name)):
                problems.append(f"{path}:{number}: there is no '{name}'")
    return problems


def part_problems(headers, text):
    """Layers, losses and optimizers that docs/parts.md does not name: its table claims all."""
    names = set()
    for header in headers:
        names |= set(re.findall(r"\b(gan_add_\w+)\(gan_builder|\b(gan_loss_\w+_create|gan_\w+_create)\(gan_(?:loss|optimizer) \*\*", header))
    named = set(re.findall(r"\bgan_\w+", text))
    return [f"docs/parts.md: {name} is missing" for name in sorted({"".join(pair) for pair in names} - named)]


def version_problems(header, changelog):
    """The newest heading of the changelog is of the headers' version."""
    version = ".".join(re.findall(r"#define GAN_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header))
    newest = re.search(r"^## (\S+)", changelog, re.M)
    return [] if newest and newest.group(1) == version else [f"CHANGELOG.md: the newest version is not {version}, as in include/gan/version.h"]


def documents(root):
    names = [name for name in ("README.md", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md") if os.path.exists(os.path.join(root, name))]
    docs = os.path.join(root, "docs")
    return names + sorted("docs/" + name for name in os.listdir(docs) if name.endswith(".md"))


def public_headers(root):
    return ["include/gan.h"] + sorted("include/gan/" + n for n in os.listdir(os.path.join(root, "include", "gan")) if n.endswith(".h"))


def collect(root):
    blocks, problems = [], []
    for path in documents(root):
        with open(os.path.join(root, path), encoding="utf-8") as file:
            text = file.read()
        found, wrong = markdown_blocks(path, text.split("\n"))
        blocks += found
        problems += wrong + link_problems(root, path, text) + path_problems(root, path, text)
    with open(os.path.join(root, "include", "gan", "version.h"), encoding="utf-8") as header, \
            open(os.path.join(root, "CHANGELOG.md"), encoding="utf-8") as changelog:
        problems += version_problems(header.read(), changelog.read())
    headers = []
    for path in public_headers(root):
        with open(os.path.join(root, path), encoding="utf-8") as file:
            headers.append(file.read())
        lines = headers[-1].split("\n")
        blocks += header_blocks(path, lines)
        problems += [f"{path}:{n}: {len(line)} columns; the limit is {COLUMNS}" for n, line in enumerate(lines, 1) if len(line) > COLUMNS]
    with open(os.path.join(root, "docs", "parts.md"), encoding="utf-8") as file:
        problems += part_problems(headers, file.read())
    return blocks, problems


class Compiler:
    def __init__(self, options, folder):
        self.options, self.folder, self.count = options, folder, 0
        self.library_folder, name = os.path.split(os.path.abspath(options.library))
        self.library = re.sub(r"^lib|\.(so|dylib).*$", "", name)

    def compile(self, numbered):
        """None, or the sentence that says what is wrong with a block."""
        number, block = numbered
        command = [self.options.cc if block.language == "c" else self.options.cxx]
        source = os.path.join(self.folder, f"block{number}.{block.language}")
        with open(source, "w", encoding="utf-8") as file:
            file.write(block.source())
        command += [f"-std={STANDARDS[block.language]}"] + WARNINGS + self.options.flag + ["-I", os.path.join(ROOT, "include")]
        if block.mark == "fragment":
            command += ["-Wno-unused-variable", "-Wno-unused-but-set-variable"]
        if block.mark == "internal":
            command += ["-I", os.path.join(ROOT, "lib"), "-D_POSIX_C_SOURCE=200809L", "-Wno-unused-function"]
        if block.is_program:
            command += [source, "-o", self.program(number), "-L", self.library_folder, "-l" + self.library,
                        "-Wl,-rpath," + self.library_folder]
        else:
            command += ["-fsyntax-only", source]
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if result.returncode:
            return f"{block.where}: this block does not compile{' or link' if block.is_program else ''}:\n{result.stdout.rstrip()}"
        return None

    def program(self, number):
        return os.path.join(self.folder, f"block{number}.exe")


def run_programs(compiler, blocks, folder):
    """The programs of README and training.md, in order, in one folder: a later one may read what an earlier one wrote. They end without releasing what they made,
    which is no leak that anybody minds."""
    problems = []
    environment = dict(os.environ, ASAN_OPTIONS=":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "detect_leaks=0"])))
    for number, block in enumerate(blocks):
        if not block.is_program or block.path not in ("README.md", "docs/training.md") or not os.path.exists(compiler.program(number)):
            continue
        try:
            result = subprocess.run([compiler.program(number), STEPS], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
        except subprocess.TimeoutExpired:
            problems.append(f"{block.where}: this program does not end")
            continue
        if result.returncode:
            problems.append(f"{block.where}: this program ends with {result.returncode}:\n{result.stdout.rstrip()}")
    return problems


def self_test():
    """Each text has the problems that are named beside it; 'good' is a block that compiles."""
    problems = []
    cases = [
        ("```c\nint f(void);\n```\n", 0, 1), ("text\n\n```sh\nls\n```\n", 0, 0), ("```\nls\n```\n", 1, 0), ("```c\nint f;\n", 1, 0),
        ("```C++\nint f;\n```\n", 1, 0), ("<!-- fragment -->\n```c\nx = y;\n```\n", 0, 1), ("<!-- fragment -->\n\ntext\n", 1, 0),
        ("<!-- nonsense -->\n```c\n```\n", 1, 1), ("<!-- internal -->\n```text\n```\n", 1, 0), ("  ```c\nint f;\n  ```\n", 0, 1),
    ]
    for text, wrong, blocks in cases:
        found, sentences = markdown_blocks("a.md", text.split("\n"))
        if (len(sentences), len(found)) != (wrong, blocks):
            problems.append(f"self-test: {text!r} gives {len(found)} blocks and {sentences}")
    declared = ["void gan_add_a(gan_builder *b); gan_tensor *gan_add_b(gan_tape *t);", "gan_status gan_loss_c_create(gan_loss **out); "
                "gan_status gan_d_create(gan_optimizer **out); gan_status gan_e_create(gan_model **out);"]
    for text, wrong in [("`gan_add_a` `gan_loss_c_create` gan_d_create", 0), ("gan_add_ab gan_d_create", 2), ("", 3)]:
        if len(part_problems(declared, text)) != wrong:
            problems.append(f"self-test: parts {text!r} give {part_problems(declared, text)}")
    header = "#define GAN_VERSION_MAJOR 0\n#define GAN_VERSION_MINOR 1\n#define GAN_VERSION_PATCH 2\n"
    for text, wrong in [("## 0.1.2 (unreleased)\n## 0.1.1\n", 0), ("## 0.1.1\n## 0.1.2\n", 1), ("0.1.2", 1)]:
        if len(version_problems(header, text)) != wrong:
            problems.append(f"self-test: a changelog {text!r} gives {version_problems(header, text)}")
    with tempfile.TemporaryDirectory() as root:
        os.mkdir(os.path.join(root, "docs"))
        with open(os.path.join(root, "docs", "b.md"), "w", encoding="utf-8") as file:
            file.write("# A title, `code`\n## Again\n## Again\n```text\n# no title\n```\n")
        for text, wrong in [("[a](b.md)", 0), ("[a](c.md)", 1), ("[a](b.md#a-title-code)", 0), ("[a](b.md#again-1)", 0), ("[a](b.md#no-title)", 1),
                            ("![p](images/p.png)", 1), ('<img src="p.png" alt="">', 1), ("<https://x.org> [a](https://x.org)", 0),
                            ("`[a](c.md)`", 0), ("[a](../docs/b.md)", 0), ("[a](/docs/b.md)", 1), ("[a]: c.md", 1)]:
            found = link_problems(root, "docs/a.md", text)
            if len(found) != wrong:
                problems.append(f"self-test: {text!r} gives {found}")
        for text, wrong in [("`docs/b.md`", 0), ("`docs/c.md`", 1), ("```sh\n`docs/c.md`\n```", 0), ("`lib/*.c`", 0)]:
            found = path_problems(root, "docs/a.md", text)
            if len(found) != wrong:
                problems.append(f"self-test: {text!r} gives {found}")
    program = Block("a.md", 1, "c", "#include <gan.h>\nint main(void) { return 0; }", None)
    if not program.is_program or Block("a.md", 1, "c", "int f(void);", None).is_program:
        problems.append("self-test: programs are not told from declarations")
    return problems


def self_test_of_compiler(compiler):
    """Wrong blocks must be refused."""
    wrong = [("c", "int f(void) { return undeclared; }", None), ("c", "status = gan_tape_status(tape, 1);", "fragment"),
             ("c", "#include <gan.h>\nint main(void) { return gan_no_such(); }", None), ("c", '#include "ops/ops.h"', None),
             ("c", "#include <gan.h>\nvoid gan_version2(void);\nint main(void) { gan_version2(); return 0; }", None)]
    jobs = [(f"wrong{i}", Block("a.md", 1, language, text, mark)) for i, (language, text, mark) in enumerate(wrong)]
    return [f"self-test: accepted: {job[1].text!r}" for job in jobs if compiler.compile(job) is None]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--cxx", default="")
    parser.add_argument("--flag", action="append", default=[])
    options = parser.parse_args()
    os.environ["LC_ALL"] = "C"

    problems = self_test()
    blocks, wrong = collect(ROOT)
    problems += wrong
    if not options.cxx:
        blocks = [block for block in blocks if block.language != "cpp"]
    with tempfile.TemporaryDirectory() as folder:
        compiler = Compiler(options, folder)
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            problems += self_test_of_compiler(compiler)
            problems += [sentence for sentence in pool.map(compiler.compile, enumerate(blocks)) if sentence]
        work = os.path.join(folder, "work")
        os.mkdir(work)
        problems += run_programs(compiler, blocks, work)
    if not any(block.is_program and block.path == "README.md" for block in blocks):
        problems.append("README.md has no program")
    for problem in problems:
        print(problem)
    print(f"{len(blocks)} blocks in {len(documents(ROOT))} documents and the headers: {'%d problem(s)' % len(problems) if problems else 'ok'}")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
