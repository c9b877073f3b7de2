"""`detoxml report`: pages about runs, opened as a reader opens them."""

import json
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "report"))

import browser  # noqa: E402
import make_runs  # noqa: E402
from program import SMALL, ProgramTest, main, run  # noqa: E402

MOST_BYTES = 3_000_000
HOSTILE = "</script><script>window.caught = 1</script><img src=x onerror='window.caught = 2'>\" onload=\"window.caught = 3 \u2028&amp;"


class PageTest(ProgramTest):
    browser = None

    @classmethod
    def setUpClass(cls):
        cls.browser = browser.Browser()
        cls.addClassCleanup(cls.browser.close)

    def report(self, *runs, output="report.html"):
        self.run_ok("report", *runs, "-o", output)
        page = self.folder / output
        self.assertLess(page.stat().st_size, MOST_BYTES)
        return page

    def opened(self, page, **look):
        """Opens it; nothing may have gone wrong and nothing have been asked for."""
        self.browser.open(page, **look)
        self.assertEqual(self.browser.errors, [])
        self.assertEqual(self.browser.requests, [page.resolve().as_uri()])
        width = self.browser.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        self.assertEqual(width, 0, "the page itself scrolls sideways")
        return self.browser.evaluate("document.body.innerText")

    def data(self, page):
        text = page.read_text(encoding="utf-8")
        begin = text.index('<script id="data" type="application/json">') + len('<script id="data" type="application/json">')
        return json.loads(text[begin:text.index("</script>", begin)])


class Report(PageTest):
    def test_says_who_lied_and_what_came_out(self):
        self.run_ok("train", *SMALL, "--fail-schedule", "fixed", "--train-dir", "run")
        page = self.report("run")
        for look in ({"width": 1400}, {"width": 400, "dark": True}):
            text = self.opened(page, **look)
            self.assertIn("run finished at step 12.", text)
            self.assertIn("Made to lie: workers", text)
            self.assertIn("detoxml verify run", text)
            self.assertIn("detoxml train --replay run --train-dir run.replay", text)
        # Charts are there, with names and units on their axes.
        self.assertEqual(self.browser.evaluate("[...document.querySelectorAll('.dygraph-ylabel')].map((e) => e.textContent).join('|')"),
                         "loss (cross entropy)|accuracy, %|slices a step|ms a step")

    def test_counts_as_the_files_do(self):
        self.run_ok("train", *SMALL, "--fail-schedule", "fixed", "--train-dir", "run")
        one = self.data(self.report("run"))["runs"][0]
        ledger, rounds = self.journal("run", "ledger.jsonl"), self.journal("run", "rounds.jsonl")
        for worker in one["workers"]:
            number = worker["worker"]
            self.assertEqual(worker["accused"], len({entry["step"] for entry in ledger if entry["worker"] == number and entry["accusation"]}))
            self.assertGreater(worker["latency"], 0)
            self.assertGreaterEqual(worker["latency_95"], worker["latency"])
            self.assertEqual(worker["answers"], sum(number in piece["counted"] for step in rounds for piece in step["slices"]))
        lies = [(worker, entry["step"]) for entry in self.journal("run", "attackers.jsonl") for worker in entry["attackers"]]
        accused = {(entry["worker"], entry["step"]) for entry in ledger if entry["accusation"]}
        self.assertEqual((one["truth"]["lies"], one["truth"]["rightly"], one["truth"]["wrongly"]),
                         (len(lies), len(accused & set(lies)), len(accused - set(lies))))
        losses = [entry["loss"] for entry in self.journal("run")]
        self.assertEqual(len(one["curves"]["loss"]), len(losses))
        for shown, loss in zip(one["curves"]["loss"], losses):
            self.assertAlmostEqual(shown, loss, delta=1e-4 * abs(loss))

    def test_is_the_same_page_whenever_it_is_made(self):
        self.run_ok("train", *SMALL, "--train-dir", "run")
        self.assertEqual(self.report("run", output="one.html").read_bytes(), self.report("run", output="two.html").read_bytes())

    def test_shows_latencies_on_the_map(self):
        self.run_ok("train", *SMALL, "--train-dir", "run")
        self.opened(self.report("run"))
        self.browser.evaluate("document.querySelector('.controls input[value=latency]').click()")
        self.browser.evaluate("document.querySelector('.map canvas').focus()")
        for key in ("ArrowDown", "ArrowRight"):
            self.browser.call("Input.dispatchKeyEvent", type="keyDown", key=key)
        self.assertRegex(self.browser.evaluate("document.querySelector('.readout').textContent"),
                         r"^worker \d, step 2: [\d.]+ (µs|ms|s) from order to answer$")
        self.assertEqual(self.browser.errors, [])

    def test_shows_several_runs_in_one_picture(self):
        names = []
        for seed in (1, 2, 3):
            names.append(f"run-{seed}")
            make_runs.make_run(self.folder / names[-1], 9, 50, seed=seed)
        text = self.opened(self.report(*names))
        self.assertIn("3 runs", text)
        self.assertEqual(self.browser.evaluate("document.querySelectorAll('.curves canvas').length > 0"), True)
        self.browser.evaluate("document.querySelector('a[href=\"#run-2\"]').click()")
        self.browser.evaluate("new Promise((done) => setTimeout(done, 0))")
        self.assertEqual(self.browser.evaluate("[...document.querySelectorAll('section.run details')].map((e) => e.open).slice(0, 1)"), [False])
        self.assertTrue(self.browser.evaluate("document.querySelector('#run-2 > details').open"))
        colour = "document.querySelector('.legend line').getAttribute('stroke')"
        for theme, expected in (("dark", "#56b4e9"), ("light", "#0072b2")):
            self.browser.evaluate(f"{{ const box = document.getElementById('theme'); box.value = '{theme}'; box.dispatchEvent(new Event('change')); }}")
            self.assertEqual(self.browser.evaluate(colour), expected)
        self.assertEqual(self.browser.errors, [])

    def test_calls_runs_by_short_names_that_a_narrow_page_does_not_break(self):
        names = ["detox-coordinate-median", "krum"]
        for name in names:
            make_runs.make_run(self.folder / name, 9, 5)
        self.opened(self.report(*(self.folder / name for name in names)), width=400)
        links = "[...document.querySelectorAll('th .name')]"
        self.assertEqual(self.browser.evaluate(f"{links}.map((link) => link.textContent)"), names)
        self.assertEqual(self.browser.evaluate(f"{links}.map((link) => link.title)"), [str(self.folder / name) for name in names])
        self.assertLess(self.browser.evaluate(f"Math.max(...{links}.map((link) => link.offsetHeight))"), 30)
        self.assertEqual(self.browser.evaluate("document.documentElement.scrollWidth"), 400)

    def test_a_run_whose_loss_explodes_leaves_the_others_their_curves(self):
        for name in ("calm", "wild"):
            make_runs.make_run(self.folder / name, 9, 50)
        metrics = self.folder / "wild/metrics.jsonl"
        lines = [json.loads(line) for line in metrics.read_text().splitlines()]
        for line in lines[5:]:
            line["loss"] = 1e25 if line["step"] < 20 else "nan"
        metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
        self.opened(self.report("calm", "wild"))
        self.browser.evaluate("document.querySelector('.controls input[value=curves]').click()")
        self.assertIn("are beyond the picture", self.browser.evaluate("document.body.innerText"))
        labels = "[...document.querySelector('.chart').querySelectorAll('.dygraph-axis-label-y')].map((label) => Number(label.textContent.replace(/,/g, '')))"
        self.assertLess(max(self.browser.evaluate(labels)), 100)
        self.browser.evaluate("document.querySelector('.controls input[type=checkbox]').click()")
        self.assertGreater(max(self.browser.evaluate(labels)), 1e20)
        self.assertNotIn("beyond", self.browser.evaluate("document.body.innerText"))
        self.browser.evaluate("document.querySelector('.controls input[type=checkbox]').click()")
        self.assertLess(max(self.browser.evaluate(labels)), 100)

    def test_stays_small_with_many_workers(self):
        make_runs.make_run(self.folder / "run", 1000, 40, liars=100)
        text = self.opened(self.report("run"))
        self.assertIn("all 1,000 workers", text)
        self.opened(self.folder / "report.html", width=400)

    def test_reads_a_run_that_goes_on(self):
        folder = make_runs.make_run(self.folder / "run", 9, 30, status="running")
        for name in ("metrics", "rounds", "ledger", "attackers"):
            with open(folder / f"{name}.jsonl", "a", encoding="utf-8") as journal:
                journal.write('{"step": 31, "lo')
        self.assertIn("run was killed at step 30", self.opened(self.report("run")))

    def test_shows_what_a_run_took_back(self):
        self.run_ok("train", "--approach", "audit", "--audit-rate", "0.5", "--workers", "12", "--worker-fail", "2", "--heal", "on", "--batch-size", "4",
                    "--max-steps", "20", "--eval-freq", "5", "--train-dir", "run")
        self.run_ok("train", "--resume", "auto", "--train-dir", "run", "--max-steps", "25")
        page = self.report("run")
        one = self.data(page)["runs"][0]
        self.assertGreater(one["taken_back"], 0)
        self.assertEqual(one["curves"]["step"], list(range(1, 26)))
        convicted = {entry["worker"] for entry in self.journal("run", "ledger.jsonl") if entry["kind"] == "convicted"}
        self.assertEqual(set(one["convicted"]), convicted)
        self.assertIn("steps taken again", self.opened(page))

    def test_reads_a_run_without_votes(self):
        self.run_ok("train", "--approach", "baseline", "--mode", "multi-krum", "--workers", "12", "--worker-fail", "2", "--batch-size", "4",
                    "--max-steps", "10", "--train-dir", "run")
        page = self.report("run")
        text = self.opened(page)
        self.assertIn("baseline: multi-krum", text)
        self.assertIn("rejected by the rule", text)
        self.assertIn("multi-krum rejected", text)
        recorded = self.journal("run", "rounds.jsonl")
        for worker in self.data(page)["runs"][0]["workers"]:
            self.assertEqual(worker["rejected"], sum(piece["slice"] in step["rejected"] for step in recorded for piece in step["slices"]
                                                     if worker["worker"] in piece["counted"]))

    def test_has_no_numbers_that_are_none(self):
        folder = make_runs.make_run(self.folder / "run", 9, 10)
        metrics = folder / "metrics.jsonl"
        lines = [json.loads(line) for line in metrics.read_text().splitlines()]
        lines[3]["loss"], lines[4]["loss"], lines[5]["loss"], lines[6]["loss"], lines[6]["resolved"] = "nan", "inf", 1e308, None, 0
        metrics.write_text("".join(map(make_runs.line, lines)))
        page = self.report("run")
        self.assertIn("2 steps' losses are not finite and left out.", self.opened(page))
        self.assertEqual(self.data(page)["runs"][0]["curves"]["loss"][3:7], [None, None, 1e308, None])


class Experiment(PageTest):
    def make(self, **more):
        """Two defences under two attacks, two seeds each; one of them diverged."""
        rows = []
        for at, (defence, attack, seed) in enumerate((d, a, s) for d in ("mean", "median") for a in ("none", "alie") for s in (1, 2)):
            make_runs.make_run(self.folder / "grid" / "runs" / str(at), 9, 20, seed=seed)
            rows.append({"values": {"defence": defence, "attack": attack}, "seed": seed, "state": "diverged" if at == 2 else "finished",
                         "key": str(at), "folder": f"runs/{at}", "test": {"final": {"prec1": 80.0 + at}}, "training": {"loss": 0.5}, **more})
        (self.folder / "grid" / "results.json").write_text(json.dumps({
            "format": 1, "name": "grid", "command": "detoxml experiment grid.toml", "compared": "defence", "runs": rows,
            "axes": [{"name": "defence", "values": ["mean", "median"]}, {"name": "attack", "values": ["none", "alie"]}]}))

    def test_is_a_table_with_its_runs(self):
        self.make()
        page = self.report("grid")
        for width in (1400, 400):
            self.opened(page, width=width)
            cells = self.browser.evaluate("[...document.querySelector('table').querySelectorAll('tbody tr')].map((r) => [...r.children].map((c) => c.textContent))")
            self.assertEqual(cells, [["mean", "80.5 ± 0.7", "83.0, 1 of 2 diverged"], ["median", "84.5 ± 0.7", "86.5 ± 0.7"]])
        self.browser.evaluate("[...document.querySelectorAll('td a')].pop().click()")
        self.browser.evaluate("new Promise((done) => setTimeout(done, 0))")
        self.assertTrue(self.browser.evaluate("document.querySelector('#run-8 > details').open"))
        self.assertEqual(self.browser.errors, [])

    def test_shows_the_curves_of_one_attack_at_a_time(self):
        self.make()
        self.opened(self.report("grid"))
        names = "[...document.querySelectorAll('section > .legend .name')].map((e) => e.textContent)"
        self.assertEqual(self.browser.evaluate(names), ["mean", "median"])
        self.browser.evaluate("(() => { const box = document.querySelector('.controls select'); box.value = 'alie'; box.dispatchEvent(new Event('change')); })()")
        self.assertEqual(self.browser.evaluate(names), ["mean", "median"])
        self.assertEqual(self.browser.errors, [])

    def test_text_of_its_results_stays_text(self):
        self.make(message=HOSTILE, state="failed")
        text = self.opened(self.report("grid"))
        self.assertIn("window.caught = 1", text)
        self.assertIsNone(self.browser.evaluate("window.caught"))


class Hostile(PageTest):
    def test_text_of_files_stays_text(self):
        name = "run " + HOSTILE.replace("/", "∕")
        make_runs.make_run(self.folder / name, 9, 5, message=HOSTILE, status="failed",
                           options={"dataset": HOSTILE, "network": HOSTILE, "train-dir": HOSTILE}.items())
        page = self.report(name)
        for dark in (False, True):
            text = self.opened(page, dark=dark)
            self.assertIn("window.caught = 1", text)
        self.browser.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
        self.browser.evaluate("new Promise((done) => requestAnimationFrame(done))")
        self.assertIsNone(self.browser.evaluate("window.caught"))
        self.assertEqual(self.browser.evaluate("document.images.length"), 0)
        self.assertEqual(self.browser.evaluate("document.scripts.length"), 3)
        self.assertEqual(self.browser.errors, [])

    def test_a_script_that_got_in_would_not_run(self):
        make_runs.make_run(self.folder / "run", 9, 5)
        page = self.report("run")
        page.write_text(page.read_text(encoding="utf-8").replace("<main", "<script>window.caught = 1</script><main"), encoding="utf-8")
        self.browser.open(page)
        self.assertIsNone(self.browser.evaluate("window.caught"))
        self.assertEqual(len([error for error in self.browser.errors if "Content Security Policy" in error]), 1)


class Refused(ProgramTest):
    def test_a_damaged_journal_is_named_and_nothing_is_written(self):
        for name in ("metrics.jsonl", "ledger.jsonl", "rounds.jsonl", "attackers.jsonl", "evaluation.jsonl"):
            folder = make_runs.make_run(self.folder / "run", 9, 5)
            with open(folder / name, "a", encoding="utf-8") as journal:
                journal.write("no line of a run\n")
            (self.folder / "report.html").write_text("what was there")
            self.assert_refused(run("report", "run", cwd=self.folder), 1, f"run/{name}:")
            self.assertEqual((self.folder / "report.html").read_text(), "what was there")
            self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["report.html", "run"])
            shutil.rmtree(folder)

    def test_a_folder_without_a_run(self):
        self.assert_refused(run("report", "nowhere", cwd=self.folder), 1, "nowhere")
        self.assert_refused(run("report", ".", cwd=self.folder), 1, "config.toml")

    def test_a_run_that_is_named_twice(self):
        make_runs.make_run(self.folder / "run", 9, 5)
        self.assert_refused(run("report", "run", "run", cwd=self.folder), 2, "twice")


class Large(PageTest):
    def test_of_a_hundred_thousand_steps(self):
        make_runs.make_run(self.folder / "run", 3, 100000)
        text = self.opened(self.report("run"))
        self.assertIn("A column is 334 steps", text)


if __name__ == "__main__":
    if browser.CHROMIUM is None:
        print("skipped= Chromium is not installed")
        sys.exit(0)
    main()
