"""The table of docs/defence.md, shortened: its command with the program, every defence under every attack."""

import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
from program import PROGRAM, ProgramTest, environment, main


def rows_of(text):
    """The cells of the table of defences and attacks."""
    lines = text[text.index("| defence | attack |"):].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


class Table(ProgramTest):
    def test_the_command_of_the_page_gives_every_row_of_its_table(self):
        page = (ROOT / "docs/defence.md").read_text()
        shown = re.search(r"^(tools/experiments .*?)^```$", page, re.MULTILINE | re.DOTALL)[1]
        words = shlex.split(shown.replace("\\\n", " "))
        words[words.index("--seeds") + 1] = "1"
        answer = subprocess.run([ROOT / words[0], *words[1:], "--steps", "2", "--program", os.path.abspath(PROGRAM), "--out", "out"],
                                cwd=self.folder, env=environment(), capture_output=True, text=True, timeout=600)
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        rows, printed = rows_of(answer.stdout), rows_of(page)
        self.assertEqual([row[:2] for row in rows], [row[:2] for row in printed])
        refused = [[row[2] == "refused" for row in table] for table in (rows, printed)]
        self.assertEqual(*refused)
        rows = [row for row in rows if row[2] != "refused"]
        for row in rows:
            self.assertTrue(0 <= float(row[2]) <= 100 and float(row[5]) > 0, row)
        computed = {(row[0], row[1]): float(row[4]) for row in rows}
        self.assertEqual({computed["mean", attack] for attack in ("sdc", "safe-liars")}, {1.0})
        self.assertEqual(computed["audit-tenth", "safe-liars"], 1.1)
        self.assertEqual(computed["detox-trimmed-mean", "safe-liars"], 3.0)


main()
