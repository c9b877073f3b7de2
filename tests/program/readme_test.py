"""What the README and the pages for newcomers show is what happens.

Of a page, in its order and in one folder: a ```sh block is run as printed; a ```python block whose first line is
`# NAME.py` is that file; a ```output block after an sh block is all that its commands print. In an output … stands for
anything: within a line for any text, alone in a line for any lines.
"""

import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
from program import LIBTORCH, PROGRAM, ProgramTest, environment, main

BLOCK = re.compile(r"^```(sh|python|output)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


# What is said where a machine takes long, and no page shows.
SLOW = re.compile(r"^\d+ of \d+ parts of the test set are scored; .*\n", re.MULTILINE)


def blocks_of(page):
    return BLOCK.findall((ROOT / page).read_text())


def pattern_of(shown):
    """A regular expression for an output block."""
    lines = []
    for line in shown.rstrip().splitlines():
        if line.strip() == "…":
            lines.append(r"(?:.*\n)*?")
        else:
            lines.append(".*?".join(map(re.escape, line.rstrip().split("…"))) + r"[ ]*\n")
    return re.compile("".join(lines))


class Shown(ProgramTest):
    def run_page(self, page, learner=LIBTORCH):
        # Comparisons are as long as these say: short here.
        env = environment(PATH=f"{pathlib.Path(PROGRAM).parent}:{os.environ['PATH']}", STEPS="2", SEEDS="1 2", **learner)
        said = None
        for kind, text in blocks_of(page):
            if kind == "sh":
                finished = subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=self.folder, env=env,
                                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                          text=True, timeout=1200)
                said = SLOW.sub("", finished.stdout)
                self.assertEqual(finished.returncode, 0, f"{page}:\n{text}\n{said}")
            elif kind == "python":
                name = re.match(r"# (\S+\.py)\b", text)
                if name:
                    (self.folder / name[1]).write_text(text)
            else:
                self.assertIsNotNone(said, f"{page}: an output without a command before it")
                self.assertRegex(said.rstrip() + "\n", re.compile(rf"\A{pattern_of(text).pattern}\Z"),
                                 f"{page}: other than shown:\n{text}")
                said = None

    def test_readme(self):
        self.run_page("README.md")

    def test_readme_counts_what_there_is(self):
        sections = [section.splitlines() for section in self.run_ok("list").out.split("\n\n")]
        def names(title):
            lines = next(lines for lines in sections if lines[0].startswith(title))
            return {line.split()[0] for line in lines[1:] if re.match(r"  [\w-]", line)} - {"none", "normal"}
        page = (ROOT / "README.md").read_text()
        self.assertIn(f"(median, Krum and {len(names('Rules')) - 2} more)", page)
        self.assertIn(f"**{len(names('Attacks'))} attacks**", page)

    def test_comparing(self):
        self.run_page("docs/comparing.md", learner={})

    def test_experiments(self):
        self.run_page("docs/experiments.md", learner={})

    def test_defence(self):
        self.run_page("docs/defence.md", learner={})

    def test_evaluating(self):
        self.run_page("docs/evaluating.md", learner={})

    def test_networks(self):
        self.run_page("docs/networks.md")

    def test_reports(self):
        self.run_page("docs/reports.md", learner={})

    def test_silent_corruption(self):
        self.run_page("docs/silent-corruption.md")

    def test_your_own_rule(self):
        self.run_page("docs/your-own-rule.md")

    def test_every_page_shows_outputs(self):
        for page, commands, outputs in (("README.md", 5, 2), ("docs/comparing.md", 3, 0), ("docs/experiments.md", 4, 1), ("docs/silent-corruption.md", 5, 4)):
            kinds = [kind for kind, _ in blocks_of(page)]
            self.assertGreaterEqual(kinds.count("sh"), commands, page)
            self.assertGreaterEqual(kinds.count("output"), outputs, page)

    def test_an_output_is_compared(self):
        for shown, said, fits in (("a\nb\n", "a\nb\n", True), ("a\nb\n", "a\n", False), ("a … c\n", "a b c\n", True),
                                  ("…\nz\n", "a\nb\nz\n", True), ("…\nz\n", "a\nzz\n", False), ("a\n", "a\nb\n", False)):
            self.assertEqual(bool(re.fullmatch(pattern_of(shown), said)), fits, (shown, said))

    def test_links_lead_somewhere(self):
        for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]:
            prose = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
            for link in re.findall(r"\]\((?!https?://|#)([^)#]+)", prose):
                self.assertTrue((document.parent / link).exists(), f"{document.name}: {link}")


main()
