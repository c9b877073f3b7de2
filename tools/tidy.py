#!/usr/bin/python3
"""Runs clang-tidy 14 over the files that changed, or over all that are part of a program that somebody uses.

    tools/tidy.py            what differs from the merge base with main (on main: from HEAD~), working tree included
    tools/tidy.py --all      every file of src, and what changed
    tools/tidy.py FILE...    these files

All tests and benchmarks together would take longer than all the others, and what the linter finds in old ones is not what anybody
waits for: they are checked when they change.

Files are read as the release preset compiles them, which is several at once: what is checked is every unit of the unity
build that holds one of them. Files that it does not compile are left out. For a changed header the file beside it of
the same name is checked, or else one file that includes it.

What had no findings is not checked again as long as nothing that it is compiled from has changed, in any clone: a unit's
fingerprint is kept in ~/.cache/detoxml-tidy. Take that folder away to have all checked anew.

Other versions of clang-tidy find other things: where there is none of 14 (Debian 12 has it) this says so, checks nothing
and ends with exit code 77.
"""
import argparse
import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
VERSION = 14
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "detoxml-tidy"
CACHE_DAYS = 30
PRELUDE = ROOT / "tools/tidy_libtorch.hpp"
# clang-tidy 14 matches all of libtorch's declarations: this one check takes two fifths of the minute that a file costs.
TOO_SLOW_WITH_LIBTORCH = "-performance-unnecessary-value-param"


@functools.lru_cache(maxsize=None)
def llvm_tool(name):
    """The program of this version, under that name or its plain one; or else none, and what its plain name is of."""
    there = "none"
    for program in (f"{name}-{VERSION}", name):
        try:
            said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            continue
        there = re.search(r"version (\d+)|$", said)[1] or "another"
        if there == str(VERSION):
            return program, there
    return None, there


def clang_arguments(entry):
    """The command of one entry without the compiler cache and without g++'s precompiled header, which clang cannot read."""
    arguments = entry.get("arguments") or shlex.split(entry["command"])
    if os.path.basename(arguments[0]) == "ccache":
        arguments = arguments[1:]
    kept = []
    skip_value = False
    for argument, following in zip(arguments, arguments[1:] + [""]):
        if skip_value:
            skip_value = False
        elif argument == "-include" and "cmake_pch" in following:
            skip_value = True
        elif argument != "-Winvalid-pch":
            kept.append(argument)
    return kept + ["-Wno-unknown-warning-option"]


class Unit:
    """What the compiler reads at once: one source file, or several that a unity build includes."""

    def __init__(self, entry):
        self.file = pathlib.Path(entry["directory"], entry["file"]).resolve()
        arguments = clang_arguments(entry)
        self.sources = [self.file]
        if "Unity" in self.file.parts:
            included = re.findall(r'^#include "(.*)"$', self.file.read_text(), re.MULTILINE)
            self.sources = [pathlib.Path(name).resolve() for name in included]
            if len(included) == 1:  # read in its own folder, which may have a .clang-tidy
                arguments = [included[0] if argument == str(self.file) else argument for argument in arguments]
                self.file = self.sources[0]
        # The fences keep libtorch in these folders.
        self.sees_libtorch = any("learn" in path.relative_to(ROOT).parts for path in self.sources)
        prelude = ["-include", str(PRELUDE)] if self.sees_libtorch else []
        self.entry = {
            "directory": entry["directory"],
            "file": str(self.file),
            "arguments": arguments + prelude,
        }

    def __str__(self):
        names = [str(path.relative_to(ROOT)) for path in self.sources]
        return names[0] if len(names) == 1 else f"{len(names)} files from {names[0]}"


def units_of(build):
    """Source file -> the unit that it belongs to, of the project's own files."""
    units = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        file = pathlib.Path(entry["file"])
        if file.name.startswith("cmake_pch") or file.suffix == ".c":  # the checks are those of C++
            continue
        unit = Unit(entry)
        for path in unit.sources:
            units[path] = unit
    return units


def git(*arguments):
    """Lines that git prints, or nothing where it cannot answer."""
    answer = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return answer.stdout.splitlines() if answer.returncode == 0 else None


def base_commit():
    """The commit to compare with, or nothing (a clone without history)."""
    head = git("rev-parse", "HEAD")
    for branch in ("origin/main", "main"):
        base = git("merge-base", "HEAD", branch)
        if base and base != head:
            return base[0]
    before = git("rev-parse", "--verify", "--quiet", "HEAD~")
    return before[0] if before else None


def changed_files(sources):
    base = base_commit()
    if base is None:
        print("tidy: no commit to compare with: checking all files")
        return set(sources)
    names = (git("diff", "--name-only", base) or []) + (git("ls-files", "--others", "--exclude-standard") or [])
    chosen = set()
    for path in {ROOT / name for name in names}:
        if path in sources:
            chosen.add(path)
        elif path.suffix == ".hpp" and path.exists():
            chosen.update(includer(path, sources))
    return chosen


def includer(header, sources):
    """One compiled file through which clang-tidy sees the header."""
    beside = header.with_suffix(".cpp")
    if beside in sources:
        return [beside]
    for folder in ("include", "src", "tests"):
        if header.is_relative_to(ROOT / folder):
            line = f'#include "{header.relative_to(ROOT / folder).as_posix()}"'
            return [path for path in sorted(sources) if line in path.read_text()][:1]
    return []


@functools.lru_cache(maxsize=None)
def content_digest(name):
    """Of a file of ours its bytes, wherever the clone lies; of another's its place, size and time."""
    path = pathlib.Path(name)
    if path.is_relative_to(ROOT):
        content = path.read_bytes().replace(str(ROOT).encode(), b"")  # a unity file names what it includes
        return f"{path.relative_to(ROOT)} {hashlib.sha256(content).hexdigest()}"
    facts = path.stat()
    return f"{path} {facts.st_size} {facts.st_mtime_ns}"


@functools.lru_cache(maxsize=None)
def rules():
    """What decides about findings besides the code."""
    version = subprocess.run([llvm_tool("clang-tidy")[0], "--version"], capture_output=True, text=True, check=True).stdout
    own = [path for path in ROOT.rglob(".clang-tidy") if "build" not in path.relative_to(ROOT).parts]
    return "\n".join([version, *map(content_digest, sorted(map(str, [*own, pathlib.Path(__file__).resolve()])))])


def fingerprint(unit):
    """Of everything that clang-tidy would read; nothing where the compiler cannot say what that is."""
    output = unit.entry["arguments"]
    if "-o" in output:
        at = output.index("-o")
        output = output[:at] + output[at + 2:]
    arguments = [argument for argument in output[1:] if argument != "-c"]
    answer = subprocess.run([llvm_tool("clang++")[0], "-M", *arguments], cwd=unit.entry["directory"], capture_output=True, text=True,
                            check=False)
    if answer.returncode != 0:
        return None
    names = answer.stdout.partition(": ")[2].replace("\\\n", " ").split()
    paths = sorted({str((pathlib.Path(unit.entry["directory"]) / name).resolve()) for name in names})
    # A build folder's own name is no part of the code; what it generates is read like any other file.
    words = [argument.replace(str(ROOT), "") for argument in arguments]
    text = "\n".join([rules(), *words, *map(content_digest, paths)])
    return hashlib.sha256(text.encode()).hexdigest()


def forget_old_fingerprints():
    CACHE.mkdir(parents=True, exist_ok=True)
    for entry in CACHE.iterdir():
        if time.time() - entry.stat().st_mtime > CACHE_DAYS * 86400:
            entry.unlink(missing_ok=True)


def check(unit, database):
    """The unit, clang-tidy's answer (nothing where a former one holds) and the seconds that it took."""
    start = time.monotonic()
    mark = fingerprint(unit)
    if mark and (CACHE / mark).exists():
        (CACHE / mark).touch()
        return unit, None, time.monotonic() - start
    checks = ["--checks", TOO_SLOW_WITH_LIBTORCH] if unit.sees_libtorch else []
    answer = subprocess.run([llvm_tool("clang-tidy")[0], "--quiet", *checks, "-p", str(database), str(unit.file)], cwd=ROOT,
                            capture_output=True, text=True, check=False)
    if mark and answer.returncode == 0:
        (CACHE / mark).touch()
    return unit, answer, time.monotonic() - start


def run(units, database):
    failures = 0
    # What includes libtorch takes longest and goes first, so that no core waits for it at the end.
    order = sorted(units, key=lambda unit: (not unit.sees_libtorch, unit.file))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        tasks = [pool.submit(check, unit, database) for unit in order]
        for number, task in enumerate(concurrent.futures.as_completed(tasks), 1):
            unit, answer, seconds = task.result()
            good = answer is None or answer.returncode == 0
            verdict = "as before" if answer is None else "ok" if good else "FAILED"
            print(f"[{number}/{len(order)}] {verdict} {seconds:5.1f} s {unit}", flush=True)
            if not good:
                failures += 1
                print(answer.stdout, answer.stderr, flush=True)
    return failures


def main():
    parser = argparse.ArgumentParser(description="clang-tidy over what changed, or over all of src as well")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    options = parser.parse_args()

    for name in ("clang-tidy", "clang++"):
        program, there = llvm_tool(name)
        if program is None:
            print(f"tidy: not done: {name} {VERSION} decides, which Debian 12 has, and here is {there}", file=sys.stderr)
            sys.exit(77)
    if not (options.build / "compile_commands.json").exists():
        sys.exit(f"tidy: {options.build}/compile_commands.json is missing: run cmake --preset release first")
    units = units_of(options.build)
    if options.all:
        paths = {path for path in units if path.is_relative_to(ROOT / "src")} | changed_files(units)
    elif options.files:
        paths = {path.resolve() for path in options.files} & set(units)
    else:
        paths = changed_files(units)
    chosen = {units[path] for path in paths}
    own = ROOT / "build/tidy"
    own.mkdir(parents=True, exist_ok=True)
    (own / "compile_commands.json").write_text(json.dumps([unit.entry for unit in set(units.values())], indent=1))
    print(f"tidy: {len(paths)} of {len(units)} files, in {len(chosen)} units")
    forget_old_fingerprints()
    failures = run(chosen, own)
    if failures:
        sys.exit(f"tidy: {failures} of {len(chosen)} units have findings")


if __name__ == "__main__":
    main()
