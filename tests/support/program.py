"""Runs the built program as a user would, for the tests that watch it from outside."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from waiting import PATIENCE, long_enough, wait_for  # noqa: F401 - for the tests

PROGRAM = os.environ.get("DETOXML", "detoxml")
# What computes gradients in files that are about something else; libtorch takes most of a second in every process.
QUICK_LEARNER = os.environ.get("QUICK_LEARNER")
LIBTORCH = {"DETOX_LEARNER": ""}  # an environment for tests there that are about gradients
DATA = pathlib.Path("/usr/share/datasets/fashion-mnist")
# A run that is small and yet has attackers, corrupt slices, momentum and several checkpoints.
SMALL = ["--max-steps", "12", "--eval-freq", "5", "--batch-size", "4", "--worker-fail", "2",
         "--lis-simulation", "simulate"]
# What a shell starts in the background ignores it, and so would all that is started and interrupted here.
signal.signal(signal.SIGINT, signal.default_int_handler)


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def errors(self):
        """Lines of standard error that are neither progress nor notices."""
        return [line for line in self.err.splitlines() if line.startswith("detoxml: ")]


def copy_program(folder, without=()):
    """The program and its modules but for some, as cmake --install lays it out; its path."""
    program = pathlib.Path(PROGRAM).resolve()
    prefix = program.parent.parent
    for file in [program, *(file for file in prefix.glob("lib/**/detoxml/*.so") if file.stem not in without)]:
        place = pathlib.Path(folder) / file.relative_to(prefix)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
    return pathlib.Path(folder) / "bin" / program.name


def environment(**more):
    result = {k: v for k, v in os.environ.items() if not k.startswith(("OMPI_", "PMIX_", "DETOX_"))}
    result.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    if QUICK_LEARNER:
        result["DETOX_LEARNER"] = QUICK_LEARNER
    return {**result, **more}


def not_scored(arguments):
    """The same command, whose runs are not scored on the test set at their end: few tests look at that, and it takes a
    second."""
    words = [str(word) for word in arguments]
    if any(word.startswith(("--no-evaluate", "--help")) for word in words):
        return words
    for at in reversed(range(len(words))):
        if words[at] == "train" and (at == 0 or words[at - 1] in ("--", PROGRAM)):
            words.insert(at + 1, "--no-evaluate")
    return words


def run(*arguments, cwd=None, timeout=PATIENCE, env=None, program=None):
    finished = subprocess.run([*(program or [PROGRAM]), *not_scored(arguments)], cwd=cwd, timeout=timeout,
                              env=environment(**(env or {})), stdin=subprocess.DEVNULL, capture_output=True,
                              text=True)
    return Result(finished.returncode, finished.stdout, finished.stderr)


def start(*arguments, cwd=None, env=None, stderr=subprocess.PIPE):
    return subprocess.Popen([PROGRAM, *not_scored(arguments)], cwd=cwd, env=environment(**(env or {})),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True)


def ranks(word):
    """Process numbers by MPI rank, of those with `word` (a unique path) in their command lines."""
    found = {}
    for pid in map(int, subprocess.run(["pgrep", "-f", str(word)], capture_output=True, text=True).stdout.split()):
        try:
            environ = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        for entry in environ:
            if entry.startswith(b"OMPI_COMM_WORLD_RANK="):
                found[int(entry.split(b"=")[1])] = pid
    return found


class ProgramTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="detox-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def run_ok(self, *arguments, **keywords):
        result = run(*arguments, cwd=self.folder, **keywords)
        self.assertEqual(result.code, 0, result.err)
        return result

    def assert_refused(self, result, code, *words):
        """One line, with these words in it, and this exit code."""
        self.assertEqual(result.code, code, result.err)
        self.assertEqual(len(result.errors()), 1, result.err)
        for word in words:
            self.assertIn(word, result.errors()[0])

    def checkpoint(self, directory, step):
        return ((self.folder / directory / f"model_step_{step}").read_bytes(),
                (self.folder / directory / f"state_step_{step}").read_bytes())

    def journal(self, directory, name="metrics.jsonl"):
        """Its whole lines: a run that goes on may be writing another."""
        return [json.loads(line) for line in (self.folder / directory / name).read_text().split("\n")[:-1]]

    def no_process_left(self, word):
        """Whether no process has `word` (a unique path) in its command line any more."""
        return wait_for(lambda: subprocess.run(["pgrep", "-f", word], capture_output=True).returncode == 1, 60)


class TimedResult(unittest.TextTestResult):
    """Says behind each test what it took: by the clock, and of processors, its child processes included."""

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic(), sum(os.times()[:4])

    def stopTest(self, test):
        super().stopTest(test)
        seconds, of_processors = time.monotonic() - self.began[0], sum(os.times()[:4]) - self.began[1]
        self.stream.writeln(f"    {seconds:.1f} s, {of_processors:.1f} s of processors")


def main():
    unittest.main(testRunner=unittest.TextTestRunner(resultclass=TimedResult, verbosity=2))
