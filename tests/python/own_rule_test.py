"""Rules of one's own: called as ours are, what of their source is known, and what a program is answered that asks for them."""
import array
import contextlib
import doctest
import json
import mmap
import os
import pathlib
import socket
import sys
import tempfile
import threading
import unittest
from unittest import mock

import detoxml as detox
import detoxml.own_attack
import detoxml.own_rule
import numpy
import torch
from detoxml._own_function import UNKNOWN, answering, source_of


@detox.rule("my-median", requires="n >= 2f + 1")
def median(rows, f, step):
    """The median of each column."""
    return numpy.median(rows, axis=0)


def mean(rows):
    return rows.mean(axis=0)


def scaled(rows, f=0, *, scale=2.0):
    return rows[0] * scale


def holder(scale):
    return lambda rows: rows[0] * scale


class Calls(unittest.TestCase):
    def test_are_those_of_aggregate(self):
        rows = numpy.random.default_rng(1).standard_normal((7, 3, 5)).astype("float32")
        wanted = detox.aggregate(rows, "coord-median", f=2)
        numpy.testing.assert_array_equal(median(rows, f=2), wanted)
        self.assertEqual(median(rows, f=2).dtype, numpy.float32)
        of_torch = median([torch.from_numpy(row) for row in rows], f=2)
        self.assertEqual((type(of_torch), of_torch.tolist()), (torch.Tensor, wanted.tolist()))
        self.assertEqual(median([array.array("d", [value]) for value in (1, 5, 2)], f=1), array.array("d", [2]))
        out = numpy.empty((3, 5), "float32")
        self.assertIs(median(rows, f=2, out=out), out)
        numpy.testing.assert_array_equal(out, wanted)
        numpy.testing.assert_array_equal(median(rows, f=2, pre="nnm"), detox.aggregate(rows, "coord-median", f=2, pre="nnm"))
        with self.assertRaises(detox.UsageError) as caught:
            median(rows, f=4)
        self.assertEqual(str(caught.exception), "my-median needs n >= 2f + 1: n = 7, f = 4")

    def test_see_a_copy_of_the_rows(self):
        @detox.rule
        def spoils(rows, f):
            rows[:] = f
            return rows[0]

        rows = numpy.ones((3, 2), "float32")
        self.assertEqual(spoils(rows, f=7).tolist(), [7, 7])
        self.assertEqual(rows.tolist(), [[1, 1]] * 3)

    def test_give_what_the_function_takes(self):
        rows = numpy.ones((3, 2))
        for function, seen in ((lambda rows, f, step: rows[0] + 10 * f + step, 1 + 20 + 5), (lambda rows, f: rows[0] + f, 3),
                               (lambda rows: rows[0], 1), (lambda rows, scale=3.0: rows[0] * scale, 3),
                               (lambda rows, step=9: rows[0] + step, 10), (lambda *given: given[0][0] + given[2], 6)):
            self.assertEqual(detox.OwnRule(function, "one")(rows, f=2, step=5).tolist(), [seen, seen])
        for wrong in (lambda: None, lambda a, b, c, d: None, 5):
            self.assertRaises(detox.UsageError, detox.OwnRule, wrong, "one")

    def test_refuse_what_is_no_vector(self):
        for result in (1.0, numpy.ones(3), numpy.ones((1, 2)), numpy.ones(2, int), [None, None], "text", None, numpy.ones(2, complex)):
            with self.subTest(result=result), self.assertRaises(detox.UsageError) as caught:
                detox.OwnRule(lambda rows, result=result: result, "odd")(numpy.ones((3, 2)))
            self.assertRegex(str(caught.exception), r"^odd returned .*; valid: float32 or float64 of shape \(2,\)$")

    def test_see_no_more_rows_than_any_rule(self):
        with self.assertRaisesRegex(detox.UsageError, "^there are 65536 rows; valid: at most 65535$"):
            detox.OwnRule(mean)(numpy.ones((65536, 1), "float32"))
        self.assertEqual(detox.OwnRule(mean)(numpy.ones((65535, 1), "float32")).tolist(), [1])

    def test_do_what_their_documentation_shows(self):
        self.assertEqual(doctest.testmod(detoxml.own_rule)[:], (0, 4))

    def test_are_described(self):
        self.assertEqual((median.name, median.requirement, median.unmet(4, 2)), ("my-median", "n >= 2f + 1", "my-median needs n >= 2f + 1: n = 4, f = 2"))
        self.assertEqual(median.__doc__, "The median of each column.")
        for text, shown in (("n>=f", "n >= f"), ("n >= 4 f + 3", "n >= 4f + 3"), ("n >= 1f+1", "n >= f + 1"), ("n >= 5", "n >= 5"),
                            ("n >= 0f + 2", "n >= 2")):
            self.assertEqual(detox.OwnRule(mean, requires=text).requirement, shown)
        for text in ("", "n > f", "n >= f - 1", "n >= 17f", "n >= f * f", 3, None, "f"):
            self.assertRaises(detox.UsageError, detox.OwnRule, mean, requires=text)
        for name in ("", "a/b", "x" * 41, "-x", 3):
            self.assertRaises(detox.UsageError, detox.OwnRule, mean, name)
        for timeout in (0, -1, float("nan"), "long", True):
            self.assertRaises(detox.UsageError, detox.OwnRule, mean, timeout=timeout)


class Attacks(unittest.TestCase):
    def test_give_what_the_function_asks_for_by_name(self):
        honest = numpy.arange(6, dtype="float32").reshape(3, 2)
        for function, seen in ((lambda honest, slice: -honest[slice], [-2, -3]), (lambda honest: honest.max(axis=0), [4, 5]),
                               (lambda step, honest, m: honest[0] + 10 * m + step, [25, 26]),
                               (lambda **known: known["honest"][known["slice"]] * known["m"], [4, 6]),
                               (lambda honest, scale=3.0: honest[0] * scale, [0, 3])):
            self.assertEqual(detox.OwnAttack(function, "one")(honest, slice=1, m=2, step=5).tolist(), seen)
        own = detox.OwnAttack(lambda honest, slice: -honest[slice], "flip")
        self.assertEqual(own([torch.ones(2, 2), torch.zeros(2, 2)]).tolist(), [[-1, -1], [-1, -1]])
        self.assertEqual((own.described()["same"], detox.OwnAttack(lambda honest: honest[0], "mimic").described()["same"]), (False, True))
        self.assertEqual(doctest.testmod(detoxml.own_attack)[:], (0, 4))

    def test_refuse_what_cannot_be(self):
        for wrong in (lambda rows: rows[0], lambda honest, other: None, 5):
            self.assertRaises(detox.UsageError, detox.OwnAttack, wrong, "odd")
        one = detox.OwnAttack(lambda honest: honest, "one")
        for arguments in ({}, {"slice": 3}, {"slice": -1}, {"m": 1.5}, {"step": "1"}):
            self.assertRaises(detox.UsageError, one, numpy.ones((3, 2)), **arguments)


class Source(unittest.TestCase):
    def module(self, text):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name, f"module_{abs(hash(text))}.py")
        path.write_text(text)
        names = {}
        exec(compile(text, str(path), "exec"), names)
        return path, names["rule"]

    def test_is_known_of_a_function_of_a_file_and_changes_with_it(self):
        text = "import numpy\n\ndef rule(rows, f=1):\n    return numpy.sort(rows)[f]\n"
        digest = source_of(self.module(text)[1])
        self.assertRegex(digest, "^[0-9a-f]{64}$")
        self.assertEqual(source_of(self.module("\n\n" + text)[1]), digest)
        self.assertNotEqual(source_of(self.module(text.replace("[f]", "[0]"))[1]), digest)
        self.assertNotEqual(source_of(self.module(text.replace("f=1", "f=2"))[1]), digest)
        self.assertEqual(len({source_of(function) for function in (median.function, mean, scaled)} - {UNKNOWN}), 3)

    def test_is_known_with_tuples_of_plain_values_as_defaults_alone(self):
        for values in ("()", "(1, ('a', None))"):
            self.assertNotEqual(source_of(self.module(f"def rule(rows, a={values}):\n    return rows[0]\n")[1]), UNKNOWN)
        _, function = self.module("class A: pass\ndef rule(rows, a=(A(), 1), *, b=2):\n    return rows[0]\n")
        self.assertEqual(source_of(function), UNKNOWN)

    def test_is_unknown_where_it_is_not_the_whole_truth(self):
        self.assertEqual(source_of(holder(2)), UNKNOWN)  # a value from around it
        self.assertEqual(source_of(numpy.median), source_of(numpy.median))
        self.assertEqual(source_of(detox.Rule("krum")), UNKNOWN)
        names = {}
        exec("def typed(rows): return rows[0]", names)
        self.assertEqual(source_of(names["typed"]), UNKNOWN)
        path, function = self.module("class A: pass\ndef rule(rows, a=A()):\n    return rows[0]\n")
        self.assertEqual(source_of(function), UNKNOWN)
        path, function = self.module("def rule(rows):\n    return rows[0]\n")
        path.write_text("def rule(rows):\n    return rows[1]\n")  # since it was imported
        self.assertEqual(source_of(function), UNKNOWN)


class Program:
    """What the program does at a socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(30)
        self.socket.connect(path)
        self.memory = None

    def ask(self, rows, f=0, step=1, **wrong):
        files = []
        size = (len(rows) + 1) * rows[0].nbytes
        call = {"type": rows.dtype.name, "n": len(rows), "d": rows.shape[1], "f": f, "step": step}
        if self.memory is None or len(self.memory) < size:
            number = os.memfd_create("test")
            os.truncate(number, size)
            self.memory = mmap.mmap(number, size)
            files, call["memory"] = [number], size
        self.memory[:rows.nbytes] = rows.tobytes()
        socket.send_fds(self.socket, [json.dumps({**call, **wrong}).encode()], files)
        for number in files:
            os.close(number)
        answer = json.loads(self.socket.recv(1 << 16))
        return answer or numpy.frombuffer(self.memory[rows.nbytes:rows.nbytes + rows[0].nbytes], rows.dtype).tolist()


class Answers(unittest.TestCase):
    def program(self, path):
        made = Program(path)
        self.addCleanup(made.socket.close)
        return made

    def test_are_given_to_who_asks(self):
        with median.answering() as path:
            program, other = self.program(path), self.program(path)
            for one in (program, other):
                one.socket.send(median.hello)
                self.assertEqual(json.loads(one.socket.recv(1 << 16)),
                                 {"name": "my-median", "slope": 2, "offset": 1, "source": median.source, "patience": 300})
            for dtype in ("float32", "float64"):
                for rows in (numpy.arange(6, dtype=dtype).reshape(3, 2), numpy.arange(5000, dtype=dtype).reshape(5, 1000)):
                    self.assertEqual(program.ask(rows), detox.aggregate(rows).tolist())
            self.assertEqual(other.ask(numpy.arange(6, dtype="float32").reshape(3, 2)), [2, 3])
        self.assertFalse(pathlib.Path(path).exists())
        self.assertEqual(program.socket.recv(1 << 16), b"")
        self.assertFalse(pathlib.Path(path).parents[1].exists())

    def test_leave_nothing_at_a_path_that_is_given(self):
        with tempfile.TemporaryDirectory() as folder:
            place = pathlib.Path(folder, "gone", "mode", "mean")
            with contextlib.suppress(KeyError), detox.OwnRule(mean).answering(f"{place}@function:unknown") as path:
                self.assertEqual((path, place.is_socket(), place.parent.stat().st_mode & 0o777), (str(place), True, 0o700))
                raise KeyError
            self.assertEqual(os.listdir(folder), [])
            place = pathlib.Path(folder, "mine")
            place.write_text("kept")
            with self.assertRaisesRegex(detox.InputError, "mine: Address already in use; valid: "), detox.OwnRule(mean).answering(str(place)):
                pass
            self.assertEqual(place.read_text(), "kept")

    def test_have_paths_that_sockets_can_have(self):
        rule = detox.OwnRule(mean, "m" * 40)
        with tempfile.TemporaryDirectory() as folder:
            for length in range(40, 70, 3):
                long = pathlib.Path(folder, "f" * (length - len(folder)))
                long.mkdir()
                with mock.patch.object(tempfile, "tempdir", str(long)), answering({"inner_mode": rule}) as (paths, _):
                    self.assertLess(len(paths["inner_mode"]), 108)
            with mock.patch.object(tempfile, "tempdir", f"{folder}/none"), self.assertRaisesRegex(detox.InputError, "TMPDIR"), \
                    answering({"mode": rule}):
                pass

    def test_are_errors_where_the_function_fails_which_is_kept(self):
        def fails(rows, f, step):
            if step == 1:
                raise ValueError("no mood\nat all")
            if step == 2:
                sys.exit("enough")
            return rows if step == 3 else rows[0]

        with answering({"mode": detox.OwnRule(fails)}) as (paths, service):
            program = self.program(paths["mode"])
            program.socket.send(median.hello)
            program.socket.recv(1 << 16)
            rows = numpy.ones((3, 2), "float32")
            self.assertEqual(program.ask(rows, step=1), {"error": "ValueError: no mood"})
            self.assertEqual(program.ask(rows, step=2), {"error": "SystemExit: enough"})
            self.assertIn("returned float32 of shape (3, 2)", program.ask(rows, step=3)["error"])
            self.assertEqual(program.ask(rows, step=4), [1, 1])
            self.assertIsInstance(service.failure, ValueError)

    def test_are_not_given_to_who_says_something_else(self):
        before = threading.active_count()
        with median.answering() as path:
            for message in (b"detoxml rule 2", b"x" * 100_000):
                program = self.program(path)
                with contextlib.suppress(OSError):
                    program.socket.send(message)
                self.assertEqual(program.socket.recv(1 << 16), b"")
            program = self.program(path)
            program.socket.send(median.hello)
            program.socket.recv(1 << 16)
            rows = numpy.ones((3, 2), "float32")
            for wrong in ({"n": 10**9}, {"d": -5}, {"type": "object"}, {"type": 7}, {"n": None}):
                self.assertIn("error", program.ask(rows, **wrong))
            for text in (b"[]", b"no JSON", b"{}", b"3", b"[" * 60_000):
                program.socket.send(text)
                self.assertIn(b"error", program.socket.recv(1 << 16))
            self.assertEqual(program.ask(rows), [1, 1])
        for thread in threading.enumerate():
            if thread is not threading.current_thread():
                thread.join(30)
        self.assertLessEqual(threading.active_count(), before)


if __name__ == "__main__":
    unittest.main()
