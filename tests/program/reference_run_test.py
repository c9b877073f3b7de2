"""PyTorch itself as the independent truth for whole runs: python3-torch repeats them from the same weights on the same
batches. The comparison is reference_loop.py's; PRINT_SLICES is the built print_slices."""

import json
import os
import pathlib
import sys

TESTS = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(TESTS / "support"))
from program import DATA, ProgramTest, main, run

PRINT_SLICES = os.environ.get("PRINT_SLICES", "print_slices")
REFERENCE_LOOP = TESTS / "learn" / "reference_loop.py"
SEED, TRAINING_SAMPLES, SLICES = 428, 60000, 3
MOMENTUM, WEIGHT_DECAY, LR = 0.9, 1e-4, 0.01


class ReferenceRun(ProgramTest):
    def print_slices(self, *arguments):
        result = run(*arguments, program=[PRINT_SLICES])
        self.assertEqual(result.code, 0, result.err)
        return result.out

    def train(self, *options, per_step, steps, eval_freq, nesterov=False):
        """A run of 9 workers, r = 3, whose slices are averaged; returns its manifest for reference_loop.py."""
        sgd = ["--lr", LR, "--momentum", MOMENTUM, "--weight-decay", WEIGHT_DECAY] + ["--nesterov"] * nesterov
        self.run_ok("train", "--workers", 9, "--group-size", 3, "--mode", "normal", "--seed", SEED, *sgd,
                    "--max-steps", steps, "--eval-freq", eval_freq, "--train-dir", "run", *options, timeout=600)
        self.print_slices("weights", SEED, "LeNet", self.folder)
        batches = json.loads(self.print_slices("slices", SEED, TRAINING_SAMPLES, SLICES, per_step, steps))
        self.assertEqual(len(self.journal("run")), steps)
        return {"network": "LeNet", "classes": 10, "image_shape": [1, 28, 28], "initial": "model_step_0",
                "lr": LR, "momentum": MOMENTUM, "weight_decay": WEIGHT_DECAY, "nesterov": nesterov,
                "dataset": {"folder": str(DATA), "mean": 0.2860, "std": 0.3530},
                "loss_over_slices": "median",
                "steps": [{"slices": [{"samples": samples} for samples in slices]} for slices in batches]}

    def compare(self, manifest, **tolerances):
        """(exit code, what it says) of reference_loop.py."""
        (self.folder / "manifest.json").write_text(json.dumps(manifest))
        options = [word for name, value in tolerances.items() for word in (f"--{name}-tolerance", value)]
        result = run(REFERENCE_LOOP, self.folder, *options, program=["/usr/bin/python3"], timeout=600)
        self.assertNotIn("Traceback", result.err)
        return result.code, result.out.strip()

    def assert_agrees(self, manifest, **tolerances):
        code, says = self.compare(manifest, **tolerances)
        self.assertEqual(code, 0, says)
        print(says, end=" ... ", flush=True)


class StepByStep(ReferenceRun):
    TOLERANCES = {"loss": 2e-5, "weight": 2e-6}

    def recorded(self, *options, per_step, nesterov=False, steps=25):
        manifest = self.train(*options, per_step=per_step, steps=steps, eval_freq=1, nesterov=nesterov)
        for step, metrics in zip(manifest["steps"], self.journal("run")):
            self.assertFalse(metrics["skipped"])
            step.update(loss=metrics["loss"], weights=f"run/model_step_{metrics['step']}")
        return manifest

    def test_detox_with_the_mean_agrees_in_loss_and_weights(self):
        self.assert_agrees(self.recorded("--batch-size", 16, per_step=48), **self.TOLERANCES)

    def test_with_nesterov_uneven_slices_and_an_outvoted_attacker_agrees_in_loss_and_weights(self):
        # Ten steps: in the twelfth two values of a pooling tie but for the last bit, and weights that are 6e-8 apart have
        # gradients, in PyTorch as here, that are 4e-4 apart.
        manifest = self.recorded("--approach", "maj_vote", "--worker-fail", 1, "--global-batch", 50, per_step=50,
                                 nesterov=True, steps=10)
        self.assertEqual({len(part["samples"]) for part in manifest["steps"][0]["slices"]}, {16, 17})
        self.assertTrue(self.journal("run", "ledger.jsonl"), "nobody attacked")
        self.assert_agrees(manifest, **self.TOLERANCES)

    def test_another_optimizer_other_weights_or_other_batches_are_told_apart(self):
        manifest = self.recorded("--batch-size", 16, per_step=48, steps=12)
        self.assert_agrees(manifest, **self.TOLERANCES)
        first, *rest = manifest["steps"]
        for wrong, words in [({"momentum": 0.89}, "step 2: weight"),
                             ({"nesterov": True}, "step 1: weight"),
                             ({"weight_decay": 0}, ": weight"),
                             ({"loss_over_slices": "mean"}, "step 1: loss"),
                             ({"initial": "run/model_step_1"}, "step 1: loss"),
                             ({"steps": [{**first, "slices": rest[0]["slices"]}, *rest]}, "step 1: loss")]:
            code, says = self.compare({**manifest, **wrong}, **self.TOLERANCES)
            self.assertEqual(code, 1, f"{wrong.keys()}: {says}")
            self.assertIn(words, says)


class AfterEpochs(ReferenceRun):
    EPOCH = 625  # steps of 96 samples
    TEST_SET = {"range": [0, 10000], "split": "test"}

    def scores(self):
        lines = self.run_ok("evaluate", "--model-dir", "run", "--json").out.splitlines()
        return {score["step"]: score for score in map(json.loads, lines)}

    def test_the_accuracy_agrees(self):
        manifest = self.train("--batch-size", 32, per_step=96, steps=2 * self.EPOCH, eval_freq=self.EPOCH)
        scores = self.scores()
        self.assertEqual(list(scores), [self.EPOCH, 2 * self.EPOCH])
        for step, score in scores.items():
            self.assertGreater(score["prec1"], 80)
            print(f"Prec@1 after {step} steps {score['prec1']:.2f}", end=", ")

        # One checkpoint, scored by both: rounding alone may differ.
        for step, score in scores.items():
            same = {**manifest, "initial": f"run/model_step_{step}", "steps": [],
                    "evaluations": [{**score, "batch": self.TEST_SET, "after": 0}]}
            self.assert_agrees(same, loss=1e-4)
        untrained = {**same, "initial": "model_step_0"}
        self.assertEqual(self.compare(untrained, loss=1e-4)[0], 1)

        # Two trainings drift apart by rounding, and still learn the same.
        whole = {**manifest, "evaluations": [{"prec1": score["prec1"], "batch": self.TEST_SET, "after": step}
                                             for step, score in scores.items()]}
        self.assert_agrees(whole, precision=0.5)


main()
