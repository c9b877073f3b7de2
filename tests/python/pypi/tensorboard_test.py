"""TensorBoard's own reader on what `detoxml export tensorboard` writes, and on a file that was begun anew behind a killed run."""

import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).parents[3]
PROGRAM = os.environ.get("DETOXML") or next((str(path) for path in (ROOT / "build" / preset / "bin/detoxml" for preset in ("release", "demo"))
                                             if path.exists()), None)
sys.path.insert(0, str(ROOT / "tests/support"))


def shown(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    read.Reload()
    return {tag: [(event.step, event.value) for event in read.Scalars(tag)] for tag in read.Tags()["scalars"]}


@unittest.skipUnless(PROGRAM, "needs the program: cmake --build --preset release --target detoxml")
class Tensorboard(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def program(self, *arguments, **keywords):
        finished = subprocess.run([PROGRAM, *map(str, arguments)], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(finished.returncode, 0, finished.stderr)

    def test_reads_what_export_writes(self):
        (self.folder / "run").mkdir()
        (self.folder / "run/config.toml").write_text("workers = 3\n")
        losses = [2.5, 1.25, math.nan, math.inf, 0.0]
        text = {math.nan: "nan", math.inf: "inf"}
        lines = [{"step": step, "lr": 0.1, "loss": text.get(loss, loss), "accuracy": 0.5, "seconds": {"total": 1.0, "vote": 0.25},
                  "bytes_in": 7, "bytes_out": 0, "computed": 3, "resolved": 1, "unresolved": 0, "skipped": False}
                 for step, loss in enumerate(losses, 1)]
        (self.folder / "run/metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        (self.folder / "run/evaluation.jsonl").write_text('{"step": 4, "loss": 0.5, "prec1": 50.0, "prec5": 100.0}\n')
        self.program("export", "tensorboard", "run", "-o", "events")
        found = shown(self.folder / "events/run")
        self.assertEqual([step for step, _ in found["train/loss"]], [1, 2, 3, 4, 5])
        for (_, value), loss in zip(found["train/loss"], losses):
            self.assertTrue(value == loss or math.isnan(value) and math.isnan(loss), (value, loss))
        self.assertEqual(found["train/bytes_in"], [(step, 7.0) for step in range(1, 6)])
        self.assertEqual(found["seconds/vote"], [(step, 0.25) for step in range(1, 6)])
        self.assertEqual(found["test/accuracy"], [(4, 0.5)])

    def test_reads_a_run_that_was_resumed_without_double_points(self):
        train = ["train", "--train-dir", "run", "--batch-size", 8, "--workers", 3, "--eval-freq", 4, "--no-evaluate"]
        self.program(*train, "--max-steps", 6, "--tensorboard")
        # As after a kill behind step 6: the newest checkpoint is that of step 4.
        for file in (self.folder / "run").glob("*_step_6"):
            file.unlink()
        (self.folder / "run/run.json").write_text('{"message":"","status":"running","step":4}')
        self.program(*train, "--max-steps", 8, "--resume", "auto")
        found = shown(self.folder / "run")
        steps = [json.loads(line) for line in (self.folder / "run/metrics.jsonl").read_text().splitlines()]
        self.assertEqual([step for step, _ in found["train/loss"]], list(range(1, 9)))
        for (_, value), line in zip(found["train/loss"], steps):
            self.assertAlmostEqual(value, line["loss"], places=5)
        from event_files import points
        self.assertEqual({tag: list(map(tuple, of_tag)) for tag, of_tag in points(self.folder / "run").items()}, found)


if __name__ == "__main__":
    unittest.main()
