"""python -m jitd COMMAND: what the package can do from a shell."""

from __future__ import annotations

import sys

import jitd

USAGE = """usage: python -m jitd check FILE|MODULE | --version
  check    what of the classes and functions of a file or module is native, and what is not and why; nothing of it runs but the import"""


def main(arguments: list[str]) -> int:
    if len(arguments) == 1 and arguments[0] in ("-h", "--help", "help"):
        print(USAGE)
        return 0
    if arguments == ["--version"]:
        print("jitd", jitd.__version__)
        return 0
    if len(arguments) != 2 or arguments[0] != "check":
        print(USAGE, file=sys.stderr)
        return 2
    from jitd.check import check

    return check(arguments[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
