"""The units under a real systemd (systemd_pid1, in namespaces): the daemon is killed, restarted, stopped, hung and reloaded."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from broker_harness import BUILD, HERE, JITD
from systemd_inside import CASES

UNITS = BUILD / "systemd"
USER = "daemon"  # Debian has it; a package makes jitd's own


def cannot():
    """Why there can be no systemd of our own here; None: there can."""
    if os.geteuid() != 0:
        return "NEEDS ROOT to start a systemd of its own"
    missing = [p for p in ("unshare", "nsenter", "pgrep", "systemctl", "curl") if not shutil.which(p)]
    if missing or not Path("/lib/systemd/systemd").exists():
        return f"NEEDS systemd and {', '.join(missing) or 'its programs'}"
    if any(str(p).startswith(("/tmp/", "/run/", "/var/tmp/")) for p in (BUILD, HERE, Path(sys.prefix))):
        return "NEEDS a checkout that is not in /tmp, /var/tmp or /run: those are empty there"
    run = subprocess.run(["unshare", "--pid", "--mount", "--cgroup", "--ipc", "--uts", "--fork", "true"], capture_output=True)
    return "NEEDS namespaces, which this machine does not give" if run.returncode else None


WHY = cannot()


def copy_changed(directory, name, *changes):
    text = (UNITS / name).read_text()
    for old, new in changes:
        text, n = re.subn(old, new, text, flags=re.M)
        assert n
    (directory / "units" / name).write_text(text)


def prepare(directory):
    """Units and programs as they are copied into the namespaces. What is changed: paths, the user, and how long a hang may be."""
    (directory / "units").mkdir()
    (directory / "programs").mkdir()
    user = (r"^(User|Group)=jitd$", rf"\1={USER}")
    copy_changed(directory, "jitd.service", user, (r"^ExecStart=.*$", "ExecStart=/run/programs/jitd --config /run/jitd.conf"),
                 (r"^WatchdogSec=.*$", "WatchdogSec=3\nStandardError=append:/run/jitd.log"))
    copy_changed(directory, "jitd-metrics@.service", user, (r"^ExecStart=\S+", "ExecStart=/run/programs/jitctl"))
    for unit in ("jitd.socket", "jitd-metrics.socket"):
        shutil.copy(UNITS / unit, directory / "units")
    shutil.copy(JITD, directory / "programs")
    for program in ("server/worker/jitd-worker", "client/cli/jitctl"):
        shutil.copy(BUILD / program, directory / "programs")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    directory = tmp_path_factory.mktemp("systemd")
    prepare(directory)
    env = os.environ | {"PYTHONPATH": f"{HERE}:{os.environ.get('PYTHONPATH', '')}", "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run([HERE / "systemd_pid1", directory / "units", directory / "programs", "--", sys.executable,
                          HERE / "systemd_inside.py"], capture_output=True, text=True, env=env, timeout=600)
    assert run.returncode == 0, f"status {run.returncode} (99: systemd did not come up): {run.stderr}"
    return {line["case"]: line for line in map(json.loads, run.stdout.splitlines())}


@pytest.mark.skipif(WHY is not None, reason=str(WHY))
@pytest.mark.parametrize("case", CASES)
def test_under_systemd(results, case):
    assert not results[case]["wrong"], results[case]["wrong"]
