"""A rule that a user compiled, wherever the name of one is valid: --mode ./my_rule.so."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from program import PROGRAM, ProgramTest, environment, main, run

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOY = ["--learner", os.environ["TOY_LEARNER"], "--workers", 9, "--batch-size", 4, "--max-steps", 4, "--eval-freq", 2]
MIDRANGE = ROOT / "examples/library/rule_module.cpp"
MEAN = ROOT / "examples/library/rule_module_from_c.c"
ODD = ROOT / "tests/config/odd_rule.cpp"


def numpy_array(rows):
    """The bytes of a file in NumPy's format, of float32."""
    header = repr({"descr": "<f4", "fortran_order": False, "shape": (len(rows), len(rows[0]))}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    values = b"".join(struct.pack(f"<{len(row)}f", *row) for row in rows)
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + values


def values_of(path):
    data = path.read_bytes()
    body = data[10 + struct.unpack("<H", data[8:10])[0]:]
    return list(struct.unpack(f"<{len(body) // 4}f", body))


class OwnRule(ProgramTest):
    def compiled(self, source, name, *words):
        """As its own first lines say; the file's path as a user writes it."""
        compiler = ["cc"] if source.suffix == ".c" else [os.environ["DETOX_CXX"], "-std=c++20"]
        subprocess.run([*compiler, "-O2", "-shared", "-fPIC", f"-I{ROOT / 'include'}", *words, "-o", self.folder / name,
                        source], check=True)
        return f"./{name}"

    def odd(self, kind, *words):
        return self.compiled(ODD, f"{kind}.so", f"-DODD_RULE={kind}", *words)

    def refuses(self, code, *words, command, nothing="run"):
        self.assert_refused(run(*command, cwd=self.folder), code, *words)
        self.assertFalse((self.folder / nothing).exists())


class Aggregate(OwnRule):
    def setUp(self):
        super().setUp()
        (self.folder / "rows.npy").write_bytes(numpy_array([[float(i), 10.0 * i, 1e30 if i == 4 else 7] for i in range(5)]))

    def words(self, rule, *more):
        return ["aggregate", "--mode", rule, *more, "rows.npy", "-o", "out.npy"]

    def test_takes_a_rule_in_cpp_and_one_in_c(self):
        self.run_ok(*self.words(self.compiled(MIDRANGE, "midrange.so"), "--f", 1, "--report", "report.json"))
        self.assertEqual(values_of(self.folder / "out.npy"), [2, 20, 7])
        report = json.loads((self.folder / "report.json").read_text())
        digest = hashlib.sha256((self.folder / "midrange.so").read_bytes()).hexdigest()
        self.assertEqual((report["rule"], report["file"]), ("trimmed-midrange", f"./midrange.so@sha256:{digest}"))
        self.assertEqual(report["suspect"][0]["row"], 4)
        self.run_ok(*self.words(self.compiled(MEAN, "mean.so")))
        self.assertEqual(values_of(self.folder / "out.npy")[:2], [2, 20])
        self.run_ok(*self.words("./midrange.so", "--f", 1, "--pre", "nnm"))

    def test_refuses_what_is_no_rule_in_one_line(self):
        (self.folder / "text.so").write_text("no library")
        (self.folder / "folder.so").mkdir()
        foreign = self.odd("kIsForeign", "-DODD_RULE_IS_FOREIGN")
        libm = re.search(r"=> (\S*/libm\.so\.6)", subprocess.run(["ldd", PROGRAM], capture_output=True, text=True).stdout).group(1)
        for rule, why in [("./text.so", "no rule of detoxml"), (libm, "no rule of detoxml"), ("./none.so", "no such file"),
                          ("./folder.so", "not a regular file"), (foreign, "it has interface 9 and this program needs 1"),
                          (self.odd("kHasNoFunction"), "has no function")]:
            self.refuses(1, f"rule {rule}: ", why, command=self.words(rule), nothing="out.npy")
        for command in [["train", "--train-dir", "run", "--mode", "./text.so"],
                        ["tune", "--sweep", "lr=0.1", "--tune-dir", "run", "--mode", "./text.so"]]:
            self.refuses(1, "no rule of detoxml", command=command)

    def test_ends_with_one_line_where_a_rule_fails_throws_makes_nan_or_does_not_repeat_itself(self):
        # Of 3 values here, and of the 8 that the toy's network has.
        for kind, why in [("kFails", "odd: its function returned 7"), ("kThrows", "odd: its function threw: no mood"),
                          ("kMakesNan", "odd: value {} of its result is NaN"), ("kIsMoody", "odd: twice the same rows, and value {} ")]:
            rule = self.odd(kind)
            self.refuses(1, why.format(2), command=self.words(rule), nothing="out.npy")
            self.refuses(1, why.format(7), command=["train", *TOY, "--mode", rule, "--train-dir", "run"])

    def test_says_what_it_needs_as_built_in_rules_do(self):
        rule = self.compiled(MIDRANGE, "midrange.so")
        self.refuses(2, "trimmed-midrange needs n >= 2f + 1: n = 5, f = 3", command=self.words(rule, "--f", 3), nothing="out.npy")
        self.refuses(2, "trimmed-midrange takes no weights", command=self.words(rule, "--weights", "1,1,1,1,1"), nothing="out.npy")
        self.refuses(2, "this defence cannot hold: trimmed-midrange needs n >= 2f + 1: n = 9, f = 5",
                     command=["train", *TOY, "--approach", "baseline", "--assume-fail", 5, "--mode", rule, "--train-dir", "run"])


class Train(OwnRule):
    def weights(self, directory, step=4):
        return (self.folder / directory / f"model_step_{step}").read_bytes()

    def train(self, directory, *more):
        return self.run_ok("train", *TOY, "--train-dir", directory, *more)

    def test_is_the_same_run_as_with_the_same_rule_of_ours(self):
        self.compiled(MEAN, "mean.so")
        attacked = ["--worker-fail", 2, "--approach", "baseline", "--assume-fail", 0, "--err-mode", "constant"]
        self.train("own", *attacked, "--mode", "./mean.so")
        self.train("ours", *attacked, "--mode", "mean")
        self.assertEqual(self.weights("own"), self.weights("ours"))
        # The inner one of two rules, too.
        self.train("own_inside", *attacked, "--inner-mode", "./mean.so", "--mode", "median", "--buckets", 3)
        self.train("ours_inside", *attacked, "--inner-mode", "mean", "--mode", "median", "--buckets", 3)
        self.assertEqual(self.weights("own_inside"), self.weights("ours_inside"))

    def test_is_recorded_resumed_repeated_and_refused_with_another_file(self):
        rule = self.compiled(MIDRANGE, "midrange.so")
        said = self.train("whole", "--mode", rule, "--pre", "nnm").err
        self.assertIn("trimmed-midrange", said)
        digest = hashlib.sha256((self.folder / "midrange.so").read_bytes()).hexdigest()
        self.assertIn(f'mode = "./midrange.so@sha256:{digest}"', (self.folder / "whole/config.toml").read_text())
        self.train("half", "--mode", rule, "--pre", "nnm", "--max-steps", 2)
        shutil.move(self.folder / "midrange.so", self.folder / "elsewhere.so")
        resume = ["train", "--learner", TOY[1], "--resume", "auto", "--train-dir", "half", "--max-steps", 4]
        self.assert_refused(run(*resume, cwd=self.folder), 1, "rule ./midrange.so: no such file")
        self.compiled(MEAN, "midrange.so")
        self.assert_refused(run(*resume, cwd=self.folder), 1, "rule ./midrange.so: its SHA-256 is", f"{digest} is recorded",
                            "--pretrained")
        self.assert_refused(run(*resume, "--mode", "./midrange.so", cwd=self.folder), 2, "of a run that differs", "--pretrained")
        # A file is what it holds, not where it lies.
        self.run_ok(*resume, "--mode", "./elsewhere.so")
        self.assertEqual(self.weights("half"), self.weights("whole"))
        shutil.copy(self.folder / "elsewhere.so", self.folder / "midrange.so")
        self.run_ok("train", "--learner", TOY[1], "--replay", "whole", "--train-dir", "again")
        self.assertEqual(self.weights("again"), self.weights("whole"))

    def test_ends_a_run_whose_rule_fails_on_the_way(self):
        result = run("train", *TOY, "--mode", self.odd("kFailsLater"), "--train-dir", "run", cwd=self.folder)
        self.assert_refused(result, 1, "odd: its function returned 7")
        status = json.loads((self.folder / "run/run.json").read_text())
        self.assertEqual((status["status"], status["step"]), ("failed", 1))
        self.assertEqual(len(self.journal("run")), 1)

    def test_is_searched_with_like_others(self):
        rule = self.compiled(MIDRANGE, "midrange.so")
        self.run_ok("tune", *TOY[:-2], "--sweep", f"mode={rule},krum", "--tune-dir", "search", "--jobs", 1)
        results = json.loads((self.folder / "search/results.json").read_text())
        self.assertEqual({(run["values"]["mode"], run["state"]) for run in results["runs"]}, {(rule, "finished"), ("krum", "finished")})

    def test_over_mpi_is_the_servers_and_gives_the_same_bytes(self):
        rule = self.compiled(MIDRANGE, "midrange.so")
        self.train("here", "--mode", rule, "--worker-fail", 1)
        result = run("launch", "-n", 10, "--", "train", *TOY[:2], *TOY[4:], "--mode", rule, "--worker-fail", 1, "--train-dir", "job",
                     cwd=self.folder)
        self.assertEqual(result.code, 0, result.err)
        self.assertEqual(self.weights("here"), self.weights("job"))

    def test_is_known_to_attackers_who_try_the_defence_out(self):
        rule = self.compiled(MIDRANGE, "midrange.so")
        attacked = ["--mode", rule, "--approach", "baseline", "--worker-fail", 2, "--err-mode", "alie_opt"]
        self.train("here", *attacked)
        result = run("launch", "-n", 10, "--", "train", *TOY[:2], *TOY[4:], *attacked, "--train-dir", "job", cwd=self.folder)
        self.assertEqual(result.code, 0, result.err)
        self.assertEqual(self.weights("here"), self.weights("job"))

    def test_has_to_be_where_the_server_is_and_with_attackers_who_know_it_where_workers_are(self):
        rule = self.compiled(MIDRANGE, "midrange.so")
        (self.folder / "worker").mkdir()
        words = [PROGRAM, "train", "--no-evaluate", *TOY[:2], *TOY[4:], "--mode", rule, "--approach", "baseline", "--worker-fail", 1]
        for attack, code in [("rev_grad", 0), ("alie_opt", 1)]:
            job = [*words, "--err-mode", attack, "--train-dir", attack]
            result = run("--oversubscribe", "-n", 1, *job, ":", "-n", 4, "-wdir", "worker", *job, program=["mpirun"], cwd=self.folder)
            self.assertEqual((result.code, (self.folder / attack).exists()), (code, code == 0), result.err)
        self.assertIn("rule ./midrange.so: no such file", result.err)


class Page(OwnRule):
    def test_is_what_happens(self):
        """The rule that docs/library.md shows, compiled and run by the commands behind it."""
        page = (ROOT / "docs/library.md").read_text()
        code, commands = re.search(r"^```c\n([^`]*DETOX_RULE_MODULE.*?)^```$.*?^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL).groups()
        (self.folder / "clipped.c").write_text(code)
        (self.folder / "gradients.npy").write_bytes(numpy_array([[1.0, 5], [2, 6], [3, 8], [1e30, 1e30]]))
        (self.folder / "detoxml.pc").write_text(f"Name: detoxml\nDescription: headers\nVersion: 0\nCflags: -I{ROOT / 'include'}\n")
        env = environment(PATH=f"{pathlib.Path(PROGRAM).parent}:{os.environ['PATH']}", PKG_CONFIG_PATH=str(self.folder))
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=self.folder, env=env, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(values_of(self.folder / "out.npy"), [2.5, 7])
        self.assertIn("clipped over 3 pieces", done.stderr)


class Told(OwnRule):
    def test_is_in_list_help_and_completion(self):
        self.assertIn("./my_rule.so", run("list").out)
        for command in ("train", "aggregate"):
            self.assertIn("./my_rule.so", run("help", command).out)
        script = self.folder / "complete"
        script.write_text(run("completion", "bash").out + """
COMP_WORDS=(detoxml train --mode ./mid) COMP_CWORD=3
_detoxml
printf '%s\\n' "${COMPREPLY[@]}"
""")
        (self.folder / "midrange.so").touch()
        said = subprocess.run(["bash", script], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(said.stdout, "./midrange.so\n", said.stderr)


if __name__ == "__main__":
    main()
