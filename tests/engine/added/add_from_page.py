#!/usr/bin/python3
"""The rule and the attack of docs/your-own-rule.md, added to the stages as the page says.

    add_from_page.py ROOT FOLDER     writes FOLDER/src/stages/..., the page's files and the registries with its lines,
                                     and prints the sources to compile, joined by ;
"""
import pathlib
import re
import sys

PAGE = "docs/your-own-rule.md"
BLOCK = re.compile(r"^```cpp\n// (src/stages/\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def write(path, text):
    """Only what is new, so that nothing is compiled again without need."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def main(root, folder):
    sources = []
    for name, text in BLOCK.findall((root / PAGE).read_text()):
        if name.endswith(".def"):
            lines = (root / name).read_text()
            write(folder / name, lines + text)
            registry = pathlib.PurePosixPath(name).parent / "registry.cpp"
            write(folder / registry, (root / registry).read_text())
            sources.append(folder / registry)
        else:
            write(folder / name, text)
            sources.append(folder / name)
    print(";".join(map(str, sources)), end="")


main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
