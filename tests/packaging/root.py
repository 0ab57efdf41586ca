"""Folders that hold a Debian of their own: packages unpacked, nothing installed, nothing of this machine in sight."""

import os
import platform
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Everything that is mounted or started in it is gone with the command.
INSIDE = 'mount --bind /dev "$0/dev" && mount -t proc proc "$0/proc" && mount -t tmpfs tmpfs "$0/tmp" && exec chroot "$0" "$@"'


def command(*words: object, **options) -> str:
    """What it says; it must succeed."""
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=3000, **options)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


class DebianRoot:
    """Needs root, as chroot does."""

    def __init__(self, path: Path):
        self.path = path

    @classmethod
    def unpacked(cls, path: Path, suites: str, *packages: str) -> "DebianRoot":
        """Of these packages alone; `suites` as for packaging/unpack."""
        command(ROOT / "packaging/unpack", path, suites, *packages)
        for name in ("bin", "lib", "lib64", "sbin"):
            if not (path / name).exists() and (path / "usr" / name).exists():
                (path / name).symlink_to(f"usr/{name}")
        for name in ("dev", "proc", "tmp", "srv", "etc"):
            (path / name).mkdir(exist_ok=True)
        return cls(path)

    @classmethod
    def installed(cls, path: Path, *packages: str) -> "DebianRoot":
        """The machine's own release, as small as it can be, with these packages and what they need."""
        release, mirror = platform.freedesktop_os_release()["VERSION_CODENAME"], command(ROOT / "packaging/mirror").strip()
        command("debootstrap", "--variant=minbase", f"--include={','.join(packages)}", release, path, mirror)
        return cls(path)

    def run(self, *words: object) -> str:
        """Runs a program in it, with none of this machine's environment, processes and files. It is process 1 there, where systemd's
        programs would talk to the kernel's log instead."""
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/srv", "LC_ALL": "C.UTF-8", "SYSTEMD_LOG_TARGET": "console"}
        namespaces = ["--mount", "--pid", "--fork"] + ["--map-root-user"] * (os.getuid() != 0)
        return command("unshare", *namespaces, "sh", "-c", INSIDE, self.path, *words, env=env)

    def write(self, name: str, text: str) -> None:
        (self.path / name).write_text(text)
