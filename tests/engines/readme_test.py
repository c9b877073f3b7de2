"""The commands of the README run as printed, in their order, in one folder."""

import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
from program import PROGRAM, ProgramTest, environment, main


class Readme(ProgramTest):
    def test_commands_run_as_printed(self):
        blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
        commands = [line for block in blocks for line in block.splitlines() if line.strip()]
        self.assertGreater(len(commands), 8)
        env = environment(PATH=f"{pathlib.Path(PROGRAM).parent}:{os.environ['PATH']}")
        for command in commands:
            finished = subprocess.run(["bash", "-c", command], cwd=self.folder, env=env, stdin=subprocess.DEVNULL,
                                      capture_output=True, text=True, timeout=300)
            self.assertEqual(finished.returncode, 0, f"{command}\n{finished.stderr}")

    def test_links_lead_somewhere(self):
        for document in [ROOT / "README.md", *ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
            for link in re.findall(r"\]\((?!https?://|#)([^)#]+)", document.read_text()):
                self.assertTrue((document.parent / link).exists(), f"{document.name}: {link}")


main()
