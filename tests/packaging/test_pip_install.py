"""pip install . from a clean clone into a fresh virtual environment; then a user's script in another folder needs nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import jitd

@jitd.jitclass
class Account:
    cents: int = 0
    def pay_in(self, cents: int) -> int:
        self.cents += cents
        return self.cents

account = Account()
for _ in range(1000):
    account.pay_in(5)
print(account.cents, jitd.stats()["machine"]["compilations"])
"""


# No socket, no daemon, no cache, and no build tree in sight: what a user of the wheel has.
CLEAN = {key: value for key, value in os.environ.items() if not key.startswith(("JITD_", "PYTHON"))}


def run(*command, env=CLEAN, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=3000, env=env, **options)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The bin directory of a new virtual environment that has had nothing but `pip install CLONE`."""
    base = tmp_path_factory.mktemp("pip")
    run("git", "clone", "-q", ROOT, base / "clone")
    run(sys.executable, "-m", "venv", base / "env")
    run(base / "env/bin/python", "-m", "pip", "install", "-q", base / "clone", cwd=base)
    return base / "env/bin"


@pytest.fixture
def user(tmp_path):
    """An environment with a private daemon's directory and cache of its own."""
    tmp_path.chmod(0o700)
    return dict(CLEAN, XDG_RUNTIME_DIR=str(tmp_path), JITD_CACHE_DIR=str(tmp_path / "cache"), JITD_NAMESPACE="packaging")


def test_script_needs_nothing_else(installed, user, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    assert run(installed / "python", "script.py", cwd=tmp_path, env=user) == "5000 1\n"


def test_second_start_compiles_nothing(installed, user, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    for _ in range(2):
        assert run(installed / "python", "script.py", cwd=tmp_path, env=user) == "5000 1\n"


def test_jitctl_is_installed(installed, user, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    run(installed / "python", "script.py", cwd=tmp_path, env=user)
    assert "Account" in run(installed / "jitctl", "classes", cwd=tmp_path, env=user)
    assert "pay_in" in run(installed / "jitctl", "ir", "Account.pay_in", cwd=tmp_path, env=user)


def test_types_are_installed(installed, tmp_path):
    code = "import jitd, pathlib as p; print(*sorted(f.name for f in p.Path(jitd.__file__).parent.iterdir() if f.suffix in ('.pyi', '.typed')))"
    assert run(installed / "python", "-c", code, cwd=tmp_path) == "__init__.pyi _jitd.pyi py.typed\n"


def test_no_path_of_the_clone_is_left(installed, tmp_path):
    """The wheel must not depend on the tree it was built in."""
    where = run(installed / "python", "-c", "import jitd; print(jitd.__file__)", cwd=tmp_path).strip()
    assert str(installed.parent) in where
    assert (Path(where).parent / "_bin/jitd").exists() and (Path(where).parent / "_bin/jitd-worker").exists()


def test_metadata_can_be_read(installed):
    """importlib.metadata parses what pip has installed: a licence's whole text is no header."""
    code = "import importlib.metadata as m; d = m.metadata('jitd'); print(d['Name'], d['License-Expression'], d['Requires-Python'], m.version('jitd'), '# jitd' in str(d.get_payload() or d['Description']))"
    name, licence, python, version, readme = run(installed / "python", "-c", code).split()
    assert (name, licence, readme) == ("jitd", "Apache-2.0", "True") and python == "<3.16,>=3.10" and version.count(".") == 2
