"""`detoxml doctor`: each finding provoked, and a machine that is well."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from program import DATA, PROGRAM, ProgramTest, copy_program, environment, main, run

LIBRARIES = pathlib.Path("/usr/lib/x86_64-linux-gnu")


def may_mount():
    done = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return os.geteuid() == 0 and done.returncode == 0


class Doctor(ProgramTest):
    def examine(self, *arguments, before="", **variables):
        """Runs it, behind some words of a shell, and unless there is a PATH without mpirun and data, which take most of the
        time; the exit code has to fit what is said."""
        nothing = self.folder / "nothing"
        if "PATH" not in variables:
            nothing.mkdir(exist_ok=True)
            variables["PATH"] = str(nothing)
            if not {"--dataset", "--data-dir"} & set(arguments):
                arguments += ("--data-dir", str(nothing))
        program = ["/bin/sh", "-c", f'{before} exec "$@"', "doctor", PROGRAM]
        result = run("doctor", *arguments, cwd=self.folder, program=program, env=variables)
        lines = result.out.splitlines()
        counts = re.fullmatch(r"(\d+) ok, (\d+) warnings?, (\d+) errors?", lines[-1])
        self.assertTrue(counts, result.out + result.err)
        for word, count in zip(("ok", "warning", "error"), counts.groups()):
            self.assertEqual(sum(line.startswith(word + " ") for line in lines[:-1]), int(count), result.out)
        self.assertEqual(result.code, int(counts.group(3)) > 0, result.out)
        for line in lines[:-1]:
            self.assertRegex(line, r"^(ok|warning|error) +[\w ]+: ")
            self.assertEqual("; mend: " in line, not line.startswith("ok"), line)
        return result.out

    def assert_found(self, text, verdict, *words):
        """One line with this verdict and these words in it."""
        lines = [line for line in text.splitlines() if line.startswith(verdict + " ") and all(word in line for word in words)]
        self.assertEqual(len(lines), 1, f"{verdict} {words} in\n{text}")

    def test_finds_nothing_wrong_where_training_works(self):
        text = self.examine(OPENBLAS_CORETYPE="Prescott", DNNL_MAX_CPU_ISA="SSE41", PATH="/usr/bin:/bin")
        self.assertIn(" 0 errors", text)
        self.assertRegex(text, r"(?m)^\w+ +BLAS: .*; sgemm [1-9]\d* GFLOP/s")
        self.assert_found(text, "ok", "variables", "OPENBLAS_CORETYPE=Prescott", "DNNL_MAX_CPU_ISA=SSE41", "replaced")
        self.assert_found(text, "ok", "MPI", "a job of two processes on this machine worked")
        self.assert_found(text, "ok", "MPI: mpirun and the library are Open MPI")
        self.assert_found(text, "ok", "FashionMNIST can be read: 60000 training images")
        self.assert_found(text, "ok", str(DATA), "as published")
        self.assert_found(text, "ok", "memory: ", "LeNet with 9 workers")
        self.assert_found(text, "ok", "disk", "output/models")
        self.assert_found(text, "ok", "clock")
        self.assert_found(text, "ok", "shared memory: ")
        self.assert_found(text, "ok", "temporary files")
        self.assertEqual(list(self.folder.iterdir()), [], "it leaves nothing behind")

    def test_finds_variables_that_cost_speed_or_bits(self):
        text = self.examine(DETOX_PROFILE="baseline", DETOX_KERNEL_TARGET="scalar", OMPI_MCA_btl="tcp,self", MALLOC_PERTURB_="1",
                            OMP_PROC_BIND="true")
        self.assert_found(text, "warning", "DETOX_PROFILE=baseline", "; mend: unset DETOX_PROFILE")
        self.assert_found(text, "warning", "DETOX_KERNEL_TARGET=scalar", "; mend: unset DETOX_KERNEL_TARGET")
        self.assert_found(text, "warning", "OMPI_MCA_btl", "; mend: unset OMPI_MCA_btl")
        self.assert_found(text, "warning", "MALLOC_PERTURB_", "; mend: unset MALLOC_PERTURB_")
        self.assert_found(text, "warning", "OMP_PROC_BIND=true", "; mend: unset OMP_PROC_BIND")
        if len(os.sched_getaffinity(0)) > 1:
            self.assert_found(text, "warning", "cores: 1 of", "because of OMP_PROC_BIND")
        text = self.examine(LD_PRELOAD=str(LIBRARIES / "libz.so.1"), DETOX_KERNEL_TARGET="avx9", DETOX_PROFILE="fast")
        self.assert_found(text, "warning", "LD_PRELOAD=", "; mend: unset LD_PRELOAD")
        self.assert_found(text, "error", "avx9", "; mend: unset DETOX_KERNEL_TARGET")
        self.assert_found(text, "error", "unknown DETOX_PROFILE 'fast'", "; mend: unset DETOX_PROFILE")

    @unittest.skipUnless((LIBRARIES / "blas/libblas.so.3").exists(), "Debian's reference BLAS is not installed")
    def test_finds_the_reference_blas(self):
        text = self.examine(LD_LIBRARY_PATH=str(LIBRARIES / "blas"))
        self.assert_found(text, "warning", "BLAS", "not OpenBLAS", "; mend: unset LD_LIBRARY_PATH")

    def test_finds_libraries_from_unusual_places(self):
        place = self.folder / "libraries"
        place.mkdir()
        shutil.copy((LIBRARIES / "libblas.so.3").resolve(), place / "libblas.so.3")
        self.assert_found(self.examine(LD_LIBRARY_PATH=str(place)), "warning", "libraries: ", str(place / "libblas.so.3"))

    @unittest.skipUnless(len(os.sched_getaffinity(0)) > 1, "one core")
    def test_finds_cores_that_may_not_be_used(self):
        core = min(os.sched_getaffinity(0))
        self.assert_found(self.examine(before=f"/usr/bin/taskset -p -c {core} $$ >/dev/null;"), "warning", "cores: 1 of", "taskset")

    def test_finds_that_mpirun_is_missing_and_so_are_programs(self):
        text = self.examine()
        self.assert_found(text, "error", "mpirun is not on PATH", "apt-get", "openmpi-bin")
        self.assert_found(text, "warning", "ssh is not on PATH", "openssh-client")
        self.assert_found(text, "warning", "aws is not on PATH", "awscli")

    def mpirun(self, script):
        place = self.folder / "bin"
        place.mkdir(exist_ok=True)
        (place / "mpirun").write_text(f"#!/bin/sh\n{script}\n")
        (place / "mpirun").chmod(0o755)
        return self.examine(PATH=f"{place}:{os.environ['PATH']}")

    def test_finds_an_mpirun_of_another_version_or_that_fails(self):
        text = self.mpirun('if [ "$1" = --version ]; then echo "mpirun (Open MPI) 3.0.0"; else echo "no slots"; exit 9; fi')
        self.assert_found(text, "error", "mpirun is Open MPI 3.0.0 and the library is Open MPI")
        self.assert_found(text, "error", "a job of two processes ended with 9: no slots")

    def test_finds_data_that_is_missing_or_damaged(self):
        (self.folder / "empty").mkdir()
        text = self.examine("--data-dir", "empty")
        self.assert_found(text, "error", "data", "empty", "; mend: detoxml data prepare FashionMNIST --data-dir empty")
        place = self.folder / "data" / "FashionMNIST"
        shutil.copytree(DATA, place)
        labels = place / "t10k-labels-idx1-ubyte.gz"
        labels.write_bytes(labels.read_bytes()[:-9])
        text = self.examine("--dataset", "FashionMNIST")
        self.assert_found(text, "error", "data", "t10k-labels")
        self.assert_found(text, "warning", "data: FashionMNIST", "t10k-labels", "; mend: detoxml data prepare FashionMNIST")
        self.assert_found(self.examine("--dataset", "fashoin"), "error", "unknown data set 'fashoin'", "; mend: detoxml list")

    def test_finds_limits_that_are_too_narrow(self):
        text = self.examine("--workers", 45, before="ulimit -f 100; ulimit -n 200; ulimit -t 1000;")
        self.assert_found(text, "error", "ulimit -f", "a checkpoint of LeNet", "; mend: ulimit -f unlimited")
        self.assert_found(text, "warning", "200 open files", "46 processes", "; mend: ulimit -n 340")
        self.assert_found(text, "warning", "1000 s of processor time")

    def test_finds_that_memory_or_room_is_missing(self):
        text = self.examine("--workers", 100000, "--network", "VGG16", "--train-dir", "/proc/run")
        self.assert_found(text, "error", "memory", "VGG16 with 100000 workers")
        self.assert_found(text, "error", "disk", "/proc/run")
        self.assert_found(self.examine("--workers", 2000), "warning", "memory", "; mend: detoxml launch -n 2001 --hostfile")

    @unittest.skipUnless(may_mount(), "not allowed to mount in a namespace")
    def test_finds_file_systems_that_are_full(self):
        (self.folder / "full").mkdir()
        mounts = "".join(f"mount -t tmpfs -o size={size} tmpfs {place};" for size, place in
                         (("1m", "/dev/shm"), ("1m", self.folder / "full")))
        full = f"{mounts} dd if=/dev/zero of={self.folder}/full/filler bs=1024 count=900 status=none;"
        # Without mpirun, which would wait there for its time limit.
        result = subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", f'{full} PATH= exec "$@"', "doctor", PROGRAM,
                                 "doctor", "--train-dir", self.folder / "full/run"], capture_output=True, text=True, check=False,
                                env=environment(TMPDIR=str(self.folder / "full")), timeout=120)
        self.assertEqual(result.returncode, 1)
        self.assert_found(result.stdout, "warning", "shared memory", "10 processes", "remount")
        self.assert_found(result.stdout, "error", "temporary files", "full", "; mend: export TMPDIR=")
        self.assert_found(result.stdout, "error", "disk", "full/run")

    def test_finds_temporary_files_without_a_place(self):
        self.assert_found(self.examine(TMPDIR=str(self.folder / "none")), "warning", "TMPDIR", "; mend: unset TMPDIR")
        self.assertFalse((self.folder / "none").exists())

    def test_finds_a_clock_that_is_behind(self):
        program = copy_program(self.folder)
        os.utime(program, (4e9, 4e9))
        result = run("doctor", "--data-dir", "none", cwd=self.folder, program=[program], env={"PATH": str(self.folder)})
        self.assert_found(result.out, "warning", "clock", "HTTPS")

    def test_is_not_for_mpirun(self):
        self.assert_refused(run("doctor", env={"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"}), 2, "without mpirun")
        self.assert_refused(run("doctor", "--network", "LeNat"), 2, "LeNet")


if __name__ == "__main__":
    main()
