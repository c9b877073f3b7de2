"""Training of one's own torch module in this process: bits, votes, audits, resuming, and what users do wrong."""
import contextlib
import gc
import io
import json
import logging
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
import unittest
import warnings
from unittest import mock

import detoxml as detox
import numpy
import torch
from torch import nn
from torch.utils.data import Dataset, TensorDataset

ROOT = pathlib.Path(__file__).resolve().parents[2]
FEATURES, CLASSES, SAMPLES = 6, 3, 120


def numbers(seed=1):
    """Three clouds of points."""
    draw = numpy.random.default_rng(seed)
    labels = torch.tensor(draw.integers(CLASSES, size=SAMPLES))
    points = torch.tensor(draw.standard_normal((SAMPLES, FEATURES)).astype("float32"))
    points[torch.arange(SAMPLES), labels] += 3
    return TensorDataset(points, labels)


def mlp(seed=3, dropout=0.0, norm=False):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(FEATURES, 8), *([nn.BatchNorm1d(8)] if norm else []), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, CLASSES))


def weights(model):
    """The bytes of all that a module has."""
    return {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()}


class Logged(Dataset):
    """Remembers which samples were asked for."""

    def __init__(self, data):
        self.data, self.asked = data, []

    def __len__(self):
        return len(self.data)

    def __getitem__(self, place):
        self.asked.append(place)
        return self.data[place]


class Engine(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        logging.getLogger("detoxml").setLevel(logging.ERROR)

    def train(self, model, data, loss=None, name="run", **options):
        """The folder of the run."""
        options = {"workers": 9, "batch_size": 4, "max_steps": 5, "lr": 0.1, "progress": False, "train_dir": self.folder / name, **options}
        run = detox.train(model=model, data=data, loss=loss or nn.CrossEntropyLoss(), **options)
        self.assertEqual(str(run.path), str(options["train_dir"]))
        return pathlib.Path(run.path)

    def lines(self, run, name):
        return [json.loads(line) for line in (run / name).read_text(encoding="utf-8").splitlines()]

    def refusal(self, *arguments, **options):
        with self.assertRaises(detox.UsageError) as caught:
            self.train(*arguments, **options)
        self.assertFalse((self.folder / options.get("name", "run")).exists())
        return str(caught.exception)


class Bits(Engine):
    def test_are_the_same_with_a_liar_and_without_where_a_vote_outvotes_it(self):
        honest, attacked = mlp(norm=True), mlp(norm=True)
        before = weights(honest)
        self.train(honest, numbers(), name="honest")
        run = self.train(attacked, numbers(), name="attacked", worker_fail=1, err_mode="rev_grad", fail_schedule="fixed")
        self.assertEqual(weights(honest), weights(attacked))
        self.assertNotEqual(weights(honest)["0.weight"], before["0.weight"])
        self.assertEqual(int(honest[1].num_batches_tracked), 5)
        lies = self.lines(run, "attackers.jsonl")
        self.assertEqual({worker for line in lies for worker in line["attackers"]}, {line["worker"] for line in self.lines(run, "ledger.jsonl")})

    def test_are_those_of_a_plain_loop_where_nobody_lies(self):
        data, model = Logged(numbers()), mlp()
        self.train(model, data, mode="normal", momentum=0.9, weight_decay=0.01)
        steps = torch.tensor(data.asked[-5 * 12 :]).reshape(5, 12)  # three slices of four, each read once for three workers
        self.assertEqual(len(set(steps.flatten().tolist())), 60)
        plain = mlp()
        optimizer = torch.optim.SGD(plain.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
        for step in steps:
            points, labels = data.data[step]
            optimizer.zero_grad()
            nn.functional.cross_entropy(plain(points), labels).backward()
            optimizer.step()
        for ours, theirs in zip(model.parameters(), plain.parameters()):
            torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)

    def test_are_the_same_when_a_run_goes_on_with_another_model_of_its_kind(self):
        whole, begun, other = mlp(dropout=0.3), mlp(dropout=0.3), mlp(seed=99, dropout=0.3)
        self.train(whole, numbers(), name="whole", max_steps=6)
        self.train(begun, numbers(), name="parts", max_steps=3)
        run = self.train(other, numbers(), name="parts", max_steps=6, resume="auto")
        self.assertEqual(weights(other), weights(whole))
        self.assertEqual([line["step"] for line in self.lines(run, "metrics.jsonl")], [1, 2, 3, 4, 5, 6])
        self.assertEqual((run / "model_step_6").read_bytes(), (self.folder / "whole/model_step_6").read_bytes())

    def test_of_dropout_and_augmentation_are_the_same_for_all_who_compute_a_slice(self):
        class Augmented(Dataset):
            def __len__(self):
                return SAMPLES

            def __getitem__(self, place):
                point, label = numbers_once[place]
                return point + 0.1 * torch.randn(FEATURES) + random.random() + float(numpy.random.random()), label

        numbers_once = numbers()
        once, each = mlp(dropout=0.5), mlp(dropout=0.5)
        self.train(once, Augmented(), name="once")
        run = self.train(each, Augmented(), name="each", compute_every_replica=True)
        self.assertEqual(weights(once), weights(each))
        self.assertEqual([line["unresolved"] for line in self.lines(run, "metrics.jsonl")], [0] * 5)
        self.assertEqual((run / "ledger.jsonl").read_text(), "")

    def test_of_what_is_not_trained_stay(self):
        model = mlp()
        model[0].weight.requires_grad_(False)
        before = weights(model)
        run = self.train(model, numbers(), weight_decay=0.1)
        self.assertEqual(weights(model)["0.weight"], before["0.weight"])
        self.assertNotEqual(weights(model)["0.bias"], before["0.bias"])
        self.assertIn(before["0.weight"], (run / "model_step_5").read_bytes())


class Defence(Engine):
    def test_audits_convict_the_liar(self):
        run = self.train(mlp(), numbers(), approach="audit", worker_fail=1, audit_rate=1, max_steps=8, heal=True)
        liars = {worker for line in self.lines(run, "attackers.jsonl") for worker in line["attackers"]}
        convicted = {worker for line in self.lines(run, "rounds.jsonl") for worker in line.get("convicted", [])}
        self.assertEqual(len(liars), 1)
        self.assertEqual(convicted, liars)

    def test_learns_where_a_mean_does_not(self):
        losses = {}
        for name, options in (("detox", {}), ("mean", {"approach": "baseline", "mode": "normal"})):
            course = []
            self.train(mlp(), numbers(), name=name, worker_fail=2, adversarial=-10, max_steps=20, on_divergence="continue", progress=course.append,
                       **options)
            losses[name] = course[-1]["loss"]
        self.assertLess(losses["detox"], 0.5)
        self.assertGreater(losses["mean"], losses["detox"])

    def test_rules_and_attacks_may_be_functions(self):
        def first_half(rows, f, step):
            return rows[: len(rows) - f].mean(axis=0)

        def nothing(honest, m, step):
            return honest.mean(axis=0) * 0

        run = self.train(mlp(), numbers(), rule=first_half, err_mode=nothing, worker_fail=2, approach="baseline")
        self.assertIn("first_half@function:", (run / "config.toml").read_text())

        def broken(rows, f, step):
            raise LookupError("of mine")

        with self.assertRaisesRegex(detox.InputError, "of mine") as caught:
            self.train(mlp(), numbers(), rule=broken, name="broken")
        self.assertIsInstance(caught.exception.__cause__, LookupError)

    def test_a_recorded_run_replays(self):
        run = self.train(mlp(), numbers(), worker_fail=1)
        again = mlp()
        self.train(again, numbers(), name="again", replay=run)
        self.assertEqual((self.folder / "again/model_step_5").read_bytes(), (run / "model_step_5").read_bytes())


class Data(Engine):
    def test_needs_no_labels(self):
        model = nn.Linear(FEATURES, FEATURES)
        course = []
        points = [point for point, _ in numbers()]
        self.train(model, points, lambda model, batch: (model(batch) - batch).square().mean(), progress=course.append, max_steps=10)
        self.assertLess(course[-1]["loss"], course[0]["loss"])
        self.assertIsNone(course[-1]["accuracy"])

    def test_may_be_dicts_with_a_collate_of_its_own(self):
        data = [{"point": point, "label": label} for point, label in numbers()]

        def collate(samples):
            return {name: torch.stack([sample[name] for sample in samples]) for name in samples[0]}

        dicts, pairs = mlp(), mlp()
        self.train(dicts, data, lambda model, batch: nn.functional.cross_entropy(model(batch["point"]), batch["label"]), name="dicts",
                   collate=collate)
        self.train(pairs, numbers(), name="pairs")
        self.assertEqual(weights(dicts), weights(pairs))

    def test_may_be_pictures(self):
        class Picture:  # as PIL's are
            def __init__(self, value):
                self.value = value
                self.__array_interface__ = {"shape": (1, 1, 1), "typestr": "|u1", "data": bytes([value]), "version": 3}

            def tobytes(self):
                return bytes([self.value])

        def collate(samples):
            return torch.tensor([[float(picture.value)] * FEATURES for picture, _ in samples]), torch.tensor([label for _, label in samples])

        def pictures(first):
            return [(Picture(first + place), place % CLASSES) for place in range(40)]

        self.train(mlp(), pictures(0), collate=collate, max_steps=2, batch_size=2, lr=1e-6)
        with self.assertRaisesRegex(detox.UsageError, "the data"):
            self.train(mlp(), pictures(1), collate=collate, max_steps=4, batch_size=2, lr=1e-6, resume="auto")

    def test_of_tokens_trains_a_transformer_with_tied_weights(self):
        class Tokens(nn.Module):
            def __init__(self):
                super().__init__()
                self.token = nn.Embedding(11, 16)
                self.layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)
                self.next = nn.Linear(16, 11, bias=False)
                self.next.weight = self.token.weight
                self.register_buffer("later", torch.ones(8, 8, dtype=torch.bool).triu(1))

            def forward(self, tokens):
                return self.next(self.layer(self.token(tokens), self.later))

        torch.manual_seed(2)
        model, course = Tokens(), []
        text = [torch.arange(start, start + 9) % 11 for start in range(44)]
        run = self.train(model, text, lambda model, batch: nn.functional.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten()),
                         max_steps=25, worker_fail=1, compute_every_replica=True, progress=course.append, batch_size=6)
        self.assertLess(course[-1]["loss"], 0.5 * course[0]["loss"])
        self.assertEqual({line["unresolved"] for line in self.lines(run, "metrics.jsonl")}, {0})
        self.assertIs(model.next.weight, model.token.weight)
        names = json.loads((run / "model_step_25").read_bytes()[8:].split(b"}}")[0] + b"}}")
        self.assertLessEqual(set(model.state_dict()), set(names))

    def test_is_scored_at_the_end_where_there_is_some_for_it(self):
        with self.assertLogs("detoxml", "INFO") as caught:
            self.train(mlp(), numbers(), test_data=numbers(seed=2), max_steps=30)
        (line,) = [line for line in caught.output if "test loss" in line]
        self.assertRegex(line, r"test loss 0\.\d+ of 120 samples, accuracy (9\d|100)\.\d+%")

    def test_other_than_the_runs_are_refused_when_it_goes_on(self):
        self.train(mlp(), numbers(), max_steps=2)
        with self.assertRaisesRegex(detox.UsageError, "the data"):
            self.train(mlp(), numbers(seed=2), max_steps=4, resume="auto")
        with self.assertRaisesRegex(detox.UsageError, "gradient of the first samples"):
            self.train(mlp(), numbers(), nn.CrossEntropyLoss(label_smoothing=0.1), max_steps=4, resume="auto")
        self.train(mlp(), numbers(), nn.CrossEntropyLoss(label_smoothing=0.1), max_steps=4, resume="auto", allow_other_numerics=True)


class WrongUse(Engine):
    def test_what_the_users_code_raises_ends_the_run_and_comes_out(self):
        class Odd(Exception):
            pass

        model = mlp()
        before = weights(model)
        calls = []

        def loss(outputs, targets):
            calls.append(targets)
            if len(calls) > 9:
                raise Odd("after some steps")
            return nn.functional.cross_entropy(outputs, targets)

        try:
            self.train(model, numbers(), loss)
            self.fail("nothing was raised")
        except Odd as error:
            self.assertEqual(str(error), "after some steps")
            self.assertIn("raise Odd", "".join(traceback.format_tb(error.__traceback__)))
        self.assertEqual(weights(model), before)
        self.assertFalse(torch.are_deterministic_algorithms_enabled())
        status = json.loads((self.folder / "run/run.json").read_text())
        self.assertEqual((status["status"], status["message"]), ("failed", "Odd: after some steps"))

    def test_what_it_raises_at_once_leaves_no_directory(self):
        with self.assertRaisesRegex(RuntimeError, "shape"):
            self.train(nn.Linear(FEATURES + 1, CLASSES), numbers())
        with self.assertRaises(ZeroDivisionError):
            self.train(mlp(), [0] * 20, collate=lambda samples: 1 / 0)
        self.assertFalse((self.folder / "run").exists())

    def test_gradients_that_do_not_repeat_are_refused(self):
        draw = numpy.random.default_rng(1)
        loss = lambda outputs, targets: nn.functional.cross_entropy(outputs, targets) * float(draw.random())  # noqa: E731
        self.assertRegex(self.refusal(mlp(), numbers(), loss), "computed twice for the same 4 samples and weights, .* of .* values")

    def test_what_cannot_be_is_refused_in_a_line(self):
        data, model = numbers(), mlp()
        with warnings.catch_warnings(record=True):
            lazy = nn.LazyLinear(3)
        shown = nn.Linear(6, 3)
        shown.bias = nn.Parameter(torch.zeros(1).expand(3))
        for options, wanted in (({"network": "LeNet"}, "--network is not for a network of the caller's own"), ({"threads": 2}, "--threads"), ({"processes": 4}, "without processes"),
                                ({"err_mode": "label-flip", "worker_fail": 2}, "label_flip needs labels that are classes"),
                                ({"workrs": 3}, "workers"), ({"lr=1": 2}, "'lr=1' is no option"), ({"mode": "bulyan", "workers": 6}, "bulyan"), ({"batch_size": "many"}, "--batch-size is 'many'"),
                                ({"batch_size": 99}, "lower --batch-size"), ({"test_data": []}, "test_data holds no sample"),
                                ({"train_dir": str(self.folder) + "/\udcff"}, "bytes that are no text"), ({"pretrained": "\ud800"}, "bytes that are no text")):
            with self.subTest(options=options):
                self.assertIn(wanted, self.refusal(model, data, **options))
        for arguments, wanted in (((mlp().double(), data), "valid: parameters of float32"), ((3, data), "torch.nn.Module"),
                                  ((model, iter([1])), "map-style"), ((model, data, 3), "loss is int"), ((nn.ReLU(), data), "no parameter"),
                                  ((model, data, lambda outputs, targets: outputs), "one number"), ((lazy, data), "seen a batch"),
                                  ((model, data, lambda outputs, targets: outputs.detach().mean()), "does not depend"),
                                  ((nn.Linear(6, 3, device="meta"), data), "on the CPU"), ((shown, data), "as by clone()")):
            with self.subTest(wanted=wanted):
                self.assertIn(wanted, self.refusal(*arguments))

    def test_what_it_raises_without_a_text_comes_out_as_well(self):
        class Wordless(Exception):
            def __str__(self):
                raise LookupError("no text")

        def loss(outputs, targets):
            raise Wordless

        with contextlib.redirect_stderr(io.StringIO()) as said, self.assertRaises(Wordless):
            self.train(mlp(), numbers(), loss)
        self.assertEqual(said.getvalue(), "")

    def test_what_a_handler_of_the_log_raises_comes_out(self):
        class Full(logging.Handler):
            def emit(self, record):
                raise OSError("no space")

        logger, handler = logging.getLogger("detoxml"), Full()
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)
        self.addCleanup(logger.removeHandler, handler)
        with self.assertRaisesRegex(OSError, "no space"):
            self.train(mlp(), numbers())

    def test_a_module_that_becomes_another_is_the_users_mistake(self):
        class Grows(nn.Linear):
            def train(self, mode=True):
                if not mode:
                    self.extra = torch.zeros(2)
                return super().train(mode)

        model = Grows(FEATURES, CLASSES)
        model.register_buffer("extra", torch.zeros(1))
        before = model.weight.detach().clone()
        steps = []

        def progress(line):
            steps.append(line)
            if len(steps) == 5:
                model.eval()

        with self.assertRaisesRegex(detox.UsageError, r"extra has shape \(2,\), and had \(1,\)"):
            self.train(model, numbers(), progress=progress)
        self.assertTrue(torch.equal(model.weight, before))

    def test_two_at_a_time_are_refused(self):
        def progress(_line):
            self.train(mlp(), numbers(), name="inner")

        with self.assertRaisesRegex(detox.UsageError, "another training goes on"):
            self.train(mlp(), numbers(), progress=progress)

    def test_one_that_is_refused_on_another_thread_changes_nothing(self):
        alone, beside, refused = mlp(dropout=0.5), mlp(dropout=0.5), mlp()
        self.train(alone, numbers(), name="alone", max_steps=30)
        data, has_ended, said = numbers(), threading.Event(), set()

        def try_again():
            while not has_ended.is_set():
                try:
                    self.train(refused, data, name="refused")
                except detox.UsageError as error:
                    said.add(str(error).split(";")[0])

        thread = threading.Thread(target=try_again)

        def progress(line):
            if line["step"] == 1:
                thread.start()
            if line["step"] == 30:
                has_ended.set()
                thread.join()

        self.train(beside, numbers(), name="beside", max_steps=30, progress=progress)
        self.assertEqual(said, {"another training goes on in this process"})
        self.assertEqual(weights(alone), weights(beside))


class Session(Engine):
    def test_ctrl_c_ends_after_the_step_and_the_run_goes_on_from_there(self):
        whole, stopped = mlp(), mlp()
        self.train(whole, numbers(), name="whole")

        def progress(line):
            if line["step"] == 2:
                os.kill(os.getpid(), signal.SIGINT)

        handler = signal.getsignal(signal.SIGINT)
        with self.assertRaisesRegex(KeyboardInterrupt, 'resume="auto"'):
            self.train(stopped, numbers(), progress=progress)
        self.assertIs(signal.getsignal(signal.SIGINT), handler)
        self.assertEqual(json.loads((self.folder / "run/run.json").read_text())["status"], "interrupted")
        (checkpoint,) = self.folder.glob("run/model_step_*")
        self.assertIn(weights(stopped)["0.weight"], checkpoint.read_bytes())
        self.train(stopped, numbers(), resume="auto")
        self.assertEqual(weights(stopped), weights(whole))

    def test_what_a_signals_handler_raises_comes_out_wherever_it_raises(self):
        class Late(Exception):
            pass

        def be_late(_number, _frame):
            raise Late

        self.addCleanup(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, be_late))
        with contextlib.redirect_stderr(io.StringIO()) as said:
            for place in range(30):  # some are where a callback begins

                def progress(line, after=0.001 + 0.0002 * place):
                    if line["step"] == 1:
                        signal.setitimer(signal.ITIMER_REAL, after)

                with self.assertRaises(Late):
                    self.train(mlp(), numbers(), name=f"run-{place}", max_steps=20_000, progress=progress)
        self.assertEqual(said.getvalue(), "")

    def test_may_be_in_inference_mode(self):
        with_grad, without = mlp(), mlp()
        self.train(with_grad, numbers(), name="with")
        with torch.inference_mode():
            self.train(without, numbers(), name="without")
        self.assertEqual(weights(with_grad), weights(without))

    def test_puts_back_what_a_state_dict_of_its_own_does_not_name(self):
        class Secret(nn.Linear):
            def state_dict(self, *arguments, **named):
                return {}

        model = Secret(FEATURES, CLASSES)
        before = model.weight.detach().clone()
        left = list(range(10))
        with self.assertRaises(IndexError):
            self.train(model, numbers(), lambda outputs, targets: nn.functional.cross_entropy(outputs, targets) + 0 * left.pop())
        self.assertTrue(torch.equal(model.weight, before))

    def test_may_be_on_any_thread(self):
        here, there = mlp(), mlp()
        self.train(here, numbers(), name="here")
        thread = threading.Thread(target=self.train, args=(there, numbers()), kwargs={"name": "there"})
        thread.start()
        thread.join()
        self.assertEqual(weights(here), weights(there))

    def test_what_progress_raises_ends_the_run_with_a_checkpoint(self):
        def progress(line):
            if line["step"] == 2:
                raise ValueError("enough")

        with self.assertRaisesRegex(ValueError, "enough"):
            self.train(mlp(), numbers(), progress=progress)
        self.assertTrue((self.folder / "run/model_step_2").exists())

    def test_leaves_torch_and_all_generators_as_they_were(self):
        model = mlp(norm=True)
        model[1].eval()
        model[0].weight.grad = gradient = torch.ones(8, FEATURES)
        torch.set_num_threads(2)
        for seed in (torch.manual_seed, random.seed, numpy.random.seed):
            seed(7)
        wanted = torch.rand(3), random.random(), numpy.random.random()
        for seed in (torch.manual_seed, random.seed, numpy.random.seed):
            seed(7)
        self.train(model, numbers())
        self.assertEqual(torch.get_num_threads(), 2)
        self.assertFalse(torch.are_deterministic_algorithms_enabled())
        self.assertEqual((model.training, model[1].training), (True, False))
        self.assertIs(model[0].weight.grad, gradient)
        self.assertTrue(torch.equal(torch.rand(3), wanted[0]))
        self.assertEqual((random.random(), numpy.random.random()), wanted[1:])

    def test_lets_go_of_the_model(self):
        model = mlp()
        self.train(model, numbers())
        places = [parameter.data_ptr() for parameter in model.parameters()]
        model[0].weight.requires_grad_(False)
        self.train(model, numbers(), name="again")
        self.assertEqual([parameter.data_ptr() for parameter in model.parameters()], places)
        gc.collect()
        self.assertFalse([one for one in gc.get_objects() if type(one).__name__ == "Learner" and one.model is model])

    def test_tells_on_standard_error(self):
        code = "\n".join(["import detoxml, torch", "data = [(torch.ones(2) * i, torch.tensor([float(i)])) for i in range(40)]",
                          "model = torch.nn.Linear(2, 1)",
                          "run = detoxml.train(model=model, data=data, loss=torch.nn.MSELoss(), max_steps=2, batch_size=2, lr=1e-4, progress=True)",
                          "print(run.path, run.status.status, 'finished: step 2' in run.output)"])
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=self.folder)
        self.assertEqual(done.stdout, "output/run-1 finished True\n", done.stderr)
        self.assertRegex(done.stderr, r"step 2/2  loss .*  accuracy -  0:00 left")
        self.assertIn("finished: step 2 in output/run-1\n", done.stderr)

    def test_the_example_trains_a_transformer(self):
        done = subprocess.run([sys.executable, ROOT / "examples/python/character_transformer.py", "2", ROOT / "docs/defence.md"], cwd=self.folder,
                              capture_output=True, text=True, check=False)
        self.assertRegex(done.stdout, r"(?s)^\d+ pieces .*\ndetox: loss 4\.\d+ in step 1, .* in step 2\n.*\nmean: loss 4\.\d+ in step 1, ", done.stderr)
        self.assertTrue((self.folder / "output/character-transformer/detox/model_step_2").exists())

    def test_shows_a_bar_in_a_terminal_and_in_a_notebook(self):
        with contextlib.redirect_stderr(io.StringIO()) as said, mock.patch("detoxml._child.on_a_terminal", return_value=True):
            run = detox.train(model=mlp(), data=numbers(), loss=nn.CrossEntropyLoss(), max_steps=4, train_dir=self.folder / "terminal")
        self.assertRegex(said.getvalue(), r"\n\[#####\.{15}\] step 1/4  loss [^\n]*\[#{20}\] step 4/4  loss [^\n]*\n(.*\n)+finished: step 4 in ")
        self.assertRegex(run.output, r"survives any 1 liar .*\nstep 4/4 .*\n(.*\n)+finished: step 4 in ")
        with contextlib.redirect_stderr(io.StringIO()) as said, mock.patch("detoxml._child.on_a_terminal", return_value=True), \
                self.assertRaises(IndexError):
            left = list(range(20))
            self.train(mlp(), numbers(), lambda outputs, targets: outputs.mean() + 0 * left.pop(), name="broken", progress=None, max_steps=50)
        self.assertRegex(said.getvalue(), r"step \d+/50 [^\n]*\n$")
        display = mock.MagicMock()
        with mock.patch("detoxml._child.in_notebook", return_value=True), mock.patch("detoxml._child.imported", return_value=display):
            self.train(mlp(), numbers(), name="notebook", progress=None)
        (bundle,) = display.display.return_value.update.call_args.args
        self.assertIn("<progress value=5 max=5", bundle["text/html"])

    def test_torch_is_asked_for_in_a_line(self):
        code = "\n".join(["import sys; sys.modules['torch'] = None", "import detoxml", "try: detoxml.train(model=1, data=[1], loss=print)",
                          "except detoxml.InputError as error: print(error)"])
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout, "a model of your own needs torch, which is not here; valid: a Python with torch\n")

    def test_the_engine_is_opened_when_it_is_needed(self):
        code = "import detoxml, sys; print('libdetoxml_engine' in open('/proc/self/maps').read(), {'torch', 'numpy', 'detoxml.engine'} & set(sys.modules))"
        self.assertEqual(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout, "False set()\n")


if __name__ == "__main__":
    unittest.main()
