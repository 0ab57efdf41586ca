"""./dev deb: the Debian packages are installed into a Debian of their own, the daemon is started through its socket, and removing and
purging them leaves nothing."""

import re
import shutil
from pathlib import Path

import pytest
from root import ROOT, DebianRoot, command

PACKAGES = ["jitd", "python3-jitd", "libjitd0", "libjitd-dev"]
NEEDED = ["systemd", "python3", "gcc", "libc6-dev", "pkg-config", "libuv1", "libseccomp2", "libunistring2|libunistring5", "zlib1g"]
README = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)[0]

# What the socket's unit says is held by systemd's own program for that; the service's line, user and cache are the unit's.
USE = """
set -e
systemd-tmpfiles --create /usr/lib/tmpfiles.d/jitd.conf
unit=$(cat /lib/systemd/system/jitd.service | sed -n 's/^ExecStart=//p')
user=$(cat /lib/systemd/system/jitd.service | sed -n 's/^User=//p')
socket=$(cat /lib/systemd/system/jitd.socket | sed -n 's/^ListenStream=//p')
install -d -o "$user" -m 700 /var/cache/jitd
setpriv --reuid "$user" --regid "$user" --clear-groups true
rm -f "$socket"
systemd-socket-activate -E CACHE_DIRECTORY=/var/cache/jitd -l "$socket" \
    setpriv --reuid "$user" --regid "$user" --clear-groups $unit 2>/dev/null &
until [ -S "$socket" ]; do sleep 0.05; done
chmod 666 "$socket"
cd /tmp
as="setpriv --reuid nobody --regid nogroup --clear-groups env HOME=/nonexistent"
$as python3 /srv/example.py
$as jitctl status
cc -o point /srv/point.c $(pkg-config --cflags --libs jitd)
cp /srv/point.py .
$as python3 -c 'import point; point.Point(3.0, 4.0).norm2()'
$as ./point
ls /var/cache/jitd
"""


def own(names: list[str]) -> list[str]:
    """Of "a|b" the one that this release has."""
    found = []
    for name in names:
        first, _, second = name.partition("|")
        found.append(first if not second or command("apt-cache", "pkgnames", first).split().count(first) else second)
    return found


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> DebianRoot:
    """With the packages installed."""
    command(ROOT / "packaging/deb")
    made = DebianRoot.installed(tmp_path_factory.mktemp("deb") / "root", *own(NEEDED))
    for package in (ROOT / "build/deb").glob("*.deb"):
        shutil.copy(package, made.path / "srv")
    for name in ("examples/c/point.c", "examples/point.py"):
        shutil.copy(ROOT / name, made.path / "srv")
    made.write("srv/example.py", README)
    made.run("sh", "-c", "dpkg -i /srv/*.deb")
    return made


def test_the_user_and_the_units(root: DebianRoot):
    assert "\njitd:x:" in (root.path / "etc/passwd").read_text()
    assert root.run("systemctl", "is-enabled", "jitd.socket") == "enabled\n"
    root.run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", "jitd.socket", "jitd.service", "jitd-metrics.socket", "jitd-metrics@.service")
    assert not list((root.path / "etc/systemd").rglob("jitd-metrics*"))  # it is the operator's to start


def test_started_by_the_socket(root: DebianRoot):
    said = root.run("sh", "-c", USE)
    assert "25.0 Point(x=3.0, y=4.0)" in said and "norm2 25, turned by 90 degrees: -4.000, 3.000" in said
    assert re.search(r"^compilations +1$", said, re.M), said
    assert list((root.path / "var/cache/jitd").iterdir())


def leftovers(root: DebianRoot) -> list[str]:
    """Files of the packages' names, but for what dpkg and systemd keep of everything."""
    places = [root.path / name for name in ("etc", "usr", "var/cache", "var/lib/systemd")]
    return sorted(str(p.relative_to(root.path)) for place in places for p in place.rglob("*jitd*") if "/tmpfiles" not in str(p))


def test_removed_and_purged(root: DebianRoot):
    root.run("dpkg", "--remove", *PACKAGES)
    assert not [p for p in leftovers(root) if p.startswith("usr")], leftovers(root)
    assert (root.path / "var/cache/jitd").exists()
    root.run("dpkg", "--purge", *PACKAGES)
    assert leftovers(root) == []
    assert not [line for line in Path(root.path / "var/lib/dpkg/status").read_text().splitlines() if line in [f"Package: {p}" for p in PACKAGES]]
