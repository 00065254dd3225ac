#!/usr/bin/env python3
"""What the built library is made of: SONAME, no writable data of its own, no executable stack, no lazy binding; size, needed libraries.

usage: check_binary.py LIBGAN_SO LIBGAN_A [--release] [--ours] [--lapack]
--release: also writable data and text relocations; --ours: also size, needed libraries and RUNPATH, which flags and systems of others change;
--lapack: it was built with LAPACK, which it may not need otherwise"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

import headers

LIMIT = 1_000_000
NEEDED = re.compile(r"^(libc|libm|libpthread|libpng\d*|libjpeg|libz|libz-ng|libblas|libcblas|libopenblas\w*|libflexiblas|libblis\w*|liblapacke?|ld-linux[\w-]*|libgcc_s)\.so\b|^ld-musl|"
                    r"^libc\.musl")
# What the C runtime adds to every shared object.
RUNTIME = {"completed.0", "completed.7389", "__dso_handle", "__TMC_END__", "_edata", "__bss_start", "_end", "__data_start", "data_start", "edata", "end"}
WRITABLE = {".data", ".bss", ".tdata", ".tbss", ".sdata", ".sbss", ".data1", ".lbss", ".ldata"}


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=dict(os.environ, LC_ALL="C")).stdout


def writable_data_of_library(library):
    """Symbols of the linked library in a writable section, the C runtime's own excepted. (.data.rel.ro is read-only once loaded.)"""
    sections = {}
    for match in re.finditer(r"^\s*\[\s*(\d+)\]\s+(\S+)", run("readelf", "-SW", library), re.M):
        sections[match.group(1)] = match.group(2)
    found = []
    for line in run("readelf", "-sW", library).splitlines():
        fields = line.split()
        if len(fields) == 8 and fields[0].rstrip(":").isdigit() and fields[3] in ("OBJECT", "NOTYPE", "TLS", "COMMON"):
            section = sections.get(fields[6], fields[6])
            if (section in WRITABLE or section == "COM") and fields[7].split("@")[0] not in RUNTIME:
                found.append(f"{fields[7]} is writable data ({fields[2]} bytes in {section})")
    return found


def writable_data_of_objects(archive):
    """Writable sections of our own object files that are not empty, the linker's part left out."""
    found = []
    member = "?"
    for line in run("size", "-A", archive).splitlines():
        fields = line.split()
        if ":" in line or "(ex " in line:
            member = fields[0]
        elif len(fields) == 3 and fields[1].isdigit() and int(fields[1]):
            name = fields[0]
            if name in WRITABLE or re.match(r"^\.(data|bss|tdata|tbss)\.(?!rel\.ro)", name):
                found.append(f"{member} has {fields[1]} bytes in {name}")
    return found


def main():
    library, archive = sys.argv[1], sys.argv[2]
    release, ours = "--release" in sys.argv, "--ours" in sys.argv
    problems = []

    with open(os.path.join(headers.ROOT, "include", "gan", "version.h"), encoding="utf-8") as file:
        version = dict(re.findall(r"#define GAN_VERSION_(\w+) (\d+)$", file.read(), re.M))
    soname = "libgan.so." + (f"0.{version['MINOR']}" if version["MAJOR"] == "0" else version["MAJOR"])

    dynamic = run("readelf", "-dW", library)
    if f"[{soname}]" not in re.findall(r"\(SONAME\).*?(\[.*\])", dynamic):
        problems.append(f"SONAME is not {soname}")
    for needed in re.findall(r"\(NEEDED\).*?\[(.*)\]", dynamic):
        if ours and not NEEDED.match(needed):
            problems.append(f"needs {needed}")
        if needed.startswith("liblapack") and "--lapack" not in sys.argv:
            problems.append(f"needs {needed}, though built without LAPACK")
    for tag, looked_for in (("TEXTREL", release), ("RPATH", ours), ("RUNPATH", ours)):
        if looked_for and f"({tag})" in dynamic:
            problems.append(f"has {tag}")
    if "BIND_NOW" not in dynamic and " NOW" not in dynamic:
        problems.append("is not bound at load (-z now)")

    segments = run("readelf", "-lW", library)
    stack = re.search(r"GNU_STACK.*", segments)
    if not stack or re.search(r"RWE", stack.group(0)):
        problems.append("has an executable stack")
    if re.search(r"LOAD.*RWE", segments):
        problems.append("has a segment that is writable and executable")
    if "GNU_RELRO" not in segments:
        problems.append("has no RELRO segment")

    imported = re.findall(r"\bLAPACKE?_?\w*|\bd(?:geqrf|orgqr)_", " ".join(re.findall(r"UND (\S+)$", run("readelf", "--dyn-syms", "-W", library), re.M)))
    if bool(imported) != ("--lapack" in sys.argv):
        problems.append(f"imports {', '.join(imported) or 'nothing'} of LAPACK, against what it was built with")

    own_plt = [name for name in re.findall(r"JU?MP_SLOT?\w*\s+\S+\s+(gani?_\w+)", run("readelf", "-rW", library))]
    if own_plt:
        problems.append(f"calls its own functions through the PLT: {', '.join(own_plt[:5])}")

    if release:
        problems += writable_data_of_library(library) + writable_data_of_objects(archive)
    size = 0
    if ours:
        with tempfile.TemporaryDirectory() as folder:
            stripped = os.path.join(folder, "libgan.so")
            shutil.copyfile(library, stripped)
            run("strip", stripped)
            size = os.path.getsize(stripped)
        if size >= LIMIT:
            problems.append(f"{size} bytes stripped; the limit is {LIMIT}")
    headers.finish(problems, f"{os.path.basename(library)}" + (f", {size} bytes stripped" if ours else ""))


if __name__ == "__main__":
    main()
