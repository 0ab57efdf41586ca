"""The documentation: every block of code of every page runs, prints what the block of text behind it says, and every link leads somewhere.

A page's blocks of one language are one program, in the page's own folder; a block with a title is a file there. python runs first, then ipython (cells), then sh."""

import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("JITD_BUILD", ROOT / "build"))
TOOLS = BUILD / "venv-docs/bin"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$(?:\n+```text\n(.*?)^```$)?', re.M | re.S)
PRELUDE = "import jitd\nfrom typing import Optional\n"  # for pages that show fragments
MARK = "-- a block ends --"
CELLS = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance(history_load_length=0)
shell.history_manager.enabled = False
for cell in open(sys.argv[1]).read().split("# %%\\n"):
    shell.run_cell(cell, store_history=True).raise_error()
    print(sys.argv[2])
"""


class Block(NamedTuple):
    language: str
    title: str
    code: str
    output: str | None


def blocks_of(page: Path) -> list[Block]:
    return [Block(*found) for found in BLOCK.findall(page.read_text())]


def programs(blocks: list[Block]) -> dict[str, list[Block]]:
    return {language: [b for b in blocks if b.language == language and not b.title] for language in ("python", "ipython", "sh")}


class Page:
    """A folder, a private daemon and the tools that the pages speak of."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.chmod(0o700)
        path = f"{TOOLS}:{BUILD / 'client/cli'}:{os.environ['PATH']}"
        private = {"XDG_RUNTIME_DIR": str(folder / "run"), "JITD_CACHE_DIR": str(folder / "cache"), "JITD_NAMESPACE": "docs"}
        built = {"PKG_CONFIG_PATH": str(BUILD / "meson-uninstalled"), "LD_LIBRARY_PATH": str(BUILD / "client/lib")}
        (folder / "run").mkdir(mode=0o700)
        self.env = {k: v for k, v in os.environ.items() if k != "JITD_SOCKET"} | private | built | {"PATH": path, "IPYTHONDIR": str(folder / "ipython")}

    def run(self, *command: object) -> str:
        done = subprocess.run(list(map(str, command)), cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def run_python(self, blocks: list[Block]) -> str:
        (self.folder / "page.py").write_text(PRELUDE + "".join(f"{b.code}print({MARK!r})\n" for b in blocks))
        return self.run(TOOLS / "python", "page.py")

    def run_ipython(self, blocks: list[Block]) -> str:
        (self.folder / "cells").write_text("# %%\n".join(b.code for b in blocks))
        return self.run(TOOLS / "python", "-c", CELLS, "cells", MARK)

    def run_sh(self, blocks: list[Block]) -> str:
        return self.run("bash", "-e", "-c", "".join(f"{b.code}echo '{MARK}'\n" for b in blocks))


@pytest.mark.parametrize("path", [p for p in PAGES if blocks_of(p)], ids=lambda p: p.stem)
def test_code_blocks(path: Path, tmp_path: Path):
    page, blocks = Page(tmp_path), blocks_of(path)
    for block in blocks:
        assert block.title or block.language in ("python", "ipython", "sh", "text"), f"a block of {block.language} needs a title"
        if block.title:
            (tmp_path / block.title).write_text(block.code)
    for language, these in programs(blocks).items():
        if these:
            said = getattr(page, f"run_{language}")(these).split(f"{MARK}\n")
            assert len(said) == len(these) + 1
            for block, output in zip(these, said):
                assert not block.output or output == block.output, block.code


def test_the_site_and_its_links(tmp_path: Path):
    """mkdocs --strict: a link, an anchor or a docstring that is not there is an error."""
    done = subprocess.run([TOOLS / "mkdocs", "build", "--strict", "-q", "-d", tmp_path / "site"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Gives the object a name" in (tmp_path / "site/api.html").read_text()


def test_links_of_the_readme():
    for target in re.findall(r"\]\(([^)#]+)", (ROOT / "README.md").read_text()):
        assert (ROOT / target).exists(), target


def test_readme_is_one_page():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 100
