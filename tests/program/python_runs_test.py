"""Runs from Python: detox.train() and rules of one's own that the program asks for."""

import hashlib
import json
import os
import pathlib
import pty
import signal
import subprocess
import sys
import textwrap
import time
import types
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "python")]
from program import LIBTORCH, PATIENCE, PROGRAM, ProgramTest, environment, main, run, wait_for

os.environ.update(environment(), DETOXML_PROGRAM=PROGRAM, PYTHONPATH=str(ROOT / "python"))

import detoxml as detox
import numpy

SMALL = {"workers": 9, "batch_size": 4, "max_steps": 6, "eval_freq": 2, "no_evaluate": True}
ATTACKED = {"approach": "baseline", "worker_fail": 2, "err_mode": "rev_grad", "adversarial": 100}


@detox.rule("my-median", requires="n >= 2f + 1")
def median(rows, f, step):
    return numpy.median(rows, axis=0)


class PythonRun(ProgramTest):
    def setUp(self):
        super().setUp()
        before = os.getcwd()
        os.chdir(self.folder)
        self.addCleanup(os.chdir, before)

    def python(self, text, *words, **more):
        """A process of Python that has this to do."""
        code = "import os, sys, numpy\nimport detoxml as detox\n" + textwrap.dedent(text)
        (self.folder / "job.py").write_text(code)
        return subprocess.Popen([sys.executable, self.folder / "job.py", *map(str, words)], cwd=self.folder,
                                env={**os.environ, "PYTHONPATH": str(ROOT / "python")}, stdin=subprocess.DEVNULL,
                                **{"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, **more})

    def assert_raises(self, kind, *words, **options):
        """One line, with these words in it."""
        with self.assertRaises(kind) as caught:
            detox.train(**{**SMALL, **options})
        self.assertEqual(len(str(caught.exception).splitlines()), 1, str(caught.exception))
        for word in words:
            self.assertIn(word, str(caught.exception))
        return caught.exception


class Train(PythonRun):
    def test_gives_what_the_run_has_left(self):
        run = detox.train(**SMALL, **ATTACKED, rule="multi-krum", nesterov=True, lazy=False, absent=None)
        self.assertEqual(run.path, pathlib.Path("output/run-1"))
        self.assertEqual(tuple(run.status), ("finished", 6, ""))
        self.assertEqual((run.config["mode"], run.config["nesterov"], run.config["lazy"]), ("multi-krum", True, False))
        self.assertEqual(run.metrics()["step"].tolist(), [1, 2, 3, 4, 5, 6])
        self.assertEqual(run.checkpoints, (2, 4, 6))
        self.assertIn("finished: step 6", run.output)
        self.assertEqual(detox.train(**SMALL, train_dir="named").path, pathlib.Path("named"))
        self.assertEqual(detox.train(**SMALL).path, pathlib.Path("output/run-2"))
        with mock.patch.dict(os.environ, {"HOME": str(self.folder)}):
            self.assertEqual(detox.train(**SMALL, train_dir="~/at_home").path, self.folder / "at_home")
        (self.folder / "options.toml").write_text('train-dir = "of_a_file"\nmax-steps = 2\n')
        self.assertEqual(detox.train(config="options.toml", no_evaluate=True).path, pathlib.Path("of_a_file"))
        self.assertEqual(detox.RunDirectory("of_a_file").status.step, 2)

    def test_goes_on_where_it_is_asked_to(self):
        detox.train(**{**SMALL, "max_steps": 4}, train_dir="run")
        self.assertEqual(detox.train(resume=True, train_dir=detox.RunDirectory("run"), max_steps=6, no_evaluate=True).status.step, 6)
        self.assert_raises(detox.UsageError, "valid: train_dir=DIR", resume="auto")

    def test_says_what_is_wrong_in_the_programs_words(self):
        self.assert_raises(detox.UsageError, "unknown option 'wrokers' (did you mean workers?)", wrokers=9)
        self.assert_raises(detox.UsageError, "krum needs n >= 2f + 3: n = 9, f = 4", rule="krum", approach="baseline",
                           worker_fail=4)
        self.assert_raises(detox.InputError, "cannot open none.toml", config=["none.toml"])
        self.assert_raises(detox.UsageError, "rule and mode are one option", rule="krum", mode="median")
        self.assert_raises(detox.UsageError, "is no option", **{"a b": 3})
        self.assert_raises(detox.UsageError, "seed is '1\\x002'", seed="1\0002")
        self.assert_raises(detox.UsageError, "valid: a name, a file, or a function", rule=3)
        self.assert_raises(detox.UsageError, "with processes=N", hostfile="hosts")
        self.assertFalse((self.folder / "output").exists() and list((self.folder / "output").iterdir()))
        with self.assertRaises(detox.UsageError) as caught:
            detox.train(batch_size=-1, worker_fail="x")
        self.assertEqual(len(str(caught.exception).splitlines()), 2)
        error = self.assert_raises(detox.RunError, "not finite", lr=1e30, max_steps=50, dataset="FashionMNIST")
        self.assertEqual((error.code, error.run.status.status), (5, "diverged"))

    def test_says_where_the_program_is_not(self):
        with mock.patch.dict(os.environ, {"DETOXML_PROGRAM": "/none"}):
            self.assert_raises(detox.InputError, "/none of DETOXML_PROGRAM is no program")
        with mock.patch.dict(os.environ, {"PATH": "/none"}):
            del os.environ["DETOXML_PROGRAM"]
            self.assert_raises(detox.InputError, "detoxml is not on PATH; valid: ")

    def test_over_mpi_is_the_same_run(self):
        options = {**SMALL, "worker_fail": 1, "approach": "baseline"}
        here = detox.train(**{**options, "workers": 3}, train_dir="here")
        there = detox.train(**{**options, "workers": None}, processes=4, train_dir="there")
        self.assertEqual((here.path / "model_step_6").read_bytes(), (there.path / "model_step_6").read_bytes())
        self.assert_raises(detox.UsageError, "--workers is 9", processes=3)

    def test_ends_behind_its_step_when_it_is_interrupted(self):
        job = self.python("""
            try:
                detox.train(workers=9, batch_size=4, max_steps=10**9, keep_checkpoints=2, no_evaluate=True, train_dir="run")
            except KeyboardInterrupt as interrupt:
                print(interrupt)
            """)
        self.assertTrue(wait_for(lambda: (self.folder / "run/metrics.jsonl").exists() and self.journal("run")))
        job.send_signal(signal.SIGINT)
        said = job.communicate(timeout=PATIENCE)[0]
        run = detox.RunDirectory("run")
        self.assertEqual(said, f'step {run.status.step} is kept; go on with detox.train(resume="auto", train_dir=\'run\')\n')
        self.assertEqual((run.status.status, run.checkpoints[-1], len(run.metrics()["step"])),
                         ("interrupted", run.status.step, run.status.step))

    def test_ends_with_its_parent(self):
        job = self.python("""
            detox.train(workers=9, batch_size=4, max_steps=10**9, eval_freq=5, keep_checkpoints=2, no_evaluate=True,
                        train_dir=sys.argv[1])
            """, self.folder / "run")
        self.assertTrue(wait_for(lambda: (self.folder / "run/config.toml").exists()))
        run = detox.RunDirectory("run")  # of a run that goes on
        self.assertTrue(wait_for(lambda: len(run.metrics()["step"]) > 20 and len(run.rounds()) > 20))
        self.assertEqual(run.status.status, "running")
        job.kill()
        job.communicate(timeout=PATIENCE)
        self.assertTrue(self.no_process_left(str(self.folder / "run")))
        self.assertEqual(detox.RunDirectory("run").status.status, "interrupted")

    def test_draws_its_bar_on_a_terminal_and_is_quiet_elsewhere(self):
        ours, theirs = pty.openpty()
        job = self.python("detox.train(workers=9, batch_size=4, max_steps=6, no_evaluate=True)", stdout=theirs, stderr=theirs)
        os.close(theirs)
        said = b""
        while True:
            try:
                said += os.read(ours, 1 << 16)
            except OSError:
                break
        os.close(ours)
        self.assertEqual(job.wait(PATIENCE), 0, said)
        self.assertRegex(said, rb"\r\[#+\] step 6/6")
        self.assertIn(b"finished: step 6", said)
        job = self.python("detox.train(workers=9, batch_size=4, max_steps=6, no_evaluate=True)")
        self.assertEqual(job.communicate(timeout=PATIENCE)[0], "")
        job = self.python("detox.train(workers=9, batch_size=4, max_steps=6, no_evaluate=True, progress=True)")
        self.assertIn("step 6/6", job.communicate(timeout=PATIENCE)[0])

    def test_draws_a_bar_in_a_notebook(self):
        handle, shell = mock.Mock(), types.SimpleNamespace(kernel=True)
        display = types.SimpleNamespace(display=mock.Mock(return_value=handle))
        ipython = types.SimpleNamespace(get_ipython=lambda: shell, display=display)
        with mock.patch.dict(sys.modules, {"IPython": ipython, "IPython.display": display}):
            detox.train(**SMALL)
        last = handle.update.call_args if handle.update.called else display.display.call_args
        display.display.assert_called_once()
        self.assertIn("<progress value=6 max=6", last.args[0]["text/html"])
        self.assertRegex(last.args[0]["text/plain"], r"^step 6/6  loss \S+  accuracy ")


class OwnRule(PythonRun):
    def weights(self, run, step=6):
        return (run.path / f"model_step_{step}").read_bytes()

    def test_trains_to_the_bytes_of_the_same_rule_of_ours(self):
        ours = detox.train(**SMALL, **ATTACKED, rule="coord-median")
        own = detox.train(**SMALL, **ATTACKED, rule=median)
        self.assertEqual(self.weights(own), self.weights(ours))
        self.assertRegex(own.config["mode"], f"/my-median@function:{median.source}$")
        self.assertIn("my-median over 9 pieces", own.output)
        # The inner one of two rules, or both.
        inside = {**SMALL, **ATTACKED, "buckets": 3}
        ours = self.weights(detox.train(**inside, inner_mode="median", rule="median", assume_fail=1))
        self.assertEqual(self.weights(detox.train(**inside, inner_mode=median, rule="median", assume_fail=1)), ours)
        self.assertEqual(self.weights(detox.train(**inside, inner_mode=median.function, mode=median, assume_fail=1)), ours)

    def test_is_told_f_and_the_step(self):
        seen = []

        def watches(rows, f, step):
            seen.append((rows.shape[0], f, step))
            return rows[0]

        detox.train(**SMALL, **ATTACKED, rule=watches)
        self.assertEqual(seen, [(9, 2, 1)] * 2 + [(9, 2, step) for step in range(1, 7)])

    def test_is_refused_in_the_words_of_ours(self):
        self.assert_raises(detox.UsageError, "my-median needs n >= 2f + 1: n = 9, f = 5", rule=median, approach="baseline", assume_fail=5)
        state = iter(range(10**6))
        self.assert_raises(detox.InputError, "moody: twice the same rows, and value 0 of its results is 0 and 1",
                           rule=detox.OwnRule(lambda rows: numpy.full(rows.shape[1], float(next(state))), "moody"))
        self.assert_raises(detox.InputError, "value 0 of its result is NaN",
                           rule=lambda rows: numpy.full(rows.shape[1], numpy.nan), **ATTACKED)
        self.assert_raises(detox.InputError, "returned float32 of shape (9,", rule=lambda rows: rows, **ATTACKED)
        self.assertFalse((self.folder / "output").exists() and list((self.folder / "output").iterdir()))

    def test_that_raises_ends_the_run_with_its_exception_and_whole_files(self):
        def fails(rows, f, step):
            if step == 4:
                raise ValueError("no mood")
            return rows[0]

        error = self.assert_raises(detox.InputError, "fails: ValueError: no mood (step 4)", rule=fails, train_dir="run")
        self.assertEqual(repr(error.__cause__), "ValueError('no mood')")
        run = detox.RunDirectory("run")
        self.assertEqual((run.status.status, run.checkpoints, len(run.metrics()["step"])), ("failed", (2,), 3))
        self.assertTrue((self.folder / "run/metrics.jsonl").read_bytes().endswith(b"}\n"))

    def test_that_hangs_ends_the_run_when_its_time_is_over(self):
        @detox.rule("sleepy", timeout=0.5)
        def sleepy(rows, f, step):
            if step == 3:
                time.sleep(PATIENCE)
            return rows[0]

        self.assert_raises(detox.InputError, "sleepy: it has not answered for 0.5 s (step 3)", rule=sleepy)

    def test_that_dies_with_its_process_leaves_a_run_that_goes_on(self):
        text = """
            def rule(rows, f, step):
                if step == 5 and sys.argv[2] == "dies":
                    os._exit(7)
                return rows[0]
            detox.train(workers=9, batch_size=4, max_steps=6, eval_freq=2, no_evaluate=True, rule=rule, train_dir=sys.argv[1],
                        resume="auto")
            """
        job = self.python(text, self.folder / "run", "dies")
        job.communicate(timeout=PATIENCE)
        self.assertEqual(job.returncode, 7)
        self.assertTrue(self.no_process_left(str(self.folder / "run")))
        self.assertIn(detox.RunDirectory("run").status.status, ("failed", "interrupted"))
        for directory in ("run", "whole"):
            job = self.python(text, self.folder / directory, "lives")
            said = job.communicate(timeout=PATIENCE)[0]
            self.assertEqual(job.returncode, 0, said)
        self.assertEqual(self.checkpoint("run", 6), self.checkpoint("whole", 6))

    def test_is_resumed_with_the_same_source_alone(self):
        half = {**SMALL, "max_steps": 2, "train_dir": "run"}
        detox.train(**half, rule=median)
        more = {"resume": "auto", "train_dir": "run", "workers": None, "eval_freq": None, "batch_size": None}
        self.assert_raises(detox.InputError, "my-median: it was a function of another process, which is gone", **more)
        self.assert_raises(detox.UsageError, "of a run that differs: mode: ", rule=lambda rows: rows[0], **more)
        names = {}
        exec("def typed(rows): return rows[0]", names)
        self.assert_raises(detox.UsageError, "typed has no source that could be compared", rule=names["typed"], **more)
        self.assertEqual(detox.train(**{**SMALL, **more}, rule=median).status.step, 6)

    def test_without_a_source_is_resumed_where_somebody_says_that_it_is_the_same(self):
        names = {}
        exec("def typed(rows): return rows[0]", names)
        run = detox.train(**{**SMALL, "max_steps": 2}, rule=names["typed"], train_dir="run", resume="auto")
        self.assertRegex(run.config["mode"], "/typed@function:unknown$")
        more = {"resume": "auto", "train_dir": "run", "rule": names["typed"]}
        self.assert_raises(detox.UsageError, "same_function=True", **more)
        self.assertEqual(detox.train(**SMALL, **more, same_function=True).status.step, 6)

    def test_serves_commands_that_one_starts_oneself(self):
        rows = numpy.random.default_rng(1).standard_normal((7, 50))
        numpy.save(self.folder / "rows.npy", rows)
        with median.answering() as path:
            self.run_ok("aggregate", "--mode", path, "--f", 2, "rows.npy", "-o", "out.npy", "--report", "report.json")
            self.assertEqual(numpy.load("out.npy").tobytes(), median(rows, f=2).tobytes())
            self.assertEqual(json.loads((self.folder / "report.json").read_text())["rule"], "my-median")
            self.run_ok("train", "--max-steps", 2, "--batch-size", 4, "--train-dir", "run", "--mode", path)
            self.run_ok("train", "--replay", "run", "--train-dir", "again", "--mode", path)
            self.assertEqual(self.checkpoint("again", 2), self.checkpoint("run", 2))
        # Elsewhere by now, and there again for who looks there alone.
        recorded = detox.RunDirectory("run").config["mode"]
        with median.answering() as path:
            self.run_ok("train", "--replay", "run", "--train-dir", "elsewhere", "--mode", path)
        self.assert_refused(run("verify", "run", cwd=self.folder), 1, "it was a function of another process, which is gone")
        with median.answering(recorded) as path:
            self.assertTrue(recorded.startswith(f"{path}@function:"))
            self.assertIn("agree", self.run_ok("verify", "run").out)
            with self.assertRaises(detox.InputError):
                median.answering(path).__enter__()
            with self.assertRaises(detox.InputError):
                median.answering("/proc/none/mine").__enter__()


class OwnAttack(PythonRun):
    def test_hurts_to_the_bytes_of_the_same_attack_of_ours(self):
        liars = {"approach": "baseline", "worker_fail": 2, "rule": "coord-median"}
        for ours, own in (({"err_mode": "sign_flip"}, lambda honest, slice: -honest[slice]),
                          ({"err_mode": "constant", "adversarial": -7},
                           lambda honest: numpy.full(honest.shape[1], -7.0))):
            with self.subTest(**ours):
                wanted = detox.train(**SMALL, **liars, **ours)
                found = detox.train(**SMALL, **liars, err_mode=own)
                self.assertEqual((found.path / "model_step_6").read_bytes(), (wanted.path / "model_step_6").read_bytes())
                self.assertEqual((found.path / "attackers.jsonl").read_bytes(), (wanted.path / "attackers.jsonl").read_bytes())
                self.assertRegex(found.config["err_mode"], "/lambda@function:[0-9a-f]{64}$")

    def test_is_told_of_the_step_and_joins_a_rule_of_ones_own(self):
        seen = []

        @detox.attack("watcher")
        def watcher(honest, slice, m, step):
            seen.append((honest.shape[0], m, step))
            return 100 * honest[slice]

        run = detox.train(**SMALL, approach="baseline", worker_fail=2, rule=median, err_mode=watcher)
        self.assertEqual(set(seen), {(9, 1, 1)} | {(9, 2, step) for step in range(1, 7)})
        self.assertEqual(run.metrics()["corrupted"].tolist(), [2] * 6)

    def test_that_fails_or_cannot_be_ends_the_run_in_one_line(self):
        def fails(honest, step):
            if step == 4:
                raise ValueError("no mood")
            return honest[0]

        liars = {"approach": "baseline", "worker_fail": 2}
        error = self.assert_raises(detox.InputError, "fails: ValueError: no mood (step 4)", err_mode=fails, train_dir="run", **liars)
        self.assertEqual(repr(error.__cause__), "ValueError('no mood')")
        self.assertEqual(detox.RunDirectory("run").checkpoints, (2,))
        draws = numpy.random.default_rng(1)
        self.assert_raises(detox.InputError, "moody: twice the same input, and value 0 of its results is ",
                           err_mode=detox.OwnAttack(lambda honest: draws.standard_normal(honest.shape[1]), "moody"), **liars)
        self.assert_raises(detox.UsageError, "valid: an attack", err_mode=median)
        self.assert_raises(detox.UsageError, "valid: a file of Python that has it", err_mode=fails, processes=4, workers=None, **liars)
        self.assert_raises(detox.InputError, "attack ./none: no process answers there", err_mode="./none", **liars)

    def test_is_resumed_with_the_same_source(self):
        def opposite(honest):
            return -honest.mean(axis=0)

        liars = {"approach": "baseline", "worker_fail": 2, "train_dir": "run"}
        whole = detox.train(**{**SMALL, **liars, "train_dir": "whole"}, err_mode=opposite)
        detox.train(**{**SMALL, "max_steps": 2}, **liars, err_mode=opposite)
        self.assert_raises(detox.InputError, "/opposite: no process answers there", resume="auto", train_dir="run")
        self.assert_raises(detox.UsageError, "of a run that differs: err-mode: ", resume="auto", err_mode=lambda honest: honest[0], **liars)
        self.assertEqual(detox.train(**SMALL, **liars, resume="auto", err_mode=opposite).status.step, 6)
        self.assertEqual(self.checkpoint("run", 6), self.checkpoint("whole", 6))
        self.assertEqual(whole.status.step, 6)


class AttackOfAFile(PythonRun):
    FILE = "import detoxml\n\n@detoxml.attack\ndef opposite(honest, m):\n    return -m * honest.mean(axis=0)\n"
    OPTIONS = {"batch_size": 8, "max_steps": 4, "approach": "baseline", "rule": "coord-median", "worker_fail": 1, "no_evaluate": True}

    def setUp(self):
        super().setUp()
        pathlib.Path("opposite.py").write_text(self.FILE)

    def test_hurts_over_mpi_as_its_function_does_here(self):
        with mock.patch.dict(os.environ, LIBTORCH):
            here = detox.train(**self.OPTIONS, workers=3, err_mode=lambda honest, m: -m * honest.mean(axis=0), train_dir="here")
            files = detox.train(**self.OPTIONS, workers=3, err_mode="opposite.py", train_dir="file")
            there = detox.train(**self.OPTIONS, processes=4, err_mode="opposite.py", train_dir="there")
        for run in (files, there):
            self.assertEqual(self.checkpoint(run.path, 4)[0], self.checkpoint(here.path, 4)[0])
            self.assertEqual((run.path / "attackers.jsonl").read_bytes(), (here.path / "attackers.jsonl").read_bytes())
            self.assertEqual(run.config["err_mode"], f"opposite.py@sha256:{hashlib.sha256(self.FILE.encode()).hexdigest()}")

    def test_is_run_by_workers_and_never_by_the_server(self):
        text = self.FILE.replace("import detoxml", "import detoxml, os, pathlib\npathlib.Path(f'ran-{os.environ.get(\"OMPI_COMM_WORLD_RANK\")}').touch()")
        pathlib.Path("opposite.py").write_text(text)
        detox.train(**self.OPTIONS, processes=4, err_mode="opposite.py", train_dir="there")
        self.assertEqual(sorted(path.name for path in pathlib.Path().glob("ran-*")), ["ran-1", "ran-2", "ran-3"])

    def test_that_makes_no_attack_or_has_changed_is_refused_in_one_line(self):
        here = {**self.OPTIONS, "workers": 3}
        for text, reason in (("x = 1", "attack opposite.py: ValueError: it makes 0 attacks; valid: one function under @detoxml.attack"),
                             ("raise SystemExit('no')", "attack opposite.py: SystemExit: no"),
                             ("def", "attack opposite.py: SyntaxError: "),
                             ("import os; os._exit(3)", "attack opposite.py: the process that answers for it is gone; it needs Python"),
                             (self.FILE.replace("-m", "object()"), "opposite: TypeError: "),
                             ("import random\n" + self.FILE.replace("-m", "random.random()"), "opposite: twice the same input, and value 0")):
            with self.subTest(text):
                pathlib.Path("opposite.py").write_text(text)
                self.assert_raises(detox.InputError, reason, err_mode="opposite.py", **here)
        self.assert_raises(detox.InputError, "attack nobody.py: cannot open nobody.py", err_mode="nobody.py", **here)
        pathlib.Path("opposite.py").write_text("x = 1")
        self.assert_raises(detox.InputError, "attack opposite.py: ValueError: it makes 0 attacks", err_mode="opposite.py", processes=4,
                           workers=None, **self.OPTIONS)
        pathlib.Path("opposite.py").write_text(self.FILE)
        detox.train(**{**here, "max_steps": 2}, err_mode="opposite.py", train_dir="run")
        pathlib.Path("opposite.py").write_text(self.FILE.replace("-m", "-2 * m"))
        self.assert_raises(detox.InputError, "attack opposite.py: its SHA-256 is ", resume="auto", train_dir="run")


class OverMpi(PythonRun):
    def test_a_rule_of_ones_own_is_the_servers_alone(self):
        options = {"batch_size": 8, "max_steps": 6, "approach": "baseline", "worker_fail": 1, "no_evaluate": True}
        with mock.patch.dict(os.environ, LIBTORCH):
            detox.train(**options, workers=3, rule="coord-median", train_dir="ours")
            detox.train(**options, processes=4, rule=median, train_dir="own")
            self.assertEqual(self.checkpoint("own", 6)[0], self.checkpoint("ours", 6)[0])
            with median.answering() as path:
                words = [["mpirun", "-n", 4, "--oversubscribe", PROGRAM, "train"], ["--train-dir", "by_hand", "--mode", path]]
                words += [[f"--{name.replace('_', '-')}={'on' if value is True else value}"] for name, value in options.items()]
                subprocess.run([str(word) for part in words for word in part], check=True, capture_output=True, timeout=PATIENCE)
            self.assertEqual(self.checkpoint("by_hand", 6)[0], self.checkpoint("ours", 6)[0])
            # Attackers who try the defence out ask for it as well, each by a connection of its own.
            probing = {**options, "err_mode": "alie_opt", "max_steps": 2}
            detox.train(**probing, processes=4, rule=median, train_dir="probed")
            detox.train(**probing, workers=3, rule="coord-median", train_dir="probed_ours")
            self.assertEqual(self.checkpoint("probed", 2)[0], self.checkpoint("probed_ours", 2)[0])


if __name__ == "__main__":
    main()
