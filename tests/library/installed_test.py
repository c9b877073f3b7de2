"""Installs the library into a folder of its own, and uses that from outside the tree: headers, programs, pkg-config, the page."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CXX = os.environ["DETOX_CXX"]
STRICT = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]

# What the page's parts stand in: those that are no program of their own.
CPP_AROUND = """
{includes}
#include <detox/aggregate.hpp>
#include <detox/errors.hpp>
#include <cstdio>
#include <string>
#include <vector>
[[maybe_unused]] const std::vector<std::vector<float>> gradients(11, std::vector<float>(1000, 1.0F));
{outside}
int main() {{
{inside}
}}
"""


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def as_program(code):
    """A part of the page in C++ as a program: definitions outside main, all else in it."""
    if "int main(" in code:
        return code
    includes = "\n".join(re.findall(r"^#include .*$", code, re.MULTILINE))
    code = re.sub(r"^#include .*\n", "", code, flags=re.MULTILINE)
    is_definition = code.lstrip().startswith(("class ", "const detox::RuleInfo"))
    return CPP_AROUND.format(includes=includes, outside=code if is_definition else "", inside="" if is_definition else code)


class InstalledLibrary(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.prefix = cls.folder / "prefix"
        run("cmake", "--install", os.environ["DETOX_BUILD"], "--prefix", cls.prefix)
        cls.headers = sorted(cls.prefix.glob("include/detox/*"))
        (library,) = cls.prefix.glob("lib/**/libdetoxml.so")
        cls.library = library

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def compiled(self, source, *words):
        """The exit code and what the compiler says."""
        compiler = ["cc", "-std=c99", "-pedantic"] if source.suffix == ".c" else [CXX, "-std=c++20"]
        done = subprocess.run([*compiler, *map(str, words), str(source), f"-I{self.prefix / 'include'}"],
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    def written(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def environment(self):
        return os.environ | {"PKG_CONFIG_PATH": str(self.library.parent / "pkgconfig"), "LD_LIBRARY_PATH": str(self.library.parent)}

    def run_against_library(self, source):
        flags = run("pkg-config", "--cflags", "--libs", "detoxml", env=self.environment()).split()
        compiler = ["cc", "-std=c99", "-pedantic"] if source.suffix == ".c" else [CXX, "-std=c++20"]
        program = source.with_suffix(".out")
        run(*compiler, *STRICT, source, "-o", program, *flags)
        return run(program, env=self.environment())

    def test_has_the_headers_of_include_and_no_others(self):
        self.assertEqual([path.name for path in self.headers], sorted(os.listdir(ROOT / "include/detox")))
        self.assertEqual(os.listdir(self.prefix / "include"), ["detox"])
        self.assertEqual(os.listdir(ROOT / "include"), ["detox"])

    def test_has_headers_that_compile_alone(self):
        for header in self.headers:
            suffixes = [".cpp"] if header.suffix == ".hpp" else [".c", ".cpp"]
            for suffix in suffixes:
                source = self.written(f"alone{suffix}", f"#include <detox/{header.name}>\n")
                self.assertEqual(self.compiled(source, *STRICT, "-fsyntax-only"), (0, ""), header)

    def test_tells_an_older_compiler_what_it_needs_and_no_more(self):
        for header in self.headers:
            if header.suffix != ".hpp":
                continue
            source = self.written("older.cpp", f"#include <detox/{header.name}>\nint main() {{ detox::nothing(); }}\n")
            code, said = self.compiled(source, "-std=c++17", "-fsyntax-only")
            self.assertNotEqual(code, 0, header)
            errors = [line for line in said.splitlines() if "error:" in line]
            self.assertEqual(len(errors), 1, said)
            self.assertIn("detox needs C++20: compile with -std=c++20", errors[0])

    def test_is_found_by_cmake_and_used_by_the_examples(self):
        build = self.folder / "build"
        run("cmake", "-S", ROOT / "examples/library", "-B", build, f"-DCMAKE_PREFIX_PATH={self.prefix}")
        run("cmake", "--build", build)
        rules = run(build / "rules_from_cpp").splitlines()
        self.assertGreaterEqual(len(rules), 17)
        refused = [line for line in rules if "refused" in line]
        self.assertEqual([line.split()[0] for line in refused], ["bulyan"])
        for line in rules:
            name, value = line.split()[:2]
            if name == "normal":
                self.assertGreater(float(value), 1e27)
            elif name not in ("bulyan", "centered-clipping"):
                self.assertTrue(0.9 < float(value) < 1.2, line)
        text = run(build / "rules_from_c")
        self.assertIn("multi-krum, needs n >= 2f + 3, with f=1 pre=nnm: 1.0", text)
        self.assertIn("did you mean multi-krum?", text)
        median, krum, own = map(float, run(build / "own_rule").splitlines())
        for value in (median, krum, own):
            self.assertTrue(1 < value < 1.1, value)
        self.assertEqual(run(build / "own_rule_from_c").splitlines(), [
            "coord-median, needs n >= 2f + 1, with f=1: 1.5", "least-but-f, needs n >= 2f + 1, with f=1: 1.25",
            "least-but-f needs n >= 2f + 1: n = 2, f = 1"])

    def test_does_what_its_page_shows(self):
        page = (ROOT / "docs/library.md").read_text()
        blocks = re.findall(r"^```(cpp|c)\n(.*?)^```\n(?:\n```output\n(.*?)^```$)?", page, re.MULTILINE | re.DOTALL)
        self.assertGreaterEqual(len(blocks), 8)
        self.assertLessEqual(blocks[0][1].count("\n"), 12)
        self.assertGreaterEqual(sum(1 for block in blocks if block[2]), 4)
        for number, (language, code, output) in enumerate(blocks):
            with self.subTest(code=code):
                if "DETOX_RULE_MODULE" in code:  # Program.own_rule trains with it
                    self.assertEqual(self.compiled(self.written("module.c", code), *STRICT, "-shared", "-fPIC", "-o",
                                                   self.folder / "module.so"), (0, ""))
                    continue
                code = as_program(code) if language == "cpp" else code
                said = self.run_against_library(self.written(f"page{number}.{language}", code))
                if output:
                    self.assertEqual(said, output)

    def test_is_as_small_as_the_page_says(self):
        stripped = self.folder / "stripped.so"
        run("strip", "-o", stripped, self.library)
        self.assertLess(stripped.stat().st_size, 1.5e6)  # 1.1 MB on Debian 12, 1.4 on 13
        needed = re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "-d", self.library))
        allowed = re.compile(r"lib(fmt|hwy|crypto|stdc\+\+|m|gcc_s|c)\.so|ld-linux")
        self.assertEqual([name for name in needed if not allowed.match(name)], [])


if __name__ == "__main__":
    unittest.main()
