"""The library without the rest: configured, built and installed from a folder of its own, with what docs/library.md says it takes."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What the rest of the tree needs. Its headers may lie on this machine, so it is also looked for in what was read.
NOT_ALLOWED = ["ZLIB", "nlohmann_json", "tomlplusplus", "CLI11", "CURL", "Torch", "MPI", "GTest", "benchmark"]
NOT_READ = re.compile(r"nlohmann|CLI/|toml|zlib\.h|archive\.h|curl/|matio|blosc|zstd|torch|mpi\.h")


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{command}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")


class LibraryAlone(unittest.TestCase):
    def test_needs_fmt_highway_and_openssl_and_no_more(self):
        # Where it lies and is built like the tree around it, the compiler's cache has most of it.
        with tempfile.TemporaryDirectory(dir=pathlib.Path(os.environ["DETOX_BUILD"]).parent, prefix="alone-") as folder:
            build, prefix = pathlib.Path(folder), pathlib.Path(folder, "prefix")
            run("cmake", "-G", "Ninja", "-S", ROOT, "-B", build, "-DDETOX_PARTS=library", "-DCMAKE_UNITY_BUILD=ON",
                "-DCMAKE_UNITY_BUILD_BATCH_SIZE=0", f"-DCMAKE_CXX_COMPILER={os.environ['DETOX_CXX']}",
                *[f"-DCMAKE_DISABLE_FIND_PACKAGE_{name}=ON" for name in NOT_ALLOWED])
            run("cmake", "--build", build, f"-j{os.cpu_count()}", "--", "-d", "keepdepfile")
            run("cmake", "--install", build, "--prefix", prefix)
            installed = {path.name for path in prefix.rglob("*")}
            self.assertLessEqual({"detox.h", "aggregate.hpp", "libdetoxml.so", "detoxml.pc", "detoxml-config.cmake"}, installed)
            read = [path.read_text() for path in build.rglob("*.d")]
            self.assertGreater(len(read), 10)
            self.assertEqual(sorted({word for text in read for word in NOT_READ.findall(text)}), [])

    def test_refuses_other_parts(self):
        with tempfile.TemporaryDirectory() as folder, self.assertRaisesRegex(AssertionError, "valid: all, library"):
            run("cmake", "-S", ROOT, "-B", folder, "-DDETOX_PARTS=librray")


if __name__ == "__main__":
    unittest.main()
