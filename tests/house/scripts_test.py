#!/usr/bin/python3
"""The scripts of tools/: they parse, refuse what they do not know, and count tests as ctest ran them."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = ("tools/test", "tools/arm64", "tools/fuzz", "tools/demo", "tools/format", "tools/install-deps", "tools/test-pypi",
           "tools/try-debian", ".ci/run")
sys.path.insert(0, str(ROOT / "tools"))
import count_tests  # noqa: E402
import tidy  # noqa: E402

CTEST_PROJECT = """
cmake_minimum_required(VERSION 3.25)
project(counted NONE)
enable_testing()
add_test(NAME good COMMAND true)
add_test(NAME also_good COMMAND true)
add_test(NAME bad COMMAND false)
add_test(NAME late COMMAND sleep 5)
add_test(NAME missing COMMAND /nowhere/program)
add_test(NAME skipped COMMAND sh -c "exit 77")
add_test(NAME disabled COMMAND true)
set_tests_properties(late PROPERTIES TIMEOUT 1)
set_tests_properties(skipped PROPERTIES SKIP_RETURN_CODE 77)
set_tests_properties(disabled PROPERTIES DISABLED TRUE)
"""


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, **options)


class ScriptsTest(unittest.TestCase):
    def test_every_script_parses_and_can_be_executed(self):
        for script in SCRIPTS:
            self.assertEqual(run("bash", "-n", script).stderr, "")
            self.assertTrue((ROOT / script).stat().st_mode & 0o100, script)

    def test_an_unknown_argument_is_refused_with_the_valid_ones(self):
        for script in ("tools/test", "tools/arm64", "tools/fuzz", "tools/format", "tools/install-deps", "tools/test-pypi", "tools/try-debian"):
            answer = run(script, "--alll")
            self.assertEqual(answer.returncode, 2, script)
            self.assertIn("valid: --", answer.stderr)

    def test_libraries_for_another_architecture_are_listed_and_not_installed(self):
        self.assertIn("libhwy-dev\n", run("tools/install-deps", "--list", "--arm64").stdout)
        answer = run("tools/install-deps", "--arm64")
        self.assertEqual((answer.returncode, answer.stdout), (2, ""))
        self.assertIn("--list", answer.stderr)

    def test_help_says_what_a_script_does(self):
        for script in ("tools/test", "tools/arm64", "tools/fuzz", "tools/format", "tools/demo", "tools/test-pypi", "tools/try-debian"):
            answer = run(script, "--help")
            self.assertEqual(answer.returncode, 0, answer.stderr)
            self.assertGreater(len(answer.stdout.splitlines()), 3, script)

    def test_another_debian_needs_a_suite_a_command_and_root(self):
        nobody = ["setpriv", "--reuid", "65534", "--clear-groups"] if os.geteuid() == 0 else []
        with tempfile.TemporaryDirectory() as folder:
            script = shutil.copy(ROOT / "tools/try-debian", folder)
            os.chmod(folder, 0o755)  # for nobody, who may not read the clone
            for words, code, says in (([], 2, "which suite is missing"), (["Trixie!", "true"], 2, "'Trixie!' is no suite"),
                                      (["trixie"], 2, "what to run in trixie is missing"), (["trixie", "true"], 1, "needs root")):
                answer = run(*nobody, "bash", script, *words)
                self.assertEqual((answer.returncode, answer.stdout, answer.stderr.count("\n")), (code, "", 1), answer.stderr)
                self.assertIn(f"try-debian: {says}", answer.stderr)

    def test_format_and_lint_are_left_to_the_versions_that_decide(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("clang-format", "clang-format-14", "clang-tidy", "clang-tidy-14"):
                other = pathlib.Path(folder, name)
                other.write_text("#!/bin/sh\necho Debian LLVM version 19.1.7\n")
                other.chmod(0o755)
            for script, arguments, tool in (("format", ["--check"], "clang-format"), ("tidy.py", [], "clang-tidy")):
                answer = run(f"tools/{script}", *arguments, env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"})
                self.assertEqual((answer.returncode, answer.stdout), (77, ""), answer.stderr)
                said = f"{script.removesuffix('.py')}: not done: {tool} 14 decides, which Debian 12 has, and here is 19\n"
                self.assertEqual(answer.stderr, said)

    def test_counts_are_those_of_ctest(self):
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder)
            (source / "CMakeLists.txt").write_text(CTEST_PROJECT)
            run("cmake", "-S", folder, "-B", folder + "/build")
            report = source / "report.xml"
            answer = run("ctest", "--test-dir", folder + "/build", "--output-junit", str(report))
            self.assertNotEqual(answer.returncode, 0)
            passed, failed, skipped = count_tests.count(report)
            self.assertEqual((passed, len(failed), skipped), (2, 3, 2), answer.stdout)
            self.assertIn("bad", failed)

    def test_a_missing_report_is_an_error_and_not_zero_tests(self):
        self.assertNotEqual(run(sys.executable, "tools/count_tests.py", "/nowhere/report.xml").returncode, 0)

    def test_clang_gets_neither_the_cache_nor_the_precompiled_header(self):
        entry = {"command": "/usr/bin/ccache /usr/bin/c++ -DX=1 -Winvalid-pch -include a/cmake_pch.hxx -O3 -c a.cpp"}
        self.assertEqual(tidy.clang_arguments(entry)[:-1], ["/usr/bin/c++", "-DX=1", "-O3", "-c", "a.cpp"])

    @unittest.skipIf(tidy.llvm_tool("clang++")[0] is None, "no clang 14 here")
    def test_what_was_linted_is_linted_again_when_anything_that_it_is_compiled_from_changes(self):
        def mark(root):
            sources = [str(root / "a.cpp")]
            unit = unittest.mock.Mock(entry={"directory": str(root), "arguments": ["g++", "-c", *sources, "-o", "a.o"]})
            with unittest.mock.patch.object(tidy, "ROOT", root):
                tidy.content_digest.cache_clear()
                tidy.rules.cache_clear()
                return tidy.fingerprint(unit)

        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            for root in (pathlib.Path(one).resolve(), pathlib.Path(other).resolve()):
                (root / "a.hpp").write_text("int a;\n")
                (root / "a.cpp").write_text('#include "a.hpp"\n')
                (root / ".clang-tidy").write_text("Checks: '*'\n")
            first = mark(root)
            self.assertEqual(mark(pathlib.Path(one).resolve()), first, "another clone")
            for name, text in (("a.hpp", "int b;\n"), ("a.cpp", '#include "a.hpp" // NOLINT\n'), (".clang-tidy", "\n")):
                before = mark(root)
                (root / name).write_text(text)
                self.assertNotEqual(mark(root), before, name)
            (root / "a.cpp").write_text('#include "nowhere.hpp"\n')
            self.assertIsNone(mark(root))


if __name__ == "__main__":
    unittest.main()
