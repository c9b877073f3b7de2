"""The class names and call styles of ByzFL and ByzPy, and what the real packages computed on the same inputs (peers.json)."""
import collections
import inspect
import json
import pathlib
import random
import unittest

import detoxml as detox
import numpy
import torch
from detoxml.compat import byzfl, byzpy

PEERS = json.loads((pathlib.Path(__file__).parent / "peers.json").read_text(encoding="utf-8"))
INPUTS = {name: numpy.array(rows) for name, rows in PEERS["inputs"].items()}


def of_byzfl(value):
    rows, arguments = INPUTS[value["input"]].copy(), dict(value["arguments"])
    if "agg" in value:
        name, its = value["agg"]
        arguments.update(agg=getattr(byzfl, name)(**its), pre_agg_list=[getattr(byzfl, step)(**its) for step, its in value["pre"]])
    made = getattr(byzfl, value["class"])(**arguments)
    if "before" in value:
        made(INPUTS[value["before"]])
    return made(rows)


def of_byzpy(value):
    rows, arguments = [torch.tensor(row) for row in INPUTS[value["input"]]], dict(value["arguments"])
    if "rng" in value:
        arguments["rng"] = random.Random(value["rng"])
    made = getattr(byzpy, value["class"])(**arguments)
    if value["class"] == "SignFlipAttack":
        return made.apply(base_grad=rows[0])
    if hasattr(made, "apply"):
        return made.apply(honest_grads=rows)
    return made.aggregate(rows) if hasattr(made, "aggregate") else torch.stack(made.pre_aggregate(rows))


# krum 0.9 and ours: the rule, and what it has to be told.
KRUM = {"Average": ("normal", {}), "Median": ("coord-median", {}), "TrimmedMean": ("trimmed-mean", {}), "Krum": ("krum", {}),
        "MultiKrum": ("multi-krum", {}), "Brute": ("mda", {}), "GeometricMedian": ("geometric-median", {})}


def of_krum(value):
    rows, told = INPUTS[value["input"]], value["arguments"]
    if value["class"] == "SignFlipAttack":
        return detox.Attack("ipm", c=-1)(rows.astype("float32"))
    if value["class"] == "ALIEAttack":
        return detox.Attack("alie", z=told["z"], ddof=0)(rows.astype("float32"))
    rule, options = KRUM[value["class"]]
    if rule == "multi-krum":
        options = {"krum_select": told.get("m", len(rows) - 2 * told["f"] - 3)}
    return detox.aggregate(rows, rule, f=told["f"], **options)


def ours(value):
    return numpy.asarray({"byzfl": of_byzfl, "byzpy": of_byzpy, "krum": of_krum}[value["package"]](value), dtype="float64")


def is_attack(value):
    made = {"byzfl": byzfl, "byzpy": byzpy}.get(value["package"])
    return value["class"].endswith("Attack") or hasattr(getattr(made, value["class"], None), "_attack") or value["class"] in (
        "SignFlipping", "InnerProductManipulation", "ALittleIsEnough", "Mimic") or value["class"].startswith("Optimal")


# Another definition, which docs/coming-from.md has. ByzPy's CAF divides by the deviation of a row that is out already.
OTHER_DEFINITIONS = {("krum", "Bulyan"), ("krum", "Aksel"), ("krum", "Medoid")}
OTHER_RESULTS = {("byzpy", "CAF", "hostile")}


class Peers(unittest.TestCase):
    def test_computed_what_we_compute(self):
        compared = collections.Counter()
        for value in PEERS["values"]:
            key = value["package"], value["class"]
            if key in OTHER_DEFINITIONS or (*key, value["input"]) in OTHER_RESULTS:
                continue
            with self.subTest(package=value["package"], name=value["class"], arguments=value["arguments"], rows=value["input"]):
                # Attackers send float32. Medians by rounds stop when these are short.
                tolerance = 1e-5 if key == ("krum", "GeometricMedian") else 2e-6
                rounded = is_attack(value) or value["class"] == "GeometricMedian"
                found = ours(value)
                wanted = numpy.array(value["result"])
                self.assertEqual(found.shape, wanted.shape)
                numpy.testing.assert_allclose(found, wanted, rtol=tolerance if rounded else 1e-10,
                                              atol=tolerance if rounded else 1e-10)
                compared[value["package"]] += 1
        self.assertGreater(compared["byzfl"], 110)
        self.assertGreater(compared["byzpy"], 110)
        self.assertGreater(compared["krum"], 30)

    def test_of_krum_with_another_definition_compute_something_else(self):
        for name, rule in [("Bulyan", "bulyan"), ("Aksel", "aksel")]:
            same = []
            for value in PEERS["values"]:
                if (value["package"], value["class"]) == ("krum", name):
                    found = detox.aggregate(INPUTS[value["input"]], rule, f=value["arguments"]["f"])
                    same.append(numpy.allclose(found, value["result"], rtol=1e-4))
            self.assertFalse(all(same), name)


class Compat(unittest.TestCase):
    def test_offers_what_the_packages_have_with_their_arguments(self):
        classes = {(value["package"], value["class"]): set() for value in PEERS["values"]}
        for value in PEERS["values"]:
            classes[value["package"], value["class"]] |= set(value["arguments"])
        for (package, name), arguments in classes.items():
            if package == "krum":
                continue
            made = getattr({"byzfl": byzfl, "byzpy": byzpy}[package], name)
            self.assertLessEqual(arguments, set(inspect.signature(made).parameters), name)
        for module in (byzfl, byzpy):
            self.assertEqual(sorted(set(module.__all__)), sorted(module.__all__))
            for name in module.__all__:
                self.assertTrue(getattr(module, name).__doc__, name)

    def test_takes_lists_and_arrays_of_numpy_and_torch_and_gives_the_same_kind(self):
        rows = INPUTS["plain"]
        wanted = byzfl.MultiKrum(f=2)(rows)
        for vectors in (rows, list(rows), numpy.asfortranarray(rows)):
            found = byzfl.MultiKrum(f=2)(vectors)
            self.assertEqual((type(found), found.dtype), (numpy.ndarray, rows.dtype))
            self.assertEqual(found.tobytes(), wanted.tobytes())
        for vectors in (torch.tensor(rows), [torch.tensor(row) for row in rows], torch.tensor(rows).float().requires_grad_()):
            found = byzfl.MultiKrum(f=2)(vectors)
            self.assertEqual((type(found), found.dtype), (torch.Tensor, torch.float32))
            numpy.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
        self.assertEqual(byzfl.Average()(numpy.array([[1, 2], [2, 4]])).tolist(), [1.5, 3])
        self.assertEqual(byzfl.Median()(rows.astype("float16")).dtype, numpy.float16)
        self.assertEqual(byzpy.MeanOfMedians(f=1).aggregate([torch.tensor(row).bfloat16() for row in rows]).dtype, torch.bfloat16)
        self.assertEqual(byzpy.Krum(f=1).aggregate([torch.tensor(row).reshape(2, 3) for row in rows]).shape, (2, 3))
        for attack in (byzfl.SignFlipping(), byzfl.Inf(), byzfl.Gaussian(), byzfl.Optimal_ALittleIsEnough(), byzfl.LabelFlipping()):
            self.assertEqual((attack(list(rows)).dtype, attack(list(rows)).shape), (rows.dtype, (6,)))
            self.assertEqual((attack(torch.tensor(rows)).dtype, attack(torch.tensor(rows)).shape), (torch.float32, (6,)))

    def test_attacks_take_one_array_of_all_gradients_and_whole_numbers(self):
        rows = INPUTS["plain"]
        wanted = byzpy.LittleAttack(2).apply(honest_grads=list(rows))
        for given in (rows, torch.tensor(rows)):
            numpy.testing.assert_array_equal(byzpy.LittleAttack(2).apply(honest_grads=given), wanted)
        wholes = numpy.array([[1], [2], [4], [8]])
        for given in (list(wholes), list(torch.tensor(wholes))):
            self.assertEqual(byzpy.EmpireAttack().apply(honest_grads=given).tolist(), [-3.75])
            self.assertEqual(byzpy.CoordinateWiseMedian().aggregate(given).tolist(), [2.0])

    def test_writes_to_nothing_of_the_callers(self):
        for made in (byzfl.Clipping(0.1), byzfl.ARC(2), byzfl.CenteredClipping(tau=0.1), byzfl.Optimal_InnerProductManipulation(f=2)):
            rows = INPUTS["hostile"].copy()
            made(rows)
            self.assertEqual(rows.tobytes(), INPUTS["hostile"].tobytes())

    def test_clips_about_its_own_last_result(self):
        clipping = byzfl.CenteredClipping(tau=1.0)
        first = clipping(INPUTS["plain"])
        second = clipping(INPUTS["plain"])
        self.assertIs(clipping.m, second)
        self.assertNotEqual(first.tobytes(), second.tobytes())
        given = byzfl.CenteredClipping(m=first, tau=1.0)(INPUTS["plain"])
        self.assertEqual(given.tobytes(), second.tobytes())

    def test_draws_anew_in_each_call_and_the_same_in_each_run(self):
        for make, call in [(byzfl.Bucketing, lambda made: made(INPUTS["plain"])), (byzfl.Gaussian, lambda made: made(INPUTS["plain"])),
                           (byzpy.GaussianAttack, lambda made: made.apply(honest_grads=list(INPUTS["plain"])))]:
            arguments = {"s": 3} if make is byzfl.Bucketing else {}
            one, other = make(**arguments), make(**arguments)
            first = call(one)
            self.assertEqual(first.tobytes(), call(other).tobytes())
            self.assertNotEqual(first.tobytes(), call(one).tobytes())
        numpy.testing.assert_allclose(byzfl.Bucketing(3)(INPUTS["plain"]).mean(axis=0), INPUTS["plain"].mean(axis=0), atol=1e-12)

    def test_asks_for_as_many_rows_as_they_do(self):
        three = numpy.array([[0.0], [1.0], [3.0]])
        self.assertEqual(byzfl.Krum(1)(three), [0.0])
        with self.assertRaisesRegex(detox.UsageError, r"krum needs n >= 2f \+ 1: n = 3, f = 2"):
            byzfl.Krum(2)(three)
        self.assertEqual(byzpy.Krum(1).aggregate(list(three)), [0.0])
        with self.assertRaisesRegex(detox.UsageError, r"krum needs n >= f \+ 2: n = 3, f = 2"):
            byzpy.Krum(2).aggregate(list(three))
        self.assertEqual(detox.Rule("krum", f=1, semantics="byzfl").requirement, "n >= 2f + 1")
        self.assertEqual(detox.Rule("krum", f=1, semantics="byzpy").requirement, "n >= f + 2")
        self.assertEqual(detox.Rule("krum", f=1).requirement, "n >= 2f + 3")
        self.assertIn("needs n >= 2f + 1", repr(detox.Rule("multi-krum", semantics="byzfl")))
        self.assertEqual(detox.Rule("krum", f=2, semantics="byzfl").unmet(5), "")

    def test_refuses_in_one_line_what_it_has_not(self):
        rows = INPUTS["plain"]
        for make, because in [
                (lambda: byzfl.Krum(-1), "f is -1"), (lambda: byzfl.TrMean(1.0), "f is 1.0"), (lambda: byzfl.Krum(1)("rows"), "vectors are str"),
                (lambda: byzfl.Krum(1)([]), "valid: a list of NumPy arrays"), (lambda: byzfl.GeometricMedian(nu=0.2), "nu is 0.2; valid: 0.1"),
                (lambda: byzfl.CenteredClipping(L=0), "L is 0; valid: a whole number from 1"), (lambda: byzfl.TrMean(5)(rows), "n >= 2f + 1"),
                (lambda: byzfl.Mimic(9)(rows), "valid: a slice, 0 to 8"), (lambda: byzfl.NNM(5)(rows), "nnm needs n >= 2f + 1"),
                (lambda: byzfl.Optimal_ALittleIsEnough(ratio=0.3), "ratio between 0.5 and 1"), (lambda: byzfl.Gaussian(sigma=-1.0), "sigma is -1.0"),
                (lambda: byzfl.Krum(1)(list(torch.tensor(rows).to("meta"))), "cpu"), (lambda: byzpy.GeometricMedian(init="mean"), "valid: 'median'"),
                (lambda: byzpy.CenteredClipping(c_tau=1.0, init="last"), "valid: 'mean', 'median', 'zero'"), (lambda: byzpy.MultiKrum(2, 8).aggregate(list(rows)), "krum-select"),
                (lambda: byzpy.EmpireAttack().apply(base_grad=rows[0]), "EmpireAttack needs honest_grads"),
                (lambda: byzpy.SignFlipAttack().apply(honest_grads=list(rows)), "needs base_grad"), (lambda: byzpy.LittleAttack(3, N=2).apply(honest_grads=list(rows)), "N from f"),
                (lambda: byzfl.Median()([rows[0], torch.tensor(rows[1])]), "vectors are arrays and Tensor"),
                (lambda: byzfl.Median()([torch.tensor(rows[0]), rows[1]]), "vectors are tensors and ndarray"),
                (lambda: byzpy.Bucketing(2, perm=[0, 0]).pre_aggregate(list(rows)), "each of the 9 rows once")]:
            with self.subTest(because=because), self.assertRaises(detox.UsageError) as caught:
                make()
            self.assertIn(because, str(caught.exception))
            self.assertNotIn("\n", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
