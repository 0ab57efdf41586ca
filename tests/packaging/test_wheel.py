"""./dev wheel: the wheel goes into a fresh virtual environment of a Debian that has nothing but Python, and README's example runs, and
what pip and the programs say of it is true."""

import platform
import re
import shutil
import sys
from pathlib import Path

import pytest
from root import ROOT, DebianRoot, command

VERSION = "%d.%d" % sys.version_info[:2]
VERSION_OF_JITD = re.search(r"version: '([^']+)'", (ROOT / "meson.build").read_text())[1]
MOST_BYTES = 45 << 20
README = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)[0]


OWN_RELEASE = platform.freedesktop_os_release()["VERSION_CODENAME"]
HOME = Path(sys.base_prefix)
UNPACKED = ROOT / "build/pythons"  # by ./dev pythons


@pytest.fixture(scope="module")
def wheel() -> Path:
    command(ROOT / "packaging/wheel", VERSION)
    found = list((ROOT / "build/wheels").glob(f"jitd-*-cp{VERSION.replace('.', '')}-*.whl"))
    assert len(found) == 1
    return found[0]


def debian_s_python(path: Path) -> tuple[DebianRoot, list[str]]:
    """A Debian with this Python, of the machine's own release or of the newer ones that ./dev pythons asks; pip there."""
    suites = OWN_RELEASE if HOME == Path("/usr") else "testing,unstable"
    made = DebianRoot.unpacked(path, suites, f"python{VERSION}", "--", f"python{VERSION}-venv", "python3-pip-whl", "ca-certificates")
    made.run(f"/usr/bin/python{VERSION}", "-m", "venv", "--without-pip", "/env")
    pip = next(made.path.glob("usr/share/python-wheels/pip-*.whl")).relative_to(made.path)
    return made, ["/env/bin/python", f"/{pip}/pip"]


def somebody_s_python(path: Path) -> tuple[DebianRoot, list[str]]:
    """A Debian with the libraries that a Python needs, and a copy of this one, where it was; pip there."""
    made = DebianRoot.unpacked(path, OWN_RELEASE, "python3", "--", "ca-certificates")
    shutil.copytree(HOME, made.path / HOME.relative_to("/"), symlinks=True, ignore=shutil.ignore_patterns("test", "site-packages", "__pycache__", "*.a"))
    made.run(HOME / f"bin/python{VERSION}", "-m", "venv", "/env")
    return made, ["/env/bin/python", "-m", "pip"]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory) -> tuple[DebianRoot, list[str]]:
    """A Debian with Python, and the wheel in the environment /env; pip there."""
    is_debian_s = HOME == Path("/usr") or UNPACKED in HOME.parents
    made, pip = (debian_s_python if is_debian_s else somebody_s_python)(tmp_path_factory.mktemp("root"))
    shutil.copy(wheel, made.path / "srv")
    certificates = made.path / "etc/ssl/certs/ca-certificates.crt"  # pip wants some, although it asks nobody; made when it is installed
    certificates.parent.mkdir(parents=True, exist_ok=True)
    certificates.write_bytes(b"".join(p.read_bytes() for p in made.path.glob("usr/share/ca-certificates/*/*.crt")))
    made.run(*pip, "install", "--no-index", f"/srv/{wheel.name}")
    return made, pip


@pytest.fixture(scope="module")
def root(installed) -> DebianRoot:
    return installed[0]


def test_it_is_small_and_says_what_it_needs(wheel: Path):
    assert wheel.stat().st_size < MOST_BYTES
    assert re.search(r"-manylinux_2_\d+_x86_64\.whl$", wheel.name)


def test_readme_s_example(root: DebianRoot):
    root.write("srv/example.py", README + '\nprint(jitd.explain(Point.norm2).count("native"), jitd.stats()["machine"]["compilations"])\n')
    lines = root.run("/env/bin/python", "/srv/example.py").splitlines()
    assert lines[0] == "25.0 Point(x=3.0, y=4.0)" and lines[1].endswith(" 1") and not lines[1].startswith("0")


def test_metadata(root: DebianRoot):
    root.write("srv/metadata.py", 'import importlib.metadata as m; d = m.metadata("jitd"); print(d.items())')
    pairs = eval(root.run("/env/bin/python", "/srv/metadata.py"))
    said = dict(pairs)
    assert said["Name"] == "jitd" and said["License-Expression"] == "Apache-2.0" and said["License-File"] == "LICENSE"
    assert said["Requires-Python"] == "<3.16,>=3.10" and said["Summary"] and "Requires-Dist" not in said
    assert ("Classifier", f"Programming Language :: Python :: {VERSION}") in pairs


def test_pip_shows_it(installed):
    root, pip = installed
    said = dict(line.split(": ", 1) for line in root.run(*pip, "show", "jitd").splitlines() if ": " in line)
    assert (said["Name"], said["Version"]) == ("jitd", VERSION_OF_JITD) and said["Summary"].startswith("Python classes at native speed")


def test_programs_say_their_version(root: DebianRoot):
    folder = root.run("/env/bin/python", "-c", "import jitd, pathlib; print(pathlib.Path(jitd.__file__).parent / '_bin')").strip()
    assert root.run("/env/bin/jitctl", "--help").startswith("usage: jitctl")
    for program in (["/env/bin/python", "-m", "jitd"], ["/env/bin/jitctl"], [f"{folder}/jitd"], [f"{folder}/jitd-worker"]):
        assert root.run(*program, "--version").split()[1] == VERSION_OF_JITD
    assert root.run("/env/bin/python", "-c", "import jitd; print(jitd.__version__)").strip() == VERSION_OF_JITD
