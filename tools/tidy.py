#!/usr/bin/python3
"""Runs clang-tidy-14 over the files that changed, or over all of them.

    tools/tidy.py            what differs from the merge base with main (on main: from HEAD~), working tree included
    tools/tidy.py --all      every file of the compile database
    tools/tidy.py FILE...    these files

Files are read as the release preset compiles them; files that it does not compile are left out. For a changed header
the file beside it of the same name is checked, or else one file that includes it.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLANG_TIDY = "clang-tidy-14"
PRELUDE = ROOT / "tools/tidy_libtorch.hpp"
# clang-tidy 14 matches all of libtorch's declarations: this one check takes two fifths of the minute that a file costs.
TOO_SLOW_WITH_LIBTORCH = "-performance-unnecessary-value-param"


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


def sees_libtorch(path):
    """Whether a file may include libtorch: the fences keep it in these folders."""
    return "learn" in path.relative_to(ROOT).parts


def database(build):
    """Source file -> entry, of the project's own files."""
    entries = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["directory"], entry["file"]).resolve()
        if path.is_relative_to(ROOT) and not path.is_relative_to(ROOT / "build"):
            prelude = ["-include", str(PRELUDE)] if sees_libtorch(path) else []
            entries[path] = {
                "directory": entry["directory"],
                "file": str(path),
                "arguments": clang_arguments(entry) + prelude,
            }
    return entries


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


def changed_files(entries):
    base = base_commit()
    if base is None:
        print("tidy: no commit to compare with: checking all files")
        return set(entries)
    names = (git("diff", "--name-only", base) or []) + (git("ls-files", "--others", "--exclude-standard") or [])
    chosen = set()
    for path in {ROOT / name for name in names}:
        if path in entries:
            chosen.add(path)
        elif path.suffix == ".hpp" and path.exists():
            chosen.update(includer(path, entries))
    return chosen


def includer(header, entries):
    """One compiled file through which clang-tidy sees the header."""
    beside = header.with_suffix(".cpp")
    if beside in entries:
        return [beside]
    for folder in ("include", "src", "tests"):
        if header.is_relative_to(ROOT / folder):
            line = f'#include "{header.relative_to(ROOT / folder).as_posix()}"'
            return [path for path in sorted(entries) if line in path.read_text()][:1]
    return []


def check(path, build):
    start = time.monotonic()
    checks = ["--checks", TOO_SLOW_WITH_LIBTORCH] if sees_libtorch(path) else []
    answer = subprocess.run([CLANG_TIDY, "--quiet", *checks, "-p", str(build), str(path)], cwd=ROOT,
                            capture_output=True, text=True, check=False)
    return path, answer, time.monotonic() - start


def run(paths, build):
    failures = 0
    # Files that include libtorch take longest and go first, so that no core waits for them at the end.
    order = sorted(paths, key=lambda path: (not sees_libtorch(path), path))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        tasks = [pool.submit(check, path, build) for path in order]
        for number, task in enumerate(concurrent.futures.as_completed(tasks), 1):
            path, answer, seconds = task.result()
            good = answer.returncode == 0
            print(f"[{number}/{len(order)}] {'ok' if good else 'FAILED'} {seconds:5.1f} s {path.relative_to(ROOT)}",
                  flush=True)
            if not good:
                failures += 1
                print(answer.stdout, answer.stderr, flush=True)
    return failures


def main():
    parser = argparse.ArgumentParser(description="clang-tidy over what changed, or over everything")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    options = parser.parse_args()

    if not (options.build / "compile_commands.json").exists():
        sys.exit(f"tidy: {options.build}/compile_commands.json is missing: run cmake --preset release first")
    entries = database(options.build)
    if options.all:
        paths = set(entries)
    elif options.files:
        paths = {path.resolve() for path in options.files} & set(entries)
    else:
        paths = changed_files(entries)
    own = ROOT / "build/tidy"
    own.mkdir(parents=True, exist_ok=True)
    (own / "compile_commands.json").write_text(json.dumps(list(entries.values()), indent=1))
    print(f"tidy: {len(paths)} of {len(entries)} files")
    failures = run(paths, own)
    if failures:
        sys.exit(f"tidy: {failures} of {len(paths)} files have findings")


if __name__ == "__main__":
    main()
