"""./dev wheel: the wheel goes into a fresh virtual environment of a Debian that has nothing but Python, and README's example runs."""

import platform
import re
import shutil
import sys
from pathlib import Path

import pytest
from root import ROOT, DebianRoot, command

VERSION = "%d.%d" % sys.version_info[:2]
MOST_BYTES = 45 << 20
README = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)[0]


def suites() -> str:
    """Where this Python is from: the machine's own release, or the newer ones that ./dev pythons asks."""
    own = platform.freedesktop_os_release()["VERSION_CODENAME"]
    return own if Path(sys.base_prefix) == Path("/usr") else "testing,unstable"


@pytest.fixture(scope="module")
def wheel() -> Path:
    command(ROOT / "packaging/wheel", VERSION)
    found = list((ROOT / "build/wheels").glob(f"jitd-*-cp{VERSION.replace('.', '')}-*.whl"))
    assert len(found) == 1
    return found[0]


@pytest.fixture(scope="module")
def root(wheel: Path, tmp_path_factory) -> DebianRoot:
    """A Debian with Python, and the wheel in the environment /env."""
    made = DebianRoot.unpacked(tmp_path_factory.mktemp("root"), suites(), f"python{VERSION}", "--", f"python{VERSION}-venv", "python3-pip-whl", "ca-certificates")
    shutil.copy(wheel, made.path / "srv")
    certificates = made.path / "etc/ssl/certs/ca-certificates.crt"  # pip wants some, although it asks nobody; made when it is installed
    certificates.parent.mkdir(parents=True, exist_ok=True)
    certificates.write_bytes(b"".join(p.read_bytes() for p in made.path.glob("usr/share/ca-certificates/*/*.crt")))
    pip = next(made.path.glob("usr/share/python-wheels/pip-*.whl")).relative_to(made.path)
    made.run(f"/usr/bin/python{VERSION}", "-m", "venv", "--without-pip", "/env")
    made.run("/env/bin/python", f"/{pip}/pip", "install", "--no-index", f"/srv/{wheel.name}")
    return made


def test_it_is_small_and_says_what_it_needs(wheel: Path):
    assert wheel.stat().st_size < MOST_BYTES
    assert re.search(r"-manylinux_2_\d+_x86_64\.whl$", wheel.name)


def test_readme_s_example(root: DebianRoot):
    root.write("srv/example.py", README + '\nprint(jitd.explain(Point.norm2).count("native"), jitd.stats()["machine"]["compilations"])\n')
    lines = root.run("/env/bin/python", "/srv/example.py").splitlines()
    assert lines[0] == "25.0 Point(x=3.0, y=4.0)" and lines[1].endswith(" 1") and not lines[1].startswith("0")


def test_metadata(root: DebianRoot):
    root.write("srv/metadata.py", 'import importlib.metadata as m; d = m.metadata("jitd"); print(sorted(d.items()))')
    said = dict(eval(root.run("/env/bin/python", "/srv/metadata.py")))
    assert said["Name"] == "jitd" and said["License-Expression"] == "Apache-2.0" and said["License-File"] == "LICENSE"
    assert said["Requires-Python"] == "<3.16,>=3.10"


def test_programs(root: DebianRoot):
    assert root.run("/env/bin/jitctl", "--help").startswith("usage: jitctl")
    assert root.run("/env/bin/python", "-c", "import jitd; print(jitd.__version__)") == "0.1.0\n"
