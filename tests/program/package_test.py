"""The package for Debian, built by cpack and installed in a clean chroot, where it trains one run of the demo.

Needs root, mmdebstrap and the Debian mirror of this machine's apt; says so and ends with 77 where one is missing. Everything
mounted is mounted in a namespace of its own, and ends with it."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import types
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import demo_runs

PROGRAM, BUILD = os.environ["DETOXML"], os.environ["DETOX_BUILD"]
SUITE = "bookworm"
IN_NAMESPACE = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]
# A dead mirror must not hold the test up, nor synchronised writes to a folder that is thrown away.
APT = ["Acquire::Languages \"none\"", "Acquire::Retries \"2\"", "Acquire::http::Timeout \"20\"", "APT::Install-Recommends \"false\""]
DPKG = ["force-unsafe-io", "path-exclude=/usr/share/doc/*", "path-exclude=/usr/share/man/*", "path-exclude=/usr/share/locale/*",
        "path-include=/usr/share/doc/detoxml*", "path-include=/usr/share/man/man1", "path-include=/usr/share/man/man1/detoxml*"]
SETTINGS = types.SimpleNamespace(steps=40, lr=0.02, eval_freq=20, seed=428)


class Missing(Exception):
    pass


def run(*command, timeout=300, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=timeout,
                          stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command}: exit code {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return done.stdout


def mirrors():
    """Lines of a sources.list: what this machine's apt has of Debian itself."""
    listed = run("apt-get", "indextargets", "--format", "deb $(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)",
                 "Created-By: Packages").splitlines()
    found = sorted({line.removesuffix(" Debian") for line in listed if line.endswith(" Debian") and f" {SUITE}" in line})
    return [line for line in found if line.endswith(" main")]


def what_is_missing():
    if os.geteuid() != 0:
        return "root"
    for tool in ("mmdebstrap", "unshare", "dpkg-shlibdeps", "cpack", "apt-get"):
        if shutil.which(tool) is None:
            return tool
    try:
        run(*IN_NAMESPACE, "true")
    except AssertionError:
        return "leave to make namespaces"
    if not any(f" {SUITE} " in line for line in mirrors()):
        return f"an apt that knows a mirror of Debian's {SUITE} (apt-get update)"
    return None


def make_chroot(folder, package):
    """A minimal Debian with the package, installed there by apt with what it depends on."""
    root = folder / "root"
    install = f'chroot "$1" sh -c "cd /srv && apt-get -y install ./{package.name} dataset-fashion-mnist"'
    command = ["mmdebstrap", "--mode=root", "--variant=minbase", *(f"--aptopt={o}" for o in APT), *(f"--dpkgopt={o}" for o in DPKG),
               f"--customize-hook=copy-in {package} /srv", f"--customize-hook={install}", SUITE, root, *mirrors()]
    try:
        run(*IN_NAMESPACE, *command, timeout=600, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    except AssertionError as error:
        if re.search(r"Temporary failure resolving|Could not (connect|resolve)|Connection (timed out|failed)|Unable to connect",
                     str(error)):
            raise Missing("a network that reaches apt's mirror") from error
        raise
    return root


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="detox-package-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        run("cpack", "-G", "DEB", "-B", cls.folder / "package", cwd=BUILD)
        cls.package, = (cls.folder / "package").glob("*.deb")
        try:
            cls.root = make_chroot(cls.folder, cls.package)
        except Missing as missing:
            print(f"package_test: skipped, because it needs {missing}")
            shutil.rmtree(cls.folder)
            sys.stdout.flush()
            os._exit(77)

    def inside(self, *command, **options):
        mounts = f"mount -t proc proc '{self.root}/proc' && mount --rbind /dev '{self.root}/dev' && exec chroot '{self.root}' \"$@\""
        environment = {"PATH": "/usr/bin:/usr/sbin:/bin:/sbin", "HOME": "/srv", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        return run(*IN_NAMESPACE, "sh", "-c", mounts, "inside", *command, env=environment, **options)

    def test_installs_what_belongs_to_the_program(self):
        files = self.inside("dpkg", "-L", "detoxml").splitlines()
        for file in ("bin/detoxml", "include/detox/detox.h", "share/bash-completion/completions/detoxml", "share/detoxml/install-deps",
                     "share/doc/detoxml/changelog.gz", "share/doc/detoxml/copyright", "share/doc/detoxml/docs/installing.md",
                     "share/man/man1/detoxml-train.1.gz", "share/man/man1/detoxml.1.gz", "share/zsh/vendor-completions/_detoxml"):
            self.assertIn(f"/usr/{file}", files)
            self.assertTrue((self.root / "usr" / file).is_file(), file)
        self.assertTrue(any(re.fullmatch(r"/usr/lib/.+/libdetoxml\.so\.\d+", file) for file in files))
        version = self.inside("detoxml", "--version")
        self.assertEqual(version.splitlines()[0], run(PROGRAM, "--version").splitlines()[0])
        for module in ("learner-torch", "mpi"):
            self.assertTrue(any(file.endswith(f"/detoxml/{module}.so") for file in files), module)
        self.assertRegex(version, r"learner +libtorch .*, /usr/lib/.+/detoxml/learner-torch\.so\n +MPI +Open MPI ")
        self.assertIn("BLAS: OpenBLAS", self.inside("sh", "-c", "detoxml doctor || true"))
        self.assertIn("detoxml-train.1", self.inside("sh", "-c", "detoxml man --output-dir /tmp && ls /tmp"))

    def test_trains_the_demo_to_the_bytes_of_the_program_in_the_tree(self):
        demo = next(run for run in demo_runs.RUNS if run.detox and run.rule == "coord-median" and run.attack == "alie")
        here = self.folder / "here"
        run(*demo_runs.train_command(PROGRAM, demo, SETTINGS, here))
        self.inside(*demo_runs.train_command("detoxml", demo, SETTINGS, "/srv/run"))
        for step in (20, 40):
            for kind in ("model", "state"):
                name = f"{kind}_step_{step}"
                self.assertEqual((self.root / "srv/run" / name).read_bytes(), (here / name).read_bytes(), name)

    def test_launches_over_mpi_and_finds_nothing_wrong(self):
        said = self.inside("detoxml", "launch", "-n", "4", "--", "train", "--max-steps", "2", "--train-dir", "/srv/mpi")
        self.assertIn("localhost", said)
        self.assertTrue((self.root / "srv/mpi/model_step_2").is_file())
        self.assertIn(" 0 errors", self.inside("detoxml", "doctor"))

    def test_z_is_removed_without_a_trace(self):
        self.inside("apt-get", "-y", "purge", "detoxml")
        left = [str(path) for path in (self.root / "usr").rglob("*detoxml*")]
        self.assertEqual(left, [])


if __name__ == "__main__":
    missing = what_is_missing()
    if missing is not None:
        print(f"package_test: skipped, because it needs {missing}")
        sys.exit(77)
    unittest.main(verbosity=2)
