"""The packages for Debian, built by cpack and installed in a clean Debian by tools/try-debian: the Python package on its library
alone, and then the program, which trains one run of the demo.

Needs what tools/try-debian needs; says so and ends with 77 where it is missing."""

import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

PROGRAM, BUILD = os.environ["DETOXML"], os.environ["DETOX_BUILD"]
SUITE = platform.freedesktop_os_release().get("VERSION_CODENAME", "bookworm")
PYTHON = """import array, detoxml, detoxml.convert
print(detoxml.__version__)
print(detoxml.aggregate([array.array("f", row) for row in ([1, 2], [3, 4], [1e30, -1e30])], f=1))"""
# One run of the demo, shorter.
DEMO = ["--only", "defence=DETOX + coord-median", "--only", "attack=a little is enough", "--seeds", 1,
        "--max-steps", 40, "--lr", 0.02, "--eval-freq", 20, "--keep-checkpoints", "all", "--dir"]


def run(*command, timeout=300, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=timeout,
                          stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command}: exit code {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return done.stdout


def inside(folder, *command):
    return run(ROOT / "tools/try-debian", "--bare", "--dir", folder, SUITE, *command, timeout=600)


def skip(folder, missing):
    print(f"package_test: skipped, because it needs {missing}", flush=True)
    shutil.rmtree(folder)
    os._exit(77)


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="detox-package-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        for tool in ("dpkg-shlibdeps", "cpack"):
            if shutil.which(tool) is None:
                skip(cls.folder, tool)
        try:
            inside(cls.folder, "true")
        except AssertionError as error:
            if missing := re.search("^try-debian: needs (.*)$", str(error), re.MULTILINE):
                skip(cls.folder, missing[1])
            raise
        cls.root = cls.folder / SUITE
        run("cpack", "-G", "DEB", "-B", cls.folder / "package", cwd=BUILD)
        packages = {package.name.split("_")[0]: package.name for package in (cls.folder / "package").glob("*.deb")}
        assert sorted(packages) == ["detoxml", "libdetoxml0", "python3-detoxml"], packages
        for package in packages.values():
            shutil.copy(cls.folder / "package" / package, cls.root / "srv")
        cls.inside("sh", "-ec", f"apt-get -qq update; apt-get -qq -y install ./{packages['libdetoxml0']} ./{packages['python3-detoxml']}")
        cls.alone = cls.inside("python3", "-c", PYTHON), cls.inside("dpkg-query", "-W")
        cls.inside("sh", "-ec", f"apt-get -qq -y install ./{packages['detoxml']} dataset-fashion-mnist")

    @classmethod
    def inside(cls, *command):
        return inside(cls.folder, *command)

    def test_python_runs_on_the_library_without_the_program(self):
        said, installed = self.alone
        self.assertEqual(said.splitlines(), [run(PROGRAM, "--version").split()[1], "array('f', [3.0, 2.0])"])
        self.assertNotIn("\ndetoxml\t", installed)
        self.assertNotIn("torch", installed)
        files = self.inside("dpkg", "-L", "python3-detoxml").splitlines()
        self.assertIn("/usr/lib/python3/dist-packages/detoxml/py.typed", files)
        self.assertTrue(list((self.root / "usr/lib/python3/dist-packages/detoxml/__pycache__").glob("*.pyc")))

    def test_installs_what_belongs_to_the_program(self):
        files = self.inside("dpkg", "-L", "detoxml").splitlines()
        for file in ("bin/detoxml", "include/detox/detox.h", "share/bash-completion/completions/detoxml", "share/detoxml/examples/demo.toml", "share/detoxml/install-deps",
                     "share/doc/detoxml/changelog.gz", "share/doc/detoxml/copyright", "share/doc/detoxml/docs/installing.md",
                     "share/man/man1/detoxml-train.1.gz", "share/man/man1/detoxml.1.gz", "share/zsh/vendor-completions/_detoxml"):
            self.assertIn(f"/usr/{file}", files)
            self.assertTrue((self.root / "usr" / file).is_file(), file)
        libraries = self.inside("dpkg", "-L", "libdetoxml0").splitlines()
        self.assertTrue(any(re.fullmatch(r"/usr/lib/.+/libdetoxml\.so\.\d+", file) for file in libraries))
        version = self.inside("detoxml", "--version")
        self.assertEqual(version.splitlines()[0], run(PROGRAM, "--version").splitlines()[0])
        for module in ("archive", "cpp-httplib", "curl", "learner-torch", "matio", "mpi", "protobuf-lite"):
            self.assertTrue(any(file.endswith(f"/detoxml/{module}.so") for file in files), module)
        self.assertRegex(version, r"learner +libtorch .*, /usr/lib/.+/detoxml/learner-torch\.so\n +MPI +Open MPI ")
        self.inside("sh", "-ec", "cd /tmp; mkdir empty; : > empty/config.toml; detoxml export tensorboard empty -o events; "
                                 "detoxml watch empty --port 0 > said & for i in $(seq 300); do grep http said && break; sleep 0.1; done; kill $!; "
                                 "grep http said")
        self.assertIn("BLAS: OpenBLAS", self.inside("sh", "-c", "detoxml doctor || true"))
        self.assertIn("detoxml-train.1", self.inside("sh", "-c", "detoxml man --output-dir /tmp && ls /tmp"))

    def test_trains_the_demo_to_the_bytes_of_the_program_in_the_tree(self):
        here = self.folder / "here"
        run(PROGRAM, "experiment", ROOT / "examples/demo.toml", *DEMO, here)
        self.inside("detoxml", "experiment", "demo", *DEMO, "/srv/run")
        (ours,), (theirs,) = (list((folder / "runs").iterdir()) for folder in (here, self.root / "srv/run"))
        self.assertEqual(ours.name, theirs.name)
        for step in (20, 40):
            for kind in ("model", "state"):
                name = f"{kind}_step_{step}"
                self.assertEqual((theirs / name).read_bytes(), (ours / name).read_bytes(), name)

    def test_launches_over_mpi_and_finds_nothing_wrong(self):
        said = self.inside("detoxml", "launch", "-n", "4", "--", "train", "--max-steps", "2", "--train-dir", "/srv/mpi")
        self.assertIn("localhost", said)
        self.assertTrue((self.root / "srv/mpi/model_step_2").is_file())
        self.assertIn(" 0 errors", self.inside("detoxml", "doctor"))

    def test_z_is_removed_without_a_trace(self):
        self.inside("apt-get", "-y", "purge", "detoxml", "libdetoxml0", "python3-detoxml")
        left = [str(path) for path in (self.root / "usr").rglob("*detoxml*")]
        self.assertEqual(left, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
