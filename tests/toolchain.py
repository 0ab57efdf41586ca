"""The clang that the build uses: that of the newest LLVM here which is known to work (meson_options.txt)."""

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def known() -> list[str]:
    """The versions of LLVM, the best first."""
    line = re.search(r"^option\('llvm'.*$", (ROOT / "meson_options.txt").read_text(), re.M)
    assert line
    return re.findall(r"'(\d+)'", line[0])


def clang() -> str:
    """Its name."""
    found = [f"clang-{v}" for v in known() if shutil.which(f"llvm-config-{v}") and shutil.which(f"clang-{v}")]
    if not found:
        raise SystemExit(f"no clang of LLVM {', '.join(known())} here: see packages.txt")
    return found[0]
