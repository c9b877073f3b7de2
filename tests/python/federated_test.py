"""What a round makes of its clients' answers, without the framework that carries them; tests/python/pypi has it within Flower."""
import io
import json
import logging
import pathlib
import random
import tempfile
import unittest

import detoxml as detox
import numpy
from detoxml._federated import Answer, Rounds

NAMES = ["weight", "batches"]
SENT = [numpy.linspace(-1, 1, 12, dtype="f4").reshape(3, 4), numpy.array(5)]


def encoded(array):
    file = io.BytesIO()
    numpy.save(file, array)
    return file.getvalue()


def honest(client):
    return [SENT[0] + 0.01 * numpy.random.default_rng(client).standard_normal((3, 4)).astype("f4"), numpy.array(9)]


def answer(client, arrays, examples=10):
    return Answer(client, lambda names: [encoded(array) for array in arrays], lambda: examples)


def rounds(rule="coord-median", f=0, weighted=None, ledger=None, rate=1.0, **options):
    return Rounds(rule, f, "none", None, "paper", weighted, ledger, rate, options)


class Federated(unittest.TestCase):
    def setUp(self):
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)

    def test_rows_are_updates_in_the_order_of_the_ids(self):
        answers = [answer(client, honest(client)) for client in (12, 3, 200, 7, 41)]
        wanted = SENT[0] + detox.aggregate([honest(client)[0] - SENT[0] for client in (3, 7, 12, 41, 200)], "geometric-median", f=1, step=4)
        for seed in range(4):
            random.Random(seed).shuffle(answers)
            outcome = rounds("geometric-median", 1, weighted=False).reduce(4, NAMES, SENT, answers)
            self.assertEqual(outcome.clients, (3, 7, 12, 41, 200))
            self.assertEqual(outcome.arrays[0].tobytes(), wanted.tobytes())
            self.assertEqual((outcome.arrays[1].dtype, int(outcome.arrays[1])), (numpy.int64, 9))

    def test_the_malformed_count_as_hostile_and_the_rest_go_by_the_rule_for_those_that_are_left(self):
        answers = [answer(client, honest(client) if client != 2 else [SENT[0].T, SENT[1]]) for client in range(7)]
        outcome = rounds("multi-krum", 2).reduce(1, NAMES, SENT, answers)
        rows = [honest(client)[0] - SENT[0] for client in range(7) if client != 2]
        self.assertEqual(outcome.arrays[0].tobytes(), (SENT[0] + detox.aggregate(rows, "multi-krum", f=1, step=1)).tobytes())
        self.assertEqual(outcome.malformed, {2: "float32 of shape (4, 3) in place of float32 of shape (3, 4)"})
        self.assertEqual(rounds("multi-krum", 0).reduce(1, NAMES, SENT, answers).why, "1 answers are malformed, and f = 0")

    def test_a_claim_buys_no_more_than_the_cap(self):
        answers = [answer(client, [SENT[0] + 50, SENT[1]] if client < 5 else honest(client), 10**9 if client < 5 else 10) for client in range(11)]
        outcome = rounds(f=5).reduce(1, NAMES, SENT, answers)
        self.assertLess(numpy.abs(outcome.arrays[0] - SENT[0]).max(), 0.1)
        # With a cap that somebody chose too high, nothing defends the round, and it says so.
        self.assertIn("less than half of the weight", rounds(f=5, weight_cap=2).reduce(1, NAMES, SENT, answers).why)

    def test_rounds_that_are_not_defended_keep_the_model_and_the_ledger_says_why(self):
        with tempfile.TemporaryDirectory() as folder:
            ledger = pathlib.Path(folder, "ledger.jsonl")
            made = rounds("bulyan", 1, ledger=ledger)
            self.assertEqual(made.least, 7)
            for count, failed in ((6, [(8, "gone")]), (0, []), (7, [])):
                made.enter(3, made.reduce(3, NAMES, SENT, [answer(client, honest(client)) for client in range(count)]), failed)
            lines = [json.loads(line) for line in ledger.read_text().splitlines()]
        self.assertEqual(lines[0], {"step": 3, "client": 8, "kind": "failed", "accusation": False, "why": "gone"})
        self.assertEqual([line["why"] for line in lines if line["kind"] == "kept"],
                         ["bulyan needs n >= 4f + 3: n = 6, f = 1", "nobody answered"])

    def test_an_attack_of_values_is_data_like_any_other(self):
        for value in (numpy.nan, numpy.inf, -numpy.inf, 3e38):
            for rule in detox.rules():
                if rule.name in ("mean", "normal", "sign-sgd"):  # which survive nobody, or need a small step
                    continue
                answers = [answer(client, [numpy.full_like(SENT[0], value), SENT[1]] if client == 3 else honest(client)) for client in range(11)]
                outcome = rounds(rule.name, 1).reduce(1, NAMES, SENT, answers)
                with self.subTest(value=value, rule=rule.name):
                    self.assertIsNotNone(outcome.arrays, outcome.why)
                    self.assertTrue(numpy.isfinite(outcome.arrays[0]).all())


if __name__ == "__main__":
    unittest.main()
