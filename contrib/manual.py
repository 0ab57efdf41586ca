"""Makes the manual pages and the shells' completions from what the programs say with --help, and jitd.conf's page from the file as it is
installed: one text each.

usage: manual.py DIRECTORY JITD.CONF PROGRAM..."""

import re
import subprocess
import sys
from pathlib import Path

SECTIONS = {"jitd": 8, "jitd-worker": 8, "jitctl": 1, "jitd-cc": 1}
ABOUT = {"jitd": "compiler daemon for Python classes", "jitd-worker": "compiler process of jitd", "jitctl": "asks the jitd daemon",
         "jitd-cc": "compiles Python files as jitd does, and shows each stage"}
SEE = {"jitd": ["jitctl(1)", "jitd.conf(5)", "jitd-worker(8)"], "jitd-worker": ["jitd(8)"], "jitctl": ["jitd(8)"], "jitd-cc": ["jitd(8)"]}


class Help:
    """The text of --help: a usage line, prose, and entries of two blanks, a word, and what it is for."""

    def __init__(self, program: Path):
        self.name = program.name
        self.version = self.ask(program, "--version").split("(")[0].strip()
        lines = self.ask(program, "--help").splitlines()
        self.usage = lines[0].partition("usage: ")[2]
        self.prose: list[str] = []
        self.entries: list[list[str]] = []  # word, what it takes, help
        for line in lines[1:]:
            entry = re.match(r"  (\S+)\s+(?:([A-Z][A-Z.]*|\[\S+\]|[a-z]+\|\S+)\s+)?(.*)$", line)
            if entry:
                self.entries.append([entry[1], entry[2] or "", entry[3] or ""])
            elif line.startswith("   ") and self.entries:
                self.split_entry(line)
            else:
                self.prose.append(line.strip())

    def split_entry(self, line: str) -> None:
        """A line that goes on with the entry before it."""
        self.entries[-1][2] += " " + line.strip()

    @staticmethod
    def ask(program: Path, option: str) -> str:
        return subprocess.run([program, option], capture_output=True, text=True, check=True).stdout

    def options(self) -> list[list[str]]:
        return [e for e in self.entries if e[0].startswith("--")]

    def commands(self) -> list[list[str]]:
        return [e for e in self.entries if not e[0].startswith("--")]


def roff(text: str) -> str:
    """Plain text as roff: nothing in it is a request or an escape."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text.startswith((".", "'")) else text


def page(h: Help) -> str:
    lines = [f'.TH {h.name.upper()} {SECTIONS[h.name]} "" "{h.version}"', ".SH NAME", f"{roff(h.name)} \\- {ABOUT[h.name]}", ".SH SYNOPSIS", roff(h.usage)]
    if any(h.prose):
        lines += [".SH DESCRIPTION", *map(roff, h.prose)]
    for title, entries in (("COMMANDS", h.commands()), ("OPTIONS", h.options())):
        if entries:
            lines += [f".SH {title}"]
        for word, takes, text in entries:
            lines += [".TP", f"\\fB{roff(word)}\\fR {roff(takes)}".rstrip(), roff(text)]
    return "\n".join([*lines, ".SH SEE ALSO", ", ".join(SEE[h.name])]) + "\n"


class Conf:
    """A file of comments: prose, settings that show the defaults ("#name = value" below what it is), and at the end an example."""

    def __init__(self, path: Path):
        above, _, example = path.read_text().partition("# For example:\n")
        self.example = [line.removeprefix("#") for line in example.splitlines()]
        self.prose: list[str] = []
        self.settings: list[tuple[str, str, str]] = []  # name, default, what it is
        words: list[str] = []
        for line in above.splitlines():
            setting = re.fullmatch(r"#([a-z-]+) = (.+)", line)
            if setting:
                self.settings.append((setting[1], setting[2], " ".join(words).removesuffix(":") + "."))
            elif line.startswith("# "):
                words.append(line[2:])
                continue
            elif words:
                self.prose.append(" ".join(words))
            words = []


def conf_page(conf: Conf, version: str) -> str:
    lines = [f'.TH JITD.CONF 5 "" "{version}"', ".SH NAME", "jitd.conf \\- limits of users and namespaces", ".SH SYNOPSIS", "/etc/jitd/jitd.conf", ".SH DESCRIPTION"]
    for text in conf.prose:
        lines += [roff(text), ".PP"]
    lines[-1] = ".SH SETTINGS"
    for name, default, text in conf.settings:
        lines += [".TP", f"\\fB{roff(name)}\\fR = {roff(default)}", roff(text)]
    return "\n".join([*lines, ".SH EXAMPLE", ".nf", *map(roff, conf.example), ".fi", ".SH SEE ALSO", "jitd(8), jitctl(1)"]) + "\n"


def bash(helps: list[Help]) -> str:
    text = "# Completion of jitd's programs for bash, made by contrib/manual.py.\n"
    for h in helps:
        function = "_" + h.name.replace("-", "_")
        words = " ".join(e[0] for e in h.commands() + h.options())
        text += f"""{function}() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}}
    case $before in
        --socket | --worker | --cache-dir | --state-dir | --log | --config) COMPREPLY=($(compgen -f -- "$word")) ;;
        purge) COMPREPLY=($(compgen -W "namespace cache" -- "$word")) ;;
        log) COMPREPLY=($(compgen -W "follow" -- "$word")) ;;
        *) COMPREPLY=($(compgen -W "{words}" -- "$word")) ;;
    esac
}}
complete -F {function} {h.name}
"""
    return text


def quoted(text: str) -> str:
    return text.replace("'", "'\\''").replace("[", "(").replace("]", ")").replace(":", "\\:")


def zsh(h: Help) -> str:
    options = "".join(f" \\\n    '{e[0]}[{quoted(e[2])}]{':' + e[1] + ':' if e[1] else ''}'" for e in h.options())
    text = f"#compdef {h.name}\n# Made by contrib/manual.py.\n"
    if not h.commands():
        return text + f"_arguments{options} \\\n    '*:file:_files'\n"
    commands = "\n".join(f"    '{e[0]}:{quoted(e[2])}'" for e in h.commands())
    return text + f"local -a commands\ncommands=(\n{commands}\n)\n_arguments{options} \\\n    '1:command:{{_describe command commands}}' \\\n    '2:argument:'\n"


def fish(h: Help) -> str:
    text = "# Made by contrib/manual.py.\n"
    for word, takes, what in h.options():
        quiet = what.replace("\\", "\\\\").replace("'", "\\'")
        text += f"complete -c {h.name} -l {word[2:]} {'-r ' if takes else ''}-d '{quiet}'\n"
    for word, _takes, what in h.commands():
        quiet = what.replace("\\", "\\\\").replace("'", "\\'")
        text += f"complete -c {h.name} -n __fish_use_subcommand -f -a {word} -d '{quiet}'\n"
    return text


def main() -> None:
    directory, conf, helps = Path(sys.argv[1]), Conf(Path(sys.argv[2])), [Help(Path(p).resolve()) for p in sys.argv[3:]]
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "jitd.conf.5").write_text(conf_page(conf, helps[0].version))
    for h in helps:
        (directory / f"{h.name}.{SECTIONS[h.name]}").write_text(page(h))
        (directory / f"_{h.name}").write_text(zsh(h))
        (directory / f"{h.name}.fish").write_text(fish(h))
    (directory / "jitd.bash").write_text(bash(helps))


if __name__ == "__main__":
    main()
