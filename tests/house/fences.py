#!/usr/bin/python3
"""The fences of ARCHITECTURE.md, checked by reading the files.

    fences.py [ROOT]     prints one line for each violation; exit code 1 where there is one

Looks at the files that git tracks and at new ones that it does not ignore; in a tree without git, at all of them.
"""
import pathlib
import re
import subprocess
import sys

# A folder of src/ may include folders of lower floors, itself, and include/detox. A stage counts as a folder.
FLOORS = {
    "base": 1,
    "kernels": 2, "data": 2, "learn": 2, "comm": 2, "record": 2,
    "stages": 3, "exchange": 3, "prepare": 3, "cluster": 3, "host": 3,
    "config": 4, "library": 4,
    "round": 5,
    "engine": 6,
    "run": 7, "review": 7,
    "launch": 8, "doctor": 8, "embed": 8, "experiment": 8, "report": 8,
    "cli": 9,
}

# Where the headers of a library may be included: one folder of src/, and what tests and times it.
LIBRARY_HOMES = {
    "libtorch": (re.compile(r"(torch|ATen|c10|caffe2)/"), ("src/learn/torch/", "tests/learn/", "bench/learn/")),
    "MPI": (re.compile(r"mpi(-ext)?\.h$"), ("src/comm/mpi/", "tests/comm/mpi/", "bench/comm/mpi/")),
}
FOREIGN_TYPES = re.compile(r"\b(torch|at|c10)::|\bMPI_[A-Z]")
# What exchange, round and engine know of the time is told them, so that a simulation can tell them another.
TIMED_FOLDERS = ("src/exchange/", "src/round/", "src/engine/")
OWN_TIME = re.compile(r"\b(?:system|steady|high_resolution)_clock::now\b|\bsleep_(?:for|until)\b|\bClock::real\(\)\.|\bstd::async\b")
# A round is composed from a run's configuration and keys, in one place.
ROUND_MADE = re.compile(r"\bServerRound\s+\w+\s*[({]")
ROUND_MAKER = "src/run/session.cpp"
IMPURE_HEADERS = {"chrono", "cstdio", "ctime", "filesystem", "fstream", "future", "iostream", "random", "thread"}

CODE_SUFFIXES = {".cpp", ".hpp", ".h", ".def", ".py", ".sh", ".cmake"}
MAX_LINES = 600
MAX_TABLE_COLUMNS = 120  # of a .def, which tools/format leaves alone

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
TEST_MACRO = re.compile(r"^\s*(?:TEST|TEST_F|TEST_P|TYPED_TEST|TYPED_TEST_P|INSTANTIATE_TEST_SUITE_P)\(", re.MULTILINE)
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
MACHINE_PATH = re.compile(r"(?<![\w.$}~-])/(?:work|root|home)/\w")
BUILD_FLAGS = re.compile(r"-march=native|-mtune=native|-ffast-math|-Ofast|-ffp-contract=(?!off)\w*")
OTHER_DECLARATIONS = re.compile(
    r"\b(?:apt|apt-get|aptitude)\s+(?:-\S+\s+)*install\b(?! \./)|\bpip3?\s+install\b|\bFetchContent_|\bExternalProject_Add"
    r"|\bCPMAddPackage"
)
DECLARING_FILES = {"requirements.txt", "vcpkg.json", "conanfile.txt", "conanfile.py", ".gitmodules", "environment.yml"}
DEPENDENCY_LIST = "tools/install-deps"
# These files name what they look for.
OWN_FILES = {"tests/house/fences.py", "tests/house/fences_test.py"}


def files_of(root):
    """Relative paths, sorted."""
    git = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root, capture_output=True, text=True, check=False) if (root / ".git").exists() else None
    if git is not None and git.returncode == 0:
        names = [name for name in git.stdout.split("\0") if name]
    else:
        ignored = {".git", "build", "output", "__pycache__"}
        names = [path.relative_to(root).as_posix() for path in root.rglob("*")
                 if not ignored & set(path.relative_to(root).parts)]
    return sorted(name for name in names if (root / name).is_file())


def text_of(path):
    """The text of a file, or nothing where it is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def includes_of(text):
    return [(quote == "<", name) for quote, name in INCLUDE.findall(COMMENT.sub("", text))]


def folder_of(parts):
    """The fence that a path below src/ lies in, as parts: ("kernels",) or ("stages", "vote")."""
    return parts[:2] if parts[0] == "stages" else parts[:1]


def check_floors(name, text):
    parts = name.split("/")
    if parts[0] != "src" or len(parts) < 3:
        return
    own = folder_of(parts[1:-1])
    if own[0] not in FLOORS:
        yield f"src/{own[0]} has no floor: add it to FLOORS in tests/house/fences.py and to ARCHITECTURE.md"
        return
    for _, include in includes_of(text):
        target_parts = include.split("/")
        if len(target_parts) < 2 or target_parts[0] not in FLOORS:
            continue
        target = folder_of(target_parts[:-1])
        if target != own and FLOORS[target[0]] >= FLOORS[own[0]]:
            yield (f"includes {include}: {'/'.join(own)} is on floor {FLOORS[own[0]]} and may include lower floors "
                   f"only, {'/'.join(target)} is on floor {FLOORS[target[0]]}")


def check_public_headers(name, text):
    if not name.startswith("include/"):
        return
    for angled, include in includes_of(text):
        if "/" in include and not include.startswith("detox/") or (not angled and "/" not in include):
            yield f"includes {include}: a public header includes detox/ and the standard library only"
    found = FOREIGN_TYPES.search(COMMENT.sub("", text))
    if found:
        yield f"names {found.group(0)}: no type of libtorch or MPI is public"


def check_libraries(name, text):
    for _, include in includes_of(text):
        for library, (pattern, homes) in LIBRARY_HOMES.items():
            if pattern.match(include) and not name.startswith(homes):
                yield f"includes {include}: {library} stays in {homes[0]} and its tests and benchmarks"


def check_purity(name, text):
    if not name.startswith("src/stages/"):
        return
    for _, include in includes_of(text):
        if include in IMPURE_HEADERS:
            yield f"includes <{include}>: a stage has no clock, files, threads or randomness of its own"


def check_time(name, text):
    if not name.startswith(TIMED_FOLDERS):
        return
    found = OWN_TIME.search(COMMENT.sub("", text))
    if found:
        yield f"has {found.group(0)}: time is passed in here (src/base/clock.hpp)"


def check_rounds(name, text):
    if name.endswith((".cpp", ".hpp")) and name != ROUND_MAKER and ROUND_MADE.search(COMMENT.sub("", text)):
        yield "makes a ServerRound by hand: tests and benchmarks take the steps of a detox::Session as well"


def check_commands(name, text):
    path = pathlib.PurePosixPath(name)
    if path.parts[:2] != ("src", "cli") or path.name == "main.cpp" or path.name.endswith("_command.cpp"):
        return
    for _, include in includes_of(text):
        if include.split("/")[0] in ("round", "engine", "record"):
            yield f"includes {include}: in cli only main and the commands know of runs; what others need is in run/"


def check_server(root, names):
    """What the server's round includes, followed to the end, holds no attack."""
    found = {}  # file of this tree -> the path of includes that led there
    for name in names:
        if name.startswith("src/round/") and name.endswith((".cpp", ".hpp")):
            found[name] = [name]
    open_ends = list(found)
    while open_ends:
        name = open_ends.pop()
        for _, include in includes_of(text_of(root / name) or ""):
            if include.startswith("stages/attack/"):
                yield f"{found[name][0]}: includes {' -> '.join([*found[name][1:], include])}: the server holds no attack code"
                continue
            for top in ("src/", "include/"):
                target = top + include
                if target not in found and (root / target).is_file():
                    found[target] = [*found[name], include]
                    open_ends.append(target)


def check_text(name, text):
    path = pathlib.PurePosixPath(name)
    is_script = text.startswith("#!")
    if path.suffix in CODE_SUFFIXES or path.name == "CMakeLists.txt" or is_script:
        lines = text.count("\n")
        if lines > MAX_LINES:
            yield f"has {lines} lines; {MAX_LINES} are the most: split it"
    if name in OWN_FILES:
        return
    found = MACHINE_PATH.search(text)
    if found:
        yield f"line {text.count(chr(10), 0, found.start()) + 1}: names a path of one machine: {found.group(0)}..."
    if path.suffix == ".cmake" or path.name in ("CMakeLists.txt", "CMakePresets.json"):
        found = BUILD_FLAGS.search(text)
        if found:
            yield f"sets {found.group(0)}: bits would differ from machine to machine"
    if name != DEPENDENCY_LIST:
        found = OTHER_DECLARATIONS.search(text)
        if found or path.name in DECLARING_FILES:
            yield f"declares a dependency ({found.group(0) if found else path.name}); the only place is {DEPENDENCY_LIST}"


def check_tables(name, text):
    """A registry is laid out by hand."""
    if not name.endswith(".def"):
        return
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > MAX_TABLE_COLUMNS:
            yield f"line {number} has {len(line)} columns; {MAX_TABLE_COLUMNS} are the most"
        if "\t" in line or line != line.rstrip():
            yield f"line {number} has a tab, or ends in a space"


def check_dependency_list(name, text):
    """Every package has a line of its own and a reason."""
    if name != DEPENDENCY_LIST:
        return
    lists = re.findall(r"^\w+='\n(.*?)^'", text, re.MULTILINE | re.DOTALL)
    if not lists:
        yield "holds no list of packages that this test can read"
    for line in "".join(lists).splitlines():
        if not re.fullmatch(r"[a-z0-9][a-z0-9.+-]*\s+# \S.*", line):
            yield f"'{line.strip()}': one package a line, followed by # and the reason it is needed"


def check_tests(name, text):
    """A test program without a test passes whatever happens."""
    if name.startswith("tests/") and name.endswith("_test.cpp") and not TEST_MACRO.search(COMMENT.sub("", text)):
        yield "holds no test"


def check_built(root, names):
    """A file that no CMake list names, nor a pattern in one, is neither compiled nor tested."""
    lists = {name: (root / name).read_text(encoding="utf-8") for name in names
             if pathlib.PurePosixPath(name).name == "CMakeLists.txt"}
    for name in names:
        path = pathlib.PurePosixPath(name)
        if path.suffix != ".cpp" or path.parts[0] not in ("src", "tests", "bench"):
            continue
        word = re.compile(rf"\b{re.escape(path.stem.removeprefix('fuzz_'))}(?![\w-])")
        above = [lists.get((parent / "CMakeLists.txt").as_posix(), "") for parent in path.parents]
        patterns = [parent / pattern for parent, text in zip(path.parents, above)
                    for globs in re.findall(r"file\(GLOB ([^)]*)\)", text) for pattern in re.findall(r"\S+\.cpp", globs)]
        is_matched = any(path.parent == pattern.parent and path.match(pattern.name) for pattern in patterns)
        if not is_matched and not any(word.search(text.replace("fuzz_", "")) for text in above):
            yield f"{name}: no CMakeLists.txt beside or above it names it: it is not built"


CODE_CHECKS = (check_floors, check_public_headers, check_libraries, check_purity, check_time, check_rounds,
               check_commands, check_tests)
TEXT_CHECKS = (check_text, check_tables, check_dependency_list)


def violations(root):
    """One line for each, in the order of the files."""
    names = files_of(root)
    found = [*check_built(root, names), *check_server(root, names)]
    for name in names:
        text = text_of(root / name)
        if text is None:
            continue
        checks = TEXT_CHECKS + (CODE_CHECKS if name.endswith((".cpp", ".hpp", ".h")) else ())
        for check in checks:
            found += [f"{name}: {message}" for message in check(name, text)]
    return found


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]).resolve()
    count = len(files_of(root))
    if count == 0:
        sys.exit(f"fences: no file in {root}")
    found = violations(root)
    for line in found:
        print(line)
    if found:
        sys.exit(f"fences: {len(found)} violations in {count} files; ARCHITECTURE.md says why the fences are there")
    print(f"fences: they hold in {count} files")


if __name__ == "__main__":
    main()
