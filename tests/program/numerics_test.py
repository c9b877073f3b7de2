"""Jobs whose workers compute with different instruction sets, one of them perhaps with an emulated older processor.

Three outcomes are watched: the job starts without those who differ; it is started again under the portable profile, where
all agree; and it gives up with a table of who differs in what. The first class takes about 100 seconds of processor time,
the second, whose emulated processor starts slowly, about 130: half of that on two quiet cores.
"""

import os
import pathlib
import re
import shlex
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from program import PROGRAM, ProgramTest, main, run

TRAIN = ["train", "--network", "LeNet", "--max-steps", 2, "--batch-size", 4]
WITHOUT_SPARE = ["--assume-fail", 0, "--group-size", 1]
HAS_AVX2 = " avx2 " in pathlib.Path("/proc/cpuinfo").read_text()


def pinned(profile):
    """The start of a command that chooses a profile; the program sets all that belongs to it."""
    return f"env DETOX_PROFILE={profile}"


def emulated(processor, profile):
    return f"{pinned(profile)} qemu-x86_64 -cpu {processor}"


@unittest.skipUnless(HAS_AVX2, "no two instruction sets here")
class MixedJob(ProgramTest):
    def rank_script(self, cases):
        """A program in the place of ours: `cases` maps ranks, as in a shell's case, to what to put before the command."""
        script = self.folder / "rank.sh"
        lines = [f"case $OMPI_COMM_WORLD_RANK in {ranks}) {test} exec {before} {PROGRAM} \"$@\" ;; esac\n"
                 for ranks, test, before in cases]
        script.write_text("#!/bin/sh\n" + "".join(lines) + f"exec {PROGRAM} \"$@\"\n")
        script.chmod(0o755)
        return script

    def mpirun(self, processes, cases, *options):
        return run("-n", processes, "--oversubscribe", self.rank_script(cases), *TRAIN, "--train-dir", "run", *options,
                   program=["mpirun"], cwd=self.folder, timeout=400)

    def launch(self, processes, cases, *options, profile="baseline"):
        """As a user would from a machine of this profile; the ranks start through rank_script."""
        program = os.path.realpath(PROGRAM)
        mpirun = self.folder / "bin" / "mpirun"
        mpirun.parent.mkdir(exist_ok=True)
        mpirun.write_text(f"""#!/bin/sh
for word; do
  shift
  if [ "$word" = {program} ]; then word={self.rank_script(cases)}; fi
  set -- "$@" "$word"
done
exec {shutil.which("mpirun")} "$@"
""")
        mpirun.chmod(0o755)
        environment = {"PATH": f"{mpirun.parent}:{os.environ['PATH']}", "DETOX_PROFILE": profile}
        return run("launch", "-n", processes, "--", *TRAIN, "--train-dir", "run", *options, cwd=self.folder, env=environment,
                   timeout=400)

    def assert_trained(self, result):
        self.assertEqual(result.code, 0, result.err)
        self.assertEqual(len(self.journal("run")), 2)

    def table(self, result):
        """Rows of the table by rank."""
        self.assertIn("the workers' probe gradients:\n rank  host", result.err)
        return {int(row.split()[0]): row for row in re.findall(r"^ +\d+  .*; libtorch .*$", result.err, re.MULTILINE)}


class Numerics(MixedJob):
    # As on two kinds of machines where the launcher's kind is the older one.
    TWO_DIFFER = [("3|4", "[ $DETOX_PROFILE = baseline ] &&", pinned("portable"))]
    TWO_ALWAYS_DIFFER = [*TWO_DIFFER, ("3|4", "", pinned("baseline"))]

    def test_start_without_the_rank_that_computes_other_bits(self):
        other = ["-n", 1, "env", "DETOX_PROFILE=baseline"]
        job = [PROGRAM, *TRAIN, "--train-dir", "run"]
        result = run("-n", 2, "--oversubscribe", *job, ":", *other, *job, ":", "-n", 2, *job, program=["mpirun"],
                     cwd=self.folder)
        self.assert_trained(result)
        self.assertIn("left out: rank 2: its probe gradient differs; it computes under 'libtorch", result.err)
        self.assertIn("3 workers of 4 take part; worker 1 is rank 1, 2 is rank 3, 3 is rank 4", result.err)
        self.run_ok(*TRAIN, "--train-dir", "three", "--workers", 3)
        self.assertEqual(self.checkpoint("run", 2), self.checkpoint("three", 2))

    def test_end_a_job_of_plain_mpirun_with_the_command_that_works(self):
        cases = [("0|1|2", "", "env DETOX_PROFILE=${DETOX_PROFILE:-baseline}")]
        result = self.mpirun(5, cases)
        self.assertEqual(result.code, 4, result.err)
        self.assertIn("2 of 4 workers compute the same bits, P - q = 3 have to", result.errors()[0])
        self.assertEqual(sorted(self.table(result)), [1, 2, 3, 4])
        self.assertFalse((self.folder / "run").exists())
        words = shlex.split(result.errors()[0].split("options of mpirun: ")[1])
        self.assertEqual(words[:3], ["mpirun", "-n", "5"])
        self.assertEqual(words[-2:], ["--numerics", "portable"])
        again = self.mpirun(5, cases, *words[-2:])
        self.assert_trained(again)

    def test_are_made_portable_by_the_launcher_where_too_few_agree(self):
        result = self.launch(5, self.TWO_DIFFER)
        self.assert_trained(result)
        self.assertIn("starting again under the numerical profile portable", result.err)
        self.assertEqual(sorted(self.table(result)), [1, 2, 3, 4])
        self.assertIn('numerics = "portable"', (self.folder / "run" / "config.toml").read_text())

    def test_end_the_job_with_a_table_where_they_differ_under_the_portable_profile_too(self):
        result = self.launch(5, self.TWO_ALWAYS_DIFFER)
        self.assertEqual(result.code, 4, result.err)
        self.assertEqual(result.err.count("starting again"), 1)
        self.assertIn("2 of 4 workers compute the same bits, P - q = 3 have to, under the portable profile", result.err)
        second = result.err.split("starting again")[1]
        self.assertIn(os.uname().nodename[:24], second)
        self.assertEqual(second.count("ATen AVX2"), 2)
        self.assertEqual(second.count("OpenBLAS"), 4)
        self.assertFalse((self.folder / "run").exists())

    def test_stay_native_or_portable_from_the_beginning_where_that_is_asked_for(self):
        native = self.launch(5, self.TWO_DIFFER, "--numerics", "native")
        self.assertEqual(native.code, 4, native.err)
        self.assertNotIn("starting again", native.err)
        portable = self.launch(5, self.TWO_DIFFER, "--numerics=portable")
        self.assert_trained(portable)
        self.assertNotIn("starting again", portable.err)

    def test_are_those_of_the_run_that_is_resumed(self):
        self.run_ok(*TRAIN, "--train-dir", "run", "--workers", 3, "--numerics", "portable", env={"DETOX_PROFILE": "baseline"})
        more = ["--resume", "auto", "--train-dir", "run"]
        self.run_ok("train", *more, "--max-steps", 3, env={"DETOX_PROFILE": "baseline"})
        result = self.run_ok("launch", "-n", 4, "--", "train", *more, "--max-steps", 4, env={"DETOX_PROFILE": "baseline"})
        self.assertIn("starting again under the numerical profile portable", result.err)
        self.run_ok(*TRAIN, "--max-steps", 4, "--train-dir", "whole", "--workers", 3, "--numerics", "portable")
        self.assertEqual(self.checkpoint("run", 4), self.checkpoint("whole", 4))


class EmulatedProcessor(MixedJob):
    """Rank 2 runs LeNet under qemu-user on a processor that is older than this one."""

    def test_is_left_out_where_the_others_are_enough(self):
        result = self.mpirun(5, [("2", "", emulated("Nehalem", "baseline"))], "--start-timeout", 200)
        self.assert_trained(result)
        self.assertRegex(result.err, "left out: rank 2: its probe gradient differs; it computes under .*ATen NO AVX")
        self.assertIn("worker 1 is rank 1, 2 is rank 3, 3 is rank 4", result.err)

    def test_agrees_under_the_portable_profile_that_the_launcher_turns_to(self):
        # qemu's Haswell has AVX2: the profile that it would choose itself.
        result = self.launch(4, [("2", "", emulated("Haswell", "portable"))], *WITHOUT_SPARE, "--start-timeout", 200)
        self.assert_trained(result)
        self.assertIn("starting again under the numerical profile portable", result.err)
        self.assertNotIn("left out", result.err)
        self.assertRegex(self.table(result)[2], "avx2")

    def test_without_avx2_makes_the_job_give_up_and_is_seen_in_the_table(self):
        result = self.launch(4, [("2", "", emulated("Nehalem", "baseline"))], *WITHOUT_SPARE, "--start-timeout", 200,
                             profile="portable")
        self.assertEqual(result.code, 4, result.err)
        self.assertIn("2 of 3 workers compute the same bits, P - q = 3 have to, under the portable profile", result.err)
        rows = self.table(result)
        self.assertNotIn("avx2", rows[2].split("; libtorch")[0])
        self.assertIn("avx2", rows[1].split("; libtorch")[0])


main()
