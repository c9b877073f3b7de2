"""Completion in real shells and manual pages through a real man, compared with what --help says."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from program import ProgramTest, main, run

SUPPORT = pathlib.Path(__file__).parents[1] / "support"
ASK_BASH = r"""
source "$1"; shift
complete -p detoxml >&2
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_detoxml
printf '%s\n' "${COMPREPLY[@]}"
"""


def commands_of(help_text):
    """Words below "Subcommands:"."""
    found = re.search(r"^Subcommands:\n((?:  .*\n)+)", help_text, re.MULTILINE)
    return re.findall(r"^  ([a-z_]+)", found.group(1), re.MULTILINE) if found else []


def options_of(help_text):
    """Long and short ones, as the help has them at the beginning of a line."""
    return re.findall(r"--?[\w-]+", " ".join(re.findall(r"^  (-\S+)", help_text, re.MULTILINE)))


class Shells(ProgramTest):
    tree = {}

    @classmethod
    def setUpClass(cls):
        """The commands and the options of each, as --help says, which is made by the parser and not by us."""
        def visit(path):
            text = run(*path, "--help").out
            if re.search("^  --help-all", text, re.MULTILINE):
                text = run(*path, "--help-all").out
            cls.tree[path] = options_of(text)
            for command in commands_of(text):
                visit((*path, command))
        visit(())

    def bash(self, *words):
        script = self.folder / "detoxml.bash"
        if not script.exists():
            script.write_text(self.run_ok("completion", "bash").out)
        asked = subprocess.run(["bash", "-c", ASK_BASH, "ask", script, "detoxml", *words], capture_output=True, text=True,
                               check=False, timeout=30, cwd=self.folder)
        self.assertEqual(asked.stderr, "complete -F _detoxml detoxml\n")
        return asked.stdout.split()

    def zsh(self, *lines):
        """What is offered behind each of the lines."""
        function = self.folder / "functions" / "_detoxml"
        if not function.exists():
            function.parent.mkdir()
            function.write_text(self.run_ok("completion", "zsh").out)
        asked = subprocess.run(["zsh", "-f", SUPPORT / "complete.zsh", function.parent, *lines], capture_output=True, text=True,
                               check=False, timeout=100, cwd=self.folder, env={**os.environ, "HOME": str(self.folder)})
        self.assertNotRegex(asked.stdout, "not found|bad option|unmatched|parse error|invalid")
        parts = asked.stdout.split("<END>")
        self.assertEqual(len(parts), len(lines) + 1, asked.stdout + asked.stderr)
        words = [re.findall(r"<([^<>\r\n]+)>", part) for part in parts[:-1]]
        return [list(dict.fromkeys(word for word in part if word != "READY")) for part in words]

    def test_help_was_read(self):
        self.assertIn(("data", "prepare"), self.tree)
        self.assertGreater(len(self.tree[("train",)]), 50)

    def test_bash_offers_every_command_and_option(self):
        for path, options in self.tree.items():
            self.assertEqual(sorted(self.bash(*path, "-")), sorted(options), path)
            below = [p[-1] for p in self.tree if len(p) == len(path) + 1 and p[:len(path)] == path]
            if below:
                self.assertEqual(sorted(self.bash(*path, "")), sorted(below), path)

    def test_bash_offers_values(self):
        (self.folder / "run.toml").touch()
        (self.folder / "results").mkdir()
        self.assertEqual(self.bash("train", "--mode", "mul"), ["multi-krum"])
        self.assertEqual(self.bash("train", "--mode", "=", "mul"), ["multi-krum"])
        self.assertEqual(self.bash("train", "--mode", "="), self.bash("train", "--mode", ""))
        self.assertEqual(self.bash("train", "--network", "lenet"), ["LeNet"])
        self.assertEqual(self.bash("train", "--err-mode", "ipm"), ["ipm", "ipm_opt"])
        self.assertEqual(self.bash("train", "--vote", ""), ["digest", "bytes"])
        self.assertEqual(self.bash("train", "--pre", "nnm,bu"), ["nnm,bucketing"])
        self.assertEqual(self.bash("train", "--config", "r"), ["run.toml", "results"])
        self.assertEqual(self.bash("train", "--train-dir", "r"), ["results"])
        self.assertEqual(self.bash("train", "--batch-size", ""), [])
        self.assertEqual(self.bash("data", "info", "fashion"), ["FashionMNIST"])
        self.assertEqual(self.bash("data", "prepare", "MNIST", "cifar100"), ["Cifar100"])
        self.assertEqual(self.bash("completion", "b"), ["bash"])
        self.assertEqual(self.bash("help", "tr"), ["train"])

    def test_bash_goes_on_behind_two_dashes(self):
        self.assertEqual(self.bash("launch", "-n", "4", "--", ""), ["train"])
        self.assertEqual(self.bash("launch", "-n", "4", "--", "train", "--mode", "bul"), ["bulyan"])
        self.assertEqual(self.bash("cluster", "run", "--", "tr"), [], "any command of the machines")

    def test_zsh_offers_every_command_and_option(self):
        paths = list(self.tree)
        asked = self.zsh(*(" ".join(("detoxml", *path, "-")) for path in paths),
                         *(" ".join(("detoxml", *path, "")) for path in paths))
        for path, options, words in zip(paths, asked, asked[len(paths):]):
            self.assertLessEqual({option for option in self.tree[path] if option.startswith("--")}, set(options), path)
            below = {p[-1] for p in paths if len(p) == len(path) + 1 and p[:len(path)] == path}
            self.assertLessEqual(below, set(words), path)

    def test_zsh_offers_values(self):
        (self.folder / "run.toml").touch()
        (self.folder / "results").mkdir()
        expected = {"detoxml train --mode mul": ["multi-krum"], "detoxml train --mode=mul": ["multi-krum"],
                    "detoxml train --vote ": ["bytes", "digest"], "detoxml train --pre nnm,bu": ["bucketing"],
                    "detoxml train --config ru": ["run.toml"], "detoxml train --train-dir r": ["results"],
                    "detoxml data info Fashion": ["FashionMNIST"], "detoxml help tr": ["train"], "detoxml launch -n 4 -- ": ["train"],
                    "detoxml launch -n 4 -- train --mode bul": ["bulyan"]}
        for line, words in zip(expected, self.zsh(*expected)):
            self.assertEqual(sorted(words), expected[line], line)

    def test_man_shows_every_option_without_a_warning(self):
        self.run_ok("man", "--output-dir", self.folder)
        pages = {page.stem: page for page in self.folder.glob("*.1")}
        self.assertEqual(set(pages), {"-".join(("detoxml", *path[:1])) for path in self.tree})
        texts = {}
        for locale in ("C", "C.UTF-8"):
            for name, page in pages.items():
                shown = subprocess.run(["man", "--warnings", "-l", page], capture_output=True, text=True, check=False, timeout=60,
                                       env={**os.environ, "LC_ALL": locale, "MANWIDTH": "100", "MANPAGER": "cat"})
                self.assertEqual((shown.returncode, shown.stderr), (0, ""), name)
                self.assertNotIn("?", re.sub(r"[a-z]\?", "", shown.stdout), name)
                texts[name] = re.sub(r".\x08", "", shown.stdout)
        for path, options in self.tree.items():
            text = texts["-".join(("detoxml", *path[:1]))]
            for option in options:
                self.assertRegex(text, rf"(?m)^ +.*(?<![\w-]){option}(?![\w-])", path)
        self.assertIn("multi-krum", texts["detoxml-train"])
        self.assertEqual(pages["detoxml-train"].read_text(), self.run_ok("man", "train").out)

    def test_unknown_words_are_refused(self):
        self.assert_refused(run("completion", "fish"), 2, "bash", "zsh")
        self.assert_refused(run("man", "trian"), 2, "trian")


if __name__ == "__main__":
    for tool in ("bash", "zsh", "man"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is not installed: tools/install-deps --test")
    main()
