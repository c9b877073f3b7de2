"""Runs that go on until they are told to end, watched by what they write."""

import json
import signal
import subprocess

from program import PATIENCE, PROGRAM, environment, not_scored, wait_for

# More steps than any machine takes meanwhile, and room on its disk for what they leave.
ENDLESS = ["--max-steps", 1_000_000_000, "--keep-checkpoints", 4]


class Running:
    """A process of `test` that trains into `directory` and prints into the file `log`."""

    def __init__(self, test, process, directory, log):
        self.test, self.process, self.directory, self.log = test, process, directory, log
        test.addCleanup(process.wait)
        test.addCleanup(process.kill)

    def said(self):
        return self.log.read_text()

    def steps(self):
        """The last that was recorded."""
        metrics = self.directory / "metrics.jsonl"
        lines = metrics.read_text().split("\n")[:-1] if metrics.exists() else []
        return json.loads(lines[-1])["step"] if lines else 0

    def wait_for(self, condition):
        """Fails at once where the run is over before."""
        wait_for(lambda: condition() or self.process.poll() is not None)
        self.test.assertTrue(condition(), self.said())

    def wait_for_steps(self, steps):
        self.wait_for(lambda: self.steps() >= steps)

    def wait_for_more_steps(self, steps):
        self.wait_for_steps(self.steps() + steps)

    def end(self, code):
        """What it printed, when it is over; it has to end with this exit code."""
        try:
            ended = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            ended = "none: it still runs"
        self.test.assertEqual(ended, code, self.said())
        return self.said()

    def interrupt(self, which=signal.SIGINT):
        """Ends the run with a checkpoint; returns its step."""
        self.process.send_signal(which)
        self.end(130)
        return self.steps()


def keep_running(test, directory, *words, program=PROGRAM):
    """Starts it with these words in test.folder, for a run that they direct to test.folder / directory."""
    directory = test.folder / directory
    log = test.folder / f"{directory.name}.log"
    with open(log, "w", encoding="utf-8") as file:
        process = subprocess.Popen([program, *not_scored(words)], cwd=test.folder, env=environment(),
                                   stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
    return Running(test, process, directory, log)


def keep_training(test, directory, *options, launch=0):
    """A run in one process, or a job of so many, that trains until it is told to end."""
    command = ["launch", "-n", launch, "--", "train"] if launch else ["train"]
    return keep_running(test, directory, *command, *options, *ENDLESS, "--train-dir", test.folder / directory)
