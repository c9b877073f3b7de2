"""A run's directory from Python: what stands, who was seen doing what, checkpoints, and files of somebody who means no good."""
import doctest
import json
import os
import pathlib
import pickle
import random
import struct
import sys
import tempfile
import types
import unittest
from unittest import mock

import numpy
import torch

import detoxml as detox
import detoxml.ledger
import detoxml.training
from detoxml._child import Screen

CONFIG = """# detoxml 0.1.0, resolved

# What is trained
network = "LeNet"
mode = "a \\"rule\\" \\u00e4"

# The run
max-steps = "60"
lr = "0.01"
heal = "on"
epochs = "off"
train-dir = "007"
"""


def metrics(step, **more):
    seconds = dict.fromkeys(("broadcast", "compute", "receive", "vote", "aggregate", "update", "commit", "total"), 0.5)
    return {"step": step, "lr": 0.1, "loss": 1.0 / step, "accuracy": step / 100, "seconds": seconds, "bytes_in": 0, "bytes_out": 7,
            "computed": 9, "resolved": 3, "unresolved": 0, "skipped": False, **more}


def rounds(step, **more):
    return {"step": step, "skipped": False, "slices": [{"slice": 0, "assigned": [1, 2], "counted": [2], "used": True}], **more}


def ledger(step, worker, kind="convicted", **more):
    return {"step": step, "slice": 1, "worker": worker, "kind": kind, "accusation": kind != "missing", **more}


def back(step, attempt):
    return {"step": step, "attempt": attempt, "back_from": 9, "back_to": step, "convicted": "3:1:2:out"}


def latency(workers, *records):
    """As docs/formats/run-directory.md has it."""
    found = b"DETOX latency 1\n" + struct.pack("<IIQ", workers, 8 + 3 * ((workers + 1) // 2), 0) + b"c" * 64
    for at, codes in records:
        found += struct.pack("<Q", at)
        for first, second in zip(codes[::2], [*codes[1::2], 0]):
            found += (first | second << 12).to_bytes(3, "little")
    return found


def safetensors(header, values=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + values


class Directory(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.write("config.toml", CONFIG)

    def write(self, name, content):
        data = content if isinstance(content, bytes) else content.encode()
        (self.folder / name).write_bytes(data)

    def journal(self, name, *lines, torn=""):
        self.write(name, "".join(json.dumps(line) + "\n" for line in lines) + torn)

    def run_there(self):
        return detox.RunDirectory(self.folder)

    def assert_refused(self, where, call, kind=detox.InputError):
        with self.assertRaises(kind) as caught:
            call()
        said = str(caught.exception)
        self.assertNotIn("\n", said)
        self.assertLess(len(said), 500)
        self.assertIn(where, said)


class ARun(Directory):
    def test_has_a_configuration_and_a_status(self):
        run = self.run_there()
        self.assertEqual(run.config, {"network": "LeNet", "mode": 'a "rule" ä', "max_steps": 60, "lr": 0.01, "heal": True, "epochs": False,
                                      "train_dir": "007"})
        self.write("run.json", '{"message":"","status":"interrupted","step":12}')
        self.assertEqual(tuple(run.status), ("interrupted", 12, ""))
        self.assertEqual(os.fspath(run), str(self.folder))
        self.assert_refused("holds no run", lambda: detox.RunDirectory(self.folder / "none"))

    def test_draws_a_bar_of_which_what_is_shown_is_kept(self):
        screen = Screen()
        for step in range(1000):
            screen.take(f"\r[##..] step {step}/1000\x1b[K".encode())
        self.assertEqual(screen.open_line, "[##..] step 999/1000")
        self.assertLess(len(screen._left), 100)
        screen.take(b"\r\ndone\r\nhalf")
        self.assertEqual((screen.text, screen.open_line), ("done\n", "half"))

    def test_that_is_gone_or_ended_by_any_signal_is_one_line(self):
        run = self.run_there()
        (self.folder / "config.toml").unlink()
        run.path = self.folder / "gone"
        self.assert_refused("gone: No such file", lambda: run.checkpoints)
        self.assert_refused("signal 40 ended the program", lambda: detoxml.training._raise(-40, 0, "", None, None, "there"), detox.RunError)

    def test_that_failed_is_the_same_error_in_another_process(self):
        error = detox.RunError("too many steps", 3, self.run_there())
        there = pickle.loads(pickle.dumps(error))
        self.assertEqual((str(there), there.code, there.run.path), ("too many steps", 3, self.folder))

    def test_has_metrics_as_arrays_by_name(self):
        self.journal("metrics.jsonl", metrics(1), metrics(2, loss=None, accuracy=None, skipped=True, skipped_because="n = 1"),
                     metrics(3, loss="inf", diverged=True, corrupted=2), torn='{"step": 4, "lo')
        found = self.run_there().metrics()
        self.assertEqual(found["step"].tolist(), [1, 2, 3])
        numpy.testing.assert_array_equal(found["loss"], [1, numpy.nan, numpy.inf])
        numpy.testing.assert_array_equal(found["corrupted"], [numpy.nan, numpy.nan, 2])
        self.assertEqual(found["skipped"].tolist(), [False, True, False])
        self.assertEqual(found["skipped_because"].tolist(), ["", "n = 1", ""])
        self.assertEqual(found["seconds_total"].tolist(), [0.5] * 3)
        self.assertEqual({found[name].dtype.name for name in ("step", "bytes_out", "computed")}, {"int64"})
        self.assertEqual({len(values) for values in found.values()}, {3})

    def test_that_has_taken_no_step_yet_has_empty_arrays(self):
        run = self.run_there()
        self.assertEqual(run.metrics()["loss"].shape, (0,))
        self.assertEqual((run.rounds(), len(run.ledger()), run.checkpoints), ((), 0, ()))
        self.assert_refused("no checkpoint yet", run.checkpoint)

    def test_gives_a_frame_where_pandas_is_there_and_says_where_it_is_not(self):
        self.journal("metrics.jsonl", metrics(1), metrics(2))
        with mock.patch.dict(sys.modules, {"pandas": None}):
            self.assert_refused("pandas cannot be imported", lambda: self.run_there().metrics(frame=True), detox.UsageError)
        try:
            import pandas  # noqa: F401
        except ImportError:
            self.skipTest("no pandas here")
        self.assertEqual(self.run_there().metrics(frame=True).loc[2, "loss"], 0.5)

    def test_that_went_back_has_the_steps_that_stand(self):
        self.journal("metrics.jsonl", *(metrics(step) for step in range(1, 6)), back(2, 1), metrics(3, attempt=1), metrics(4, attempt=1),
                     back(3, 2), metrics(4, attempt=2))
        self.journal("rounds.jsonl", *(rounds(step) for step in range(1, 6)), back(2, 1), rounds(3, attempt=1), rounds(4, attempt=1),
                     back(3, 2), rounds(4, attempt=2, away=[3], put_out=1, readmitted=[5]))
        self.journal("ledger.jsonl", ledger(2, 7, "missing"), ledger(3, 7, said="aa", truth="bb", arbiter="server"), ledger(4, 8, attempt=1),
                     ledger(3, 9, "outvoted", attempt=1), ledger(4, 9, attempt=2))
        run = self.run_there()
        self.assertEqual(list(zip(run.metrics()["step"].tolist(), run.metrics()["attempt"].tolist())), [(1, 0), (2, 0), (3, 1), (4, 2)])
        self.assertEqual([(one.step, one.attempt) for one in run.rounds()], [(1, 0), (2, 0), (3, 1), (4, 2)])
        self.assertEqual(run.rounds()[3].away, (3,))
        self.assertEqual(run.rounds()[0].slices[0].counted, (2,))
        # What was seen was seen, also in steps that were taken back.
        found = run.ledger()
        self.assertEqual([entry.taken_back for entry in found], [False, True, True, False, False])
        self.assertEqual(found.totals(), {7: {"convicted": 1, "missing": 1}, 8: {"convicted": 1}, 9: {"convicted": 1, "outvoted": 1}})
        self.assertEqual((found.workers("convicted"), found[1].arbiter, len(found[1:3])), ((7, 8, 9), "server", 2))
        self.assertEqual([entry.step for entry in found.of(worker=9)], [3, 4])
        self.assert_refused("valid: convicted, outvoted", lambda: found.of("liar"), detox.UsageError)
        self.assertEqual(doctest.testmod(detoxml.ledger)[:], (0, 5))

    def test_has_what_its_checkpoints_scored_the_last_score_of_those_that_stand(self):
        def score(step, prec1, **more):
            return {"step": step, "loss": 0.5, "prec1": prec1, "prec5": 99.5, "samples": 100, "model": "aa", "data": "bb", **more}

        self.assertEqual(self.run_there().evaluations()["loss"].shape, (0,))
        self.journal("metrics.jsonl", *(metrics(step) for step in range(1, 8)), back(2, 1), metrics(3, attempt=1))
        self.journal("evaluation.jsonl", score(6, 20), score(2, 11), score(4, 30), score(2, 10, loss="nan"), score(3, 12, attempt=1),
                     torn='{"step": 9')
        found = self.run_there().evaluations()
        self.assertEqual(found["step"].tolist(), [2, 3])
        self.assertEqual(found["prec1"].tolist(), [10, 12])
        numpy.testing.assert_array_equal(found["loss"], [numpy.nan, 0.5])
        self.assertEqual((found["samples"].dtype.name, found["attempt"].tolist()), ("int64", [0, 1]))
        self.journal("evaluation.jsonl", score(6, "high"))
        self.assert_refused("evaluation.jsonl:1: prec1", self.run_there().evaluations)

    def test_has_how_long_its_workers_took(self):
        step, seconds = self.run_there().latency()
        self.assertEqual((step.shape, seconds.shape), ((0,), (0, 0)))
        self.write("latency.bin", latency(3, (1, [2, 0, 2 + 112]), (2, [1, 2 + 224, 4094])) + b"half")
        step, seconds = self.run_there().latency()
        self.assertEqual((step.tolist(), seconds.dtype.name), ([1, 2], "float32"))
        numpy.testing.assert_allclose(seconds[0], [1e-6, numpy.nan, 2e-6], rtol=1e-6)
        numpy.testing.assert_allclose(seconds[1], [numpy.nan, 4e-6, 1e-6 * 2 ** (4092 / 112)], rtol=1e-6)
        self.write("latency.bin", latency(1, *((at, [4]) for at in range(1, 7)), (1 << 48 | 2, [4095]), (1 << 48 | 3, [9])))
        self.assertEqual(self.run_there().latency().step.tolist(), [1, 2, 3])
        whole = latency(3, (1, [2, 2, 2]), (2, [2, 2, 2]))
        for at, byte, where in ((0, 65, "no file of latencies"), (16, 5, "no file"), (19, 9, "no file"), (25, 1, "no file"), (16, 0, "no file"),
                                (96, 0, "record 1"), (96 + 14, 1, "record 2"), (96 + 8, 255, "steps 1 to 2"), (96 + 13, 127, "steps 1 to 2")):
            self.write("latency.bin", whole[:at] + bytes([byte]) + (b"\xff" if at == 96 + 8 else b"") + whole[at + (2 if at == 96 + 8 else 1):])
            self.assert_refused(where if at != 96 + 8 else "record 1", self.run_there().latency)
        for size in range(0, 96, 7):
            self.write("latency.bin", whole[:size])
            self.assert_refused("no file of latencies", self.run_there().latency)

    def test_is_drawn_with_its_convictions(self):
        import matplotlib

        matplotlib.use("Agg")
        self.journal("metrics.jsonl", *(metrics(step, skipped=step == 9) for step in range(1, 100)))
        self.journal("ledger.jsonl", ledger(5, 2), ledger(6, 3), ledger(70, 4))
        accuracy, loss = self.run_there().plot()
        self.assertEqual([text.get_text() for text in accuracy.texts], ["2, 3", "4"])
        self.assertEqual(loss.get_xlabel(), "step")
        with mock.patch.dict(sys.modules, {"matplotlib": None}):
            self.assert_refused("matplotlib cannot be imported", self.run_there().plot, detox.UsageError)

    def test_goes_to_tensorboard_by_whatever_writer_is_there(self):
        self.journal("metrics.jsonl", metrics(1, loss=None), metrics(2))
        self.journal("ledger.jsonl", ledger(2, 4, "outvoted"))
        writer = mock.MagicMock()
        module = types.SimpleNamespace(SummaryWriter=mock.Mock(return_value=writer))
        with mock.patch.dict(sys.modules, {"torch.utils.tensorboard": None, "tensorboardX": module}):
            self.run_there().to_tensorboard("logs")
        module.SummaryWriter.assert_called_once_with("logs")
        said = {call.args[0] for call in writer.add_scalar.call_args_list}
        self.assertLessEqual({"train/loss", "train/accuracy", "seconds/total"}, said)
        self.assertNotIn(mock.call("train/loss", mock.ANY, 1), writer.add_scalar.call_args_list)
        self.assertIn(mock.call("train/loss", 0.5, 2), writer.add_scalar.call_args_list)
        writer.add_text.assert_called_once_with("ledger", "worker 4: 1 outvoted", 2)
        writer.close.assert_called_once()
        with mock.patch.dict(sys.modules, {"torch.utils.tensorboard": None, "tensorboardX": None}):
            self.assert_refused("tensorboardX", lambda: self.run_there().to_tensorboard("logs"), detox.UsageError)


class ACheckpoint(Directory):
    def place(self, step, data):
        self.write(f"model_step_{step}", data)
        self.write(f"state_step_{step}", b"")

    def test_is_a_state_dict(self):
        weight, count = numpy.arange(6, dtype="<f4"), numpy.array([7], "<i8")
        data = safetensors({"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [8, 32]},
                            "n": {"dtype": "I64", "shape": [], "data_offsets": [0, 8]},
                            "none": {"dtype": "F32", "shape": [0, 4], "data_offsets": [32, 32]}}, count.tobytes() + weight.tobytes())
        self.place(5, data)
        self.place(40, data)
        self.write("model_step_60", data)  # without a state no checkpoint counts
        self.write("model_step_07", data)
        run = self.run_there()
        self.assertEqual(run.checkpoints, (5, 40))
        for library in ("numpy", "torch"):
            found = run.checkpoint(5, library=library)
            self.assertEqual({name: tuple(values.shape) for name, values in found.items()}, {"w": (2, 3), "n": (), "none": (0, 4)})
            numpy.testing.assert_array_equal(numpy.asarray(found["w"]), weight.reshape(2, 3))
            self.assertEqual(int(found["n"]), 7)
        self.assertIsInstance(run.checkpoint()["w"], torch.Tensor)
        run.checkpoint()["w"] += 1  # memory of its own
        self.assert_refused("valid: 5, 40", lambda: run.checkpoint(6), detox.UsageError)
        self.assert_refused("library is 'jax'", lambda: run.checkpoint(library="jax"), detox.UsageError)

    def test_of_bfloat16_is_torchs_alone(self):
        self.place(1, safetensors({"w": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}, b"\x80\x3f"))
        self.assertEqual(self.run_there().checkpoint(library="torch")["w"].tolist(), [1])
        self.assert_refused("valid: library='torch'", lambda: self.run_there().checkpoint(library="numpy"), detox.UsageError)

    def test_that_is_damaged_is_refused_in_one_line(self):
        def tensor(**more):
            return safetensors({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **more}}, bytes(8))

        for data in (b"", b"1234567", struct.pack("<Q", 2**63) + b"{}", safetensors(b"{"), safetensors(b"[]"), safetensors(b"[" * 10**5),
                     safetensors({"w": 3}), tensor(dtype="F31"), tensor(dtype=None), tensor(shape=[3]), tensor(shape=[-2, -1]),
                     tensor(shape="2"), tensor(shape=[2**62, 2**62, 0], data_offsets=[0, 0]), tensor(data_offsets=[0, 16]),
                     tensor(data_offsets=[8, 0]), tensor(data_offsets=[0]), tensor(shape=[1] * 100), tensor(shape=[True, 2]),
                     safetensors({name: {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]} for name in "ab"}, bytes(8))):
            self.place(1, data)
            for library in ("numpy", "torch"):
                with self.subTest(data=data[:80], library=library):
                    self.assert_refused("model_step_1", lambda: self.run_there().checkpoint(library=library))


class SomebodyElsesFiles(Directory):
    def test_are_refused_with_file_and_line(self):
        calls = {"metrics.jsonl": lambda run: run.metrics(), "rounds.jsonl": lambda run: run.rounds(), "ledger.jsonl": lambda run: run.ledger()}
        good = {"metrics.jsonl": metrics(1), "rounds.jsonl": rounds(1), "ledger.jsonl": ledger(1, 1)}
        everywhere = ["no JSON", "3", "[]", "[" * 100_000, '{"step": NaN}', '{"step": -1}', '{"step": 1e300}', '{"step": true}', "{}",
                      '{"step": ' + "9" * 400 + "}", "\ud800".encode("utf-8", "surrogatepass")]
        of = {"metrics.jsonl": [metrics(2, loss="high"), metrics(2, seconds=3), metrics(2, seconds={"total": []}), metrics(2, skipped=1),
                                metrics(2, computed=2**63), metrics(2, lr=10**400), metrics(1), metrics(2, skipped_because=[]),
                                metrics(2, attempt="x")],
              "rounds.jsonl": [rounds(2, slices=None), rounds(2, slices=[3]), rounds(2, slices=[{}]), rounds(2, away=3),
                               rounds(2, away=["x"]), rounds(2, put_out=-1)],
              "ledger.jsonl": [ledger(2, "x"), ledger(2, 1, "liar"), ledger(2, 1, accusation=2), ledger(2, 1, said=3)]}
        for name, call in calls.items():
            for line in [*everywhere, *of[name]]:
                text = line if isinstance(line, bytes) else (line if isinstance(line, str) else json.dumps(line)).encode()
                self.write(name, json.dumps(good[name]).encode() + b"\n" + text + b"\n")
                with self.subTest(name=name, line=text[:80]):
                    self.assert_refused(f"{name}:2: ", lambda: call(self.run_there()))

    def test_that_are_no_regular_files_are_not_waited_for(self):
        os.mkfifo(self.folder / "metrics.jsonl")
        (self.folder / "rounds.jsonl").symlink_to("/dev/zero")
        (self.folder / "ledger.jsonl").mkdir()
        (self.folder / "run.json").mkdir()
        run = self.run_there()
        self.assert_refused("not a regular file", run.metrics)
        self.assert_refused("not a regular file", run.rounds)
        (self.folder / "rounds.jsonl").unlink()
        self.assert_refused("ledger.jsonl", run.ledger)
        self.assert_refused("run.json", lambda: run.status)

    def test_of_the_configuration_are_refused_with_the_line(self):
        for text in ('lr = 3\n', 'lr "3"\n', '[table]\n', 'lr = "3" more\n', 'lr = "\\x"\n', '= "3"\n', 'lr = "3"\nlr = "4"\n', "\0\n"):
            self.write("config.toml", text)
            with self.subTest(text=text):
                self.assert_refused(f"config.toml:{text.count(chr(10))}: ", lambda: self.run_there().config)
        self.write("config.toml", b"x" * (2 << 20))
        self.assert_refused("are no configuration", lambda: self.run_there().config)

    def test_of_any_bytes_crash_nothing(self):
        draws = random.Random(7)
        seeds = [json.dumps(line).encode() + b"\n" for line in (metrics(1), rounds(1), ledger(1, 1), back(0, 1), metrics(2), rounds(2))]
        for _ in range(300):
            data = bytearray(b"".join(draws.choices(seeds, k=3)))
            for _ in range(draws.randrange(1, 6)):
                data[draws.randrange(len(data))] = draws.choice((draws.randrange(256), *b'"{}[]:,0-'))
            for name in ("metrics.jsonl", "rounds.jsonl", "ledger.jsonl"):
                self.write(name, bytes(data))
            self.write("model_step_1", struct.pack("<Q", draws.randrange(200)) + data)
            self.write("state_step_1", b"")
            run = self.run_there()
            for call in (run.metrics, run.rounds, run.ledger, run.checkpoint):
                try:
                    call()
                except detox.Error as error:
                    self.assertNotIn("\n", str(error))


if __name__ == "__main__":
    unittest.main()
