"""Simulated attacks from Python: formulas in double precision by NumPy, every kind of array, and what cannot be."""
import doctest
import gc
import statistics
import threading
import unittest

import detoxml as detox
import detoxml.attacking
import numpy
import torch
from kinds import KINDS, as_bytes

H, D = 11, 800
HONEST = numpy.random.default_rng(3).standard_normal((H, D)).astype("float32")
DOUBLE = HONEST.astype("float64")


def moments(ddof=1, rows=DOUBLE):
    return rows.mean(axis=0), rows.std(axis=0, ddof=ddof)


def distances(point, rows=DOUBLE):
    return ((rows - point) ** 2).sum(axis=1)


class Attacks(unittest.TestCase):
    def close(self, found, wanted, rtol=1e-6):
        self.assertEqual(found.dtype, numpy.float32)
        numpy.testing.assert_allclose(found, wanted, rtol=rtol, atol=1e-6)

    def test_of_moments_are_their_formulas(self):
        mean, deviation = moments()
        self.close(detox.Attack("ipm")(HONEST), -2 * mean)
        self.close(detox.Attack("ipm", c=0.3)(HONEST), 0.3 * mean)
        self.close(detox.Attack("alie")(HONEST), mean - deviation)
        self.close(detox.Attack("alie", z=1.5, sign="plus")(HONEST), mean + 1.5 * deviation)
        self.close(detox.Attack("alie", z=0.7, ddof=0)(HONEST), mean - 0.7 * moments(0)[1])

    def test_little_is_as_much_as_n_and_m_afford(self):
        mean, deviation = moments()
        for n, m, given in [(H + 4, 4, None), (40, 4, 40), (H + 1, 1, None)]:
            supporters = n // 2 + 1 - m
            z = statistics.NormalDist().inv_cdf((n - m - supporters) / (n - m))
            self.close(detox.Attack("alie", z="auto")(HONEST, m=m, n=given), mean - z * deviation)
        owned = detox.Attack("alie", z="auto")(HONEST, owned=[0, 5])
        z = statistics.NormalDist().inv_cdf((H - 2 - (H // 2 + 1 - 2)) / (H - 2))
        self.close(owned, mean - z * deviation)

    def test_that_hide_are_as_far_as_they_can_be(self):
        mean, deviation = moments()
        largest = max(distances(row).max() for row in DOUBLE)
        sums = max(distances(row).sum() for row in DOUBLE)
        for name, reach, limit in [("min_max", numpy.max, largest), ("min_sum", numpy.sum, sums)]:
            sent = detox.Attack(name)(HONEST).astype("float64")
            gamma = ((mean - sent) / deviation).mean()
            self.close(detox.Attack(name)(HONEST), mean - gamma * deviation, rtol=1e-4)
            self.assertAlmostEqual(reach(distances(sent)) / limit, 1, places=5)

    def test_that_try_out_the_defence_do_more_harm_than_any_of_their_trials(self):
        mean, deviation = moments()
        rule = detox.Rule("multi-krum", f=3)

        def harm(vector):
            rows = numpy.concatenate([HONEST, numpy.tile(vector.astype("float32"), (3, 1))])
            return numpy.linalg.norm(rule(rows).astype("float64") - mean)

        for name, step in [("ipm_opt", mean), ("alie_opt", deviation)]:
            sent = detox.Attack(name)(HONEST, m=3, defence=rule)
            start = mean if name == "alie_opt" else 0
            tau = ((start - sent) / step).mean()
            self.close(sent, start - tau * step, rtol=1e-4)
            for tried in (0, 10, 2, 0.4, tau * 0.5):
                self.assertGreaterEqual(harm(sent) * (1 + 1e-6), harm(start - tried * step), (name, tried, tau))

    def test_on_gradients_of_their_own_change_the_rows_of_their_owners(self):
        self.assertEqual(as_bytes(detox.Attack("sign_flip")(HONEST, m=2)), (-HONEST[-2:]).tobytes())
        self.assertEqual(as_bytes(detox.Attack("rev_grad", c=-4)(HONEST, owned=[1, 3])), (-4 * HONEST[[1, 3]]).tobytes())
        self.assertEqual(as_bytes(detox.Attack("none")(HONEST, owned=range(H))), HONEST.tobytes())
        self.assertEqual(detox.Attack("sign_flip")(HONEST, m=0).shape, (0, D))
        broken = detox.Attack("sdc", seed=2)
        shown = [step for step in range(1, 40) if as_bytes(broken(HONEST, owned=[4], step=step)) != HONEST[4:5].tobytes()]
        self.assertTrue(0 < len(shown) < 40)
        changed = numpy.flatnonzero(broken(HONEST, owned=[4], step=shown[0])[0] != HONEST[4])
        self.assertLess(len(changed), D / 20)

    def test_that_know_nothing_send_what_they_are_told(self):
        self.assertEqual(set(detox.Attack("constant", c=7)(HONEST)), {7})
        self.assertTrue(numpy.isposinf(detox.Attack("infinity")(HONEST)).all())
        self.assertTrue(numpy.isnan(detox.Attack("nan")(HONEST)).all())
        self.assertEqual(as_bytes(detox.Attack("mimic", c=6)(HONEST)), HONEST[6].tobytes())
        noise = detox.Attack("gaussian", c=3, seed=1)(numpy.zeros((1, 200_000), "float32"), m=2)
        self.assertEqual(noise.shape, (2, 200_000))
        self.assertAlmostEqual(noise.std(), 3, places=1)
        self.assertLess(abs(noise.mean()), 0.05)
        self.assertLess(abs((noise[0] * noise[1]).mean()), 0.1)

    def test_draw_the_same_of_one_seed_and_step(self):
        def noise(seed=None, step=1):
            return as_bytes(detox.Attack("random", seed=seed)(HONEST, step=step))

        self.assertEqual(noise(5), noise(5))
        self.assertNotEqual(noise(5), noise(6))
        self.assertNotEqual(noise(5), noise(5, 2))
        self.assertEqual(noise(), noise(428))

    def test_give_the_same_bytes_for_every_kind_of_array_and_as_many_threads(self):
        rule = detox.Rule("krum", f=2)
        for info in detox.attacks():
            if info.unavailable:
                continue
            attack, threads = detox.Attack(info.name), detox.Attack(info.name, threads=3)
            wanted = as_bytes(attack(HONEST, m=2, step=2, defence=rule))
            self.assertEqual(as_bytes(threads(HONEST, m=2, step=2, defence=rule)), wanted)
            for kind, make in KINDS.items():
                with self.subTest(attack=info.name, kind=kind):
                    sent = attack(make(HONEST), m=2, step=2, defence=rule)
                    self.assertEqual(as_bytes(sent), wanted)
        self.assertIsInstance(detox.Attack("ipm")(torch.tensor(HONEST)), torch.Tensor)
        self.assertEqual(detox.Attack("ipm")(HONEST.reshape(H, 20, 40)).shape, (20, 40))
        self.assertEqual(detox.Attack("sign_flip")(HONEST.reshape(H, 20, 40), m=3).shape, (3, 20, 40))
        out = torch.empty(D)
        self.assertIs(detox.Attack("ipm")(HONEST, out=out), out)

    def test_leave_what_is_honest_as_it_is(self):
        rows = HONEST.copy()
        for info in detox.attacks():
            if not info.unavailable:
                detox.Attack(info.name)(rows, m=3, defence=detox.Rule("median", f=3))
        self.assertEqual(rows.tobytes(), HONEST.tobytes())

    def test_take_values_that_are_not_finite(self):
        rows = HONEST.copy()
        rows[1], rows[2, :9] = numpy.nan, numpy.inf
        for info in detox.attacks():
            if not info.unavailable:
                detox.Attack(info.name)(rows, m=2, defence=detox.Rule("krum", f=2))

    def test_and_their_defence_are_shared_by_threads(self):
        rule, attack = detox.Rule("krum", f=2), detox.Attack("alie_opt")
        wanted, found = as_bytes(attack(HONEST, m=2, defence=rule)), []
        threads = [threading.Thread(target=lambda: found.append(as_bytes(attack(HONEST, m=2, defence=rule)))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(found, [wanted] * 4)
        for _ in range(20):
            attack = detox.Attack("ipm", threads=1)
            attack([row.copy() for row in HONEST])
            del attack
            gc.collect()

    def test_that_cannot_be_are_refused_in_one_line(self):
        rule = detox.Rule("krum", f=5)
        for make, because in [
                (lambda: detox.Attack("ipn"), "did you mean ipm"), (lambda: detox.Attack("label_flip"), "needs labels"),
                (lambda: detox.Attack(3), "the attack is 3"), (lambda: detox.Attack("ipm", z=1), "ipm reads no option alie-z; valid: adversarial, seed"),
                (lambda: detox.Attack("alie", sign="down"), "valid: minus, plus"), (lambda: detox.Attack("ipm", c="x y"), "without blanks"),
                (lambda: detox.Attack("ipm", c=[1]), "a float32"), (lambda: detox.Attack("ipm", seed=-1), "seed is -1"),
                (lambda: detox.Attack("ipm")(DOUBLE), "honest has dtype float64; valid: float32, in which attackers send"),
                (lambda: detox.Attack("ipm")([]), "there are no rows"), (lambda: detox.Attack("ipm")(HONEST[:0]), "h is 0"),
                (lambda: detox.Attack("ipm")(HONEST, m=-1), "m is -1"), (lambda: detox.Attack("random")(HONEST, m=10**9), "m is 1000000000"),
                (lambda: detox.Attack("ipm")(HONEST, n=0.5), "n is 0.5"), (lambda: detox.Attack("ipm")(HONEST, m=4, n=3), "n is 3; valid: m = 4"),
                (lambda: detox.Attack("sign_flip")(HONEST, m=12), "m is 12; valid: 0 to 11"),
                (lambda: detox.Attack("ipm")(HONEST, owned=[11]), "owned[0] is 11"), (lambda: detox.Attack("ipm")(HONEST, owned=[2, 1]), "ascending"),
                (lambda: detox.Attack("ipm")(HONEST, owned=3), "owned is int"), (lambda: detox.Attack("ipm")(HONEST, owned=[1], m=2), "m is 2, owned are 1"),
                (lambda: detox.Attack("mimic", c=11)(HONEST), "mimic: adversarial is 11; valid: a slice, 0 to 10"),
                (lambda: detox.Attack("ipm_opt")(HONEST), "ipm_opt tries out the defence; valid: defence=detoxml.Rule(...)"),
                (lambda: detox.Attack("ipm_opt")(HONEST, defence="krum"), "valid: defence=detoxml.Rule"),
                (lambda: detox.Attack("ipm_opt")(HONEST, defence=rule), "the defence: krum needs n >= 2f + 3: n = 12, f = 5"),
                (lambda: detox.Attack("ipm")(HONEST, out=numpy.empty(D)), "out is float64"),
                (lambda: detox.Attack("ipm")(HONEST, out=HONEST[0]), "out overlaps row 0")]:
            with self.subTest(because=because), self.assertRaises(detox.UsageError) as caught:
                make()
            self.assertIn(because, str(caught.exception))
            self.assertNotIn("\n", str(caught.exception))

    def test_with_drawn_arguments_send_or_are_refused(self):
        draw, made = numpy.random.default_rng(5), {info.name: detox.Attack(info.name) for info in detox.attacks() if not info.unavailable}
        values = numpy.array([numpy.nan, numpy.inf, -numpy.inf, 3e38, -3e38, 1e-45, 0, 1], "float32")
        rule, done = detox.Rule("median", f=1), {"sent": 0, "refused": 0}
        for _ in range(2000):
            rows = draw.choice(values, tuple(draw.integers(0, 5, draw.integers(1, 4))))
            if draw.random() < 0.05:
                rows = numpy.broadcast_to(values, (10**8, 8))
            more = {name: int(draw.integers(-1, 6)) for name in ("n", "m", "step") if draw.random() < 0.3}
            if draw.random() < 0.3:
                more["owned"] = draw.integers(-1, 5, draw.integers(0, 4))
            attack = made[draw.choice(list(made))]
            try:
                result = attack(rows, defence=rule, **more)
                self.assertIn(result.shape, (rows.shape[1:], (len(more.get("owned", "x" * more.get("m", 1))), *rows.shape[1:])))
                done["sent"] += 1
            except detox.UsageError as error:
                self.assertNotIn("\n", str(error))
                done["refused"] += 1
        self.assertGreater(min(done.values()), 300)

    def test_are_listed_with_what_they_need(self):
        listed = {info.name: info for info in detox.attacks()}
        self.assertGreaterEqual(len(listed), 20)
        self.assertEqual(listed["ipm"].parameter, "factor")
        self.assertEqual(listed["ipm"].standard, -2)
        self.assertEqual(listed["gaussian"].needs, "nothing")
        self.assertIn("1902.06156", listed["alie"].paper)
        self.assertIn("alie-z=0.5", repr(detox.Attack("ALIE", z=0.5)))
        self.assertEqual(detox.Attack("Sign-Flip").name, "sign_flip")

    def test_examples_of_the_docstrings_run(self):
        self.assertGreaterEqual(doctest.testmod(detoxml.attacking).attempted, 6)
        self.assertEqual(doctest.testmod(detoxml.attacking).failed, 0)


if __name__ == "__main__":
    unittest.main()
