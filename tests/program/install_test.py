"""`cmake --install` into a prefix and into a DESTDIR: what lies there, and that it works from there."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from program import ProgramTest, main, run

BUILD = os.environ["DETOX_BUILD"]


def install(*options, **variables):
    subprocess.run(["cmake", "--install", BUILD, *map(str, options)], check=True, capture_output=True, timeout=120,
                   env={**os.environ, **variables})


def files_below(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


class Installed(ProgramTest):
    def test_works_from_any_prefix(self):
        prefix = self.folder / "a prefix"
        install("--prefix", prefix)
        files = files_below(prefix)
        documents = {f"share/doc/detoxml/{name}" for name in ("LICENSE", "README.md", "CHANGELOG.md", "docs/installing.md",
                                                              "examples/short.toml")}
        self.assertLessEqual({"bin/detoxml", "include/detox/detox.h", "share/man/man1/detoxml.1", "share/man/man1/detoxml-train.1",
                              "share/bash-completion/completions/detoxml", "share/zsh/vendor-completions/_detoxml"} | documents, files)
        program = [prefix / "bin/detoxml"]
        trained = run("train", "--max-steps", 1, "--config", prefix / "share/doc/detoxml/examples/short.toml", cwd=self.folder,
                      program=program)
        self.assertEqual(trained.code, 0, trained.err)
        self.assertTrue((self.folder / "output/models/model_step_1").is_file())
        plan = run("experiment", "demo-quick", "--plan", cwd=self.folder, program=program)
        self.assertEqual((plan.code, plan.out.count(": new")), (0, 3), plan.err)
        shells = {"bash": "share/bash-completion/completions/detoxml", "zsh": "share/zsh/vendor-completions/_detoxml"}
        for shell, file in shells.items():
            self.assertEqual((prefix / file).read_text(), run("completion", shell, program=program).out)

    def test_brings_the_list_of_packages_along(self):
        prefix = self.folder / "prefix"
        install("--prefix", prefix)
        script = prefix / "share/detoxml/install-deps"
        self.assertEqual(script.read_bytes(), (ROOT / "tools/install-deps").read_bytes())
        listed = subprocess.run([script, "--list"], check=True, capture_output=True, text=True, timeout=60).stdout
        self.assertIn("openmpi-bin", listed.split())

    def test_stays_below_destdir(self):
        install("--prefix", "/usr", DESTDIR=str(self.folder / "stage"))
        self.assertEqual({path.name for path in (self.folder / "stage").iterdir()}, {"usr"})
        program = self.folder / "stage/usr/bin/detoxml"
        self.assertIn("krum", run("list", program=[program]).out)
        # What was installed names neither the staging folder nor that of the build.
        for file in files_below(self.folder / "stage"):
            if file.endswith((".cmake", "detoxml", ".1")):
                content = (self.folder / "stage" / file).read_bytes()
                for folder in (str(self.folder), BUILD):
                    self.assertNotIn(folder.encode(), content, file)


if __name__ == "__main__":
    main()
