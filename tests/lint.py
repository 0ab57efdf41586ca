"""What the sources must keep: format, includes that go downwards, no LLVM in the broker, no warnings, short functions."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Which layers a file of a layer may include (STYLE: includes go downwards).
BELOW = {
    "base": {"base"},
    "protocol": {"base", "protocol"},
    "shared-mem": {"base", "protocol", "shared-mem"},
    "server/broker": {"base", "protocol", "shared-mem", "server/broker"},
    "server/compiler": {"base", "protocol", "server/compiler"},
    "server/worker": {"base", "protocol", "server/compiler", "server/worker"},
    "server/tool": {"base", "protocol", "server/compiler", "server/tool"},
    "client/lib": {"base", "protocol", "shared-mem", "client/lib"},
    "client/python": {"base", "protocol", "shared-mem", "client/lib", "client/python"},
    "client/cli": {"base", "protocol", "shared-mem", "client/lib", "client/cli"},
}
# Library headers that one folder alone (or one file) may include.
ONLY = {
    "uv.h": "server/broker",
    "ffi.h": "client/lib/call.c",
    "Python.h": "client/python",
    "llvm-c/": "server/compiler",
    "seccomp.h": "server/worker",
}
# Headers that are the same bytes on both sides of the shared memory: generated code is compiled from them.
EVERYWHERE = {"shared-mem/object.h", "protocol/abi.h"}
# Tables that C's types do not let be constants.
CONSTANT = {("module.c", "definition"), ("module.c", "definition_new"), ("module.c", "functions"), ("watch.c", "watched"), ("threads.c", "always")}
LENGTH = 80  # lines of a function that want a reason


def files(*patterns):
    out = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [f for f in out.splitlines() if (ROOT / f).exists()]


def layer(path):
    return next((name for name in sorted(BELOW, key=len, reverse=True) if path.startswith(name + "/")), None)


def check_format():
    """every C file is as clang-format leaves it"""
    said = subprocess.run(["clang-format-19", "--dry-run", *files("*.c", "*.h")], cwd=ROOT, capture_output=True, text=True)
    bad = re.findall(r"^(.+?):\d+:\d+: warning: ", said.stderr, re.M)
    return [f"{path}: not formatted (./dev format)" for path in dict.fromkeys(bad)] + [said.stderr] * (said.returncode != 0)


def check_includes():
    """includes go downwards, and libraries stay in their folder"""
    bad = []
    for path in files("*.c", "*.h", "*.def"):
        own = layer(path)
        for line, name in re.findall(r'^\s*#\s*(include\s+[<"]([^>"]+)[>"])', (ROOT / path).read_text(), re.M):
            for header, home in ONLY.items():
                if own and name.startswith(header) and not path.startswith(home):
                    bad.append(f"{path}: {line}: only {home} may")
            target = layer(name)
            if own and target and name not in EVERYWHERE and target not in BELOW[own]:
                bad.append(f"{path}: {line}: {own} may not look into {target}")
    return bad


def check_broker():
    """the broker links no LLVM"""
    binary = ROOT / "build/server/broker/jitd"
    if not binary.exists():
        return [f"{binary}: not built"]
    libraries = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
    symbols = subprocess.run(["nm", "-a", binary], capture_output=True, text=True, check=True).stdout
    return [f"jitd: {line.strip()}" for line in (libraries + symbols).splitlines() if re.search(r"LLVM|llvm", line)]


def check_warnings():
    """gcc has nothing to say at -Wall -Wextra -Wshadow (clang says it in the sanitizers' build)"""
    bad = []
    for unit in json.loads((ROOT / "build/compile_commands.json").read_text()):
        if "/tests/" in unit["file"] or not unit["file"].endswith(".c") or "clang" in unit["command"].split()[0]:
            continue
        command = (
            re.sub(r" -o \S+ | -MQ \S+| -MF \S+| -MD\b", " ", unit["command"]) + " -fsyntax-only -Wall -Wextra -Wshadow"
        )
        err = subprocess.run(command, shell=True, cwd=unit["directory"], capture_output=True, text=True).stderr
        bad += [line for line in err.splitlines() if "warning:" in line or "error:" in line]
    return sorted(set(bad))


def check_first_comment():
    """every C and Python file says its one job first"""
    bad = []
    for path in files("*.c", "*.h", "*.py"):
        text = (ROOT / path).read_text().lstrip()
        if "/golden/" not in path and text and not text.startswith(("/*", "//", "#", '"""', "'''", 'r"""')):
            bad.append(f"{path}: no first comment")
    return bad


def functions(path):
    """(name, lines) of each function of a C file: bodies that begin at a line's end and end with a brace in column 0."""
    found, start, name = [], None, ""
    for number, line in enumerate((ROOT / path).read_text().splitlines()):
        if start is None and re.match(r"^[A-Za-z_].*\)\s*\{$|^[A-Za-z_ ].*\) \{$", line):
            start, name = number, (re.findall(r"(\w+)\(", line) or ["?"])[0]
        elif start is None and line == "{":
            start = number
        elif line.startswith("}") and start is not None:
            found.append((name, number - start + 1))
            start = None
    return found


def check_lengths():
    """functions are short: a report, and no limit but common sense"""
    found = [
        (lines, path, name) for path in files("*.c") if not path.startswith("tests/") for name, lines in functions(path)
    ]
    lengths = sorted(lines for lines, _, _ in found)
    if lengths:
        median, most = (lengths[int(share * (len(lengths) - 1))] for share in (0.5, 0.9))
        print(f"  {len(lengths)} functions: median {median} lines, 90th percentile {most}")
        for lines, path, name in sorted(found, reverse=True):
            if lines > LENGTH:
                print(f"  {path}: {name} has {lines} lines")
    return []


def check_words():
    """no file of the project names a machine's own paths"""
    bad = []
    for path in files():
        if path.startswith("tests/lint"):
            continue
        text = (ROOT / path).read_bytes()
        bad += [f"{path}: {m.decode()}" for m in re.findall(rb"/root/\S*|/home/[a-z]\w*\S*|/work/\S*", text)]
    return bad


def variables(folder):
    """(source file, name) of what the objects in a folder of the build tree keep from call to call, but for types and tables of methods."""
    for path in sorted(folder.glob("*.o")):
        table = subprocess.run(["objdump", "-t", path], capture_output=True, text=True, check=True).stdout
        for name in re.findall(r"^\w+ .{6}[O ] (?:\.data(?!\.rel\.ro)|\.bss|\.tbss)[\w.]*\s+\w+(?: \.hidden)? ([a-z]\S+)$", table, re.M):
            yield path.name.removeprefix("ext_").removesuffix(".c.o") + ".c", name


def check_state():
    """docs/architecture.md names every variable of the client, and what guards it"""
    build = ROOT / "build/client"
    objects = [*build.glob("python/_jitd.*.p"), build / "lib/libclient.a.p"]
    if len(objects) < 2 or not objects[-1].exists():
        return ["build/client: not built"]
    kept = {(file, name.partition(".")[0]) for folder in objects for file, name in variables(folder)}
    kept = {(file, name) for file, name in kept if not name.endswith(("_Type", "_methods", "_members", "_getset")) and (file, name) not in CONSTANT}
    said, place = set(), []
    for cells in (row.split("|") for row in (ROOT / "docs/architecture.md").read_text().splitlines() if row.count("|") == 5):
        place = re.findall(r"`(?:ext|lib)/(\w+\.c)`", cells[1]) or (place if not cells[1].strip() else [])
        said |= {(file, name) for file in place for name in re.findall(r"`(\w+)`", cells[2])}
    names = {name for _file, name in said}
    bad = [f"{file}: {name} is not in docs/architecture.md" for file, name in sorted(kept - said)]
    return bad + [f"docs/architecture.md: there is no {name}" for name in sorted(names - {name for _file, name in kept})]


def main():
    passed = failed = 0
    for check in (
        check_format,
        check_includes,
        check_broker,
        check_warnings,
        check_first_comment,
        check_lengths,
        check_words,
        check_state,
    ):
        bad = check()
        print(f"{'FAIL' if bad else 'ok  '} {check.__doc__}")
        for line in bad[:40]:
            print(f"  {line}")
        passed, failed = passed + (not bad), failed + bool(bad)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
