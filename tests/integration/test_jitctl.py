"""jitctl against a real daemon: tables that line up, JSON that parses, errors that help."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "faults"))
from broker_harness import BUILD, Daemon, class_, function, key  # noqa: E402

JITCTL = BUILD / "client" / "cli" / "jitctl"
NASTY = 'Na"st\\y\n\x01é'


def run(*arguments, **environment):
    done = subprocess.run([JITCTL, *map(str, arguments)], capture_output=True, text=True, timeout=600, env=os.environ | environment)
    assert "jitd-test-" not in done.stdout
    return done


@pytest.fixture(scope="module")
def daemon():
    with Daemon() as d, d.client() as c:
        c.compile("m.Point", [class_("Point", [("x", "float"), ("n", "int8")])])
        c.compile("m.Planet", [class_("Planet", [("next", "@0?")])])
        c.compile("m." + NASTY, [class_(NASTY)])
        c.compile("m.spin(int)", [function("spin")])
        yield d


def ask(daemon, *arguments):
    done = run("--socket", daemon.path, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_status(daemon):
    rows = dict(line.split(maxsplit=1) for line in ask(daemon, "status").splitlines())
    assert rows["pid"] == str(daemon.process.pid)
    assert rows["clients"] == "1"
    assert rows["classes"] == "3"
    assert rows["resident_bytes"].endswith("MiB")


def test_status_does_not_count_itself(daemon):
    for _ in range(20):
        ask(daemon, "status")
    machine = json.loads(ask(daemon, "--json", "status"))
    assert machine["clients"] == 1


def test_stats_have_the_passes(daemon):
    text = ask(daemon, "stats")
    counters, passes = text.split("\n\n")
    assert "compilations" in counters
    heading, *rows = passes.splitlines()
    assert heading.split() == ["pass", "count", "total", "max", "last"]
    assert {row.split()[0] for row in rows} == {"lex", "codegen"}
    figures = json.loads(ask(daemon, "--json", "stats"))
    assert figures["passes"]["codegen"]["count"] == figures["machine"]["compilations"] == 4


def test_classes_are_a_table_that_lines_up(daemon):
    classes, functions = ask(daemon, "classes").split("\n\n")
    heading, *rows = classes.splitlines()
    assert heading.split() == ["class", "id", "size", "entries", "code", "compiled", "in", "hits", "key"]
    assert len(rows) == 3 and len({len(row) for row in [heading.ljust(len(rows[0])), *rows]}) == 1
    assert [row.index(key_hex(n)) for n, row in zip(["Point", "Planet"], rows)] == [heading.index("key")] * 2
    assert "m.Na\"st\\y??é" in classes  # nothing that would move the cursor
    assert functions.splitlines()[1].startswith("m.spin(int)")


def key_hex(name):
    return key(name).hex()[:12]


def test_json_is_escaped(daemon):
    found = json.loads(ask(daemon, "classes", "--json"))
    names = {c["name"]: c for c in found["classes"]}
    assert set(names) == {"m.Point", "m.Planet", "m." + NASTY}
    assert names["m.Point"]["key"] == key("Point").hex()
    assert names["m.Point"]["fields"] == [["x", "float", 16], ["n", "int8", 24]]


@pytest.mark.parametrize("name", ["m.Point.norm", "Point.norm"])
def test_ir_and_asm(daemon, name):
    assert ask(daemon, "ir", name) == "ir of norm\n"
    assert ask(daemon, "asm", name) == "asm of norm\n"
    assert json.loads(ask(daemon, "asm", name, "--json")) == {"text": "asm of norm\n"}


@pytest.mark.parametrize("name", ["m.spin(int)", "m.spin", "spin"])
def test_ir_of_a_function(daemon, name):
    assert ask(daemon, "ir", name) == "ir of \n" or ask(daemon, "ir", name) == "ir of None\n"


def test_ir_of_a_whole_class(daemon):
    assert ask(daemon, "ir", "m.Point") == ask(daemon, "ir", "Point")
    assert ask(daemon, "ir", "Point") in ("ir of \n", "ir of None\n")


@pytest.mark.parametrize("given, nearest", [("m.Poimt.norm", "m.Point"), ("Plamet.f", "m.Planet"), ("m.Pointt.x", "m.Point")])
def test_unknown_class_names_the_nearest(daemon, given, nearest):
    done = run("--socket", daemon.path, "ir", given)
    assert done.returncode == 1 and done.stdout == ""
    assert f"the nearest is '{nearest}'" in done.stderr
    assert done.stderr.startswith("jitctl: ") and done.stderr.count("\n") == 1


def test_other_namespace_is_empty(daemon):
    assert ask(daemon, "--namespace", "elsewhere", "classes") == "nothing is compiled in this namespace\n"
    assert ask(daemon, "classes").count("m.Point") == 1
    assert run("classes", JITD_SOCKET=str(daemon.path), JITD_NAMESPACE="elsewhere").stdout.startswith("nothing")


def test_no_daemon_is_said_and_none_is_started(tmp_path):
    for environment in ({"JITD_SOCKET": str(tmp_path / "none")}, {"JITD_SOCKET": "", "XDG_RUNTIME_DIR": str(tmp_path)}):
        done = run("status", JITD_DAEMON=str(BUILD / "server/broker/jitd"), **environment)
        assert done.returncode == 1 and done.stdout == ""
        assert done.stderr.startswith("jitctl: no daemon listens at ")
    assert not list(tmp_path.rglob("*.sock*"))


@pytest.mark.parametrize(
    "arguments, said",
    [
        ([], ""),
        (["nonsense"], "jitctl: there is no command 'nonsense'"),
        (["ir"], "jitctl: ir takes CLASS.METHOD"),
        (["status", "more"], "jitctl: status takes nothing more"),
        (["--bogus", "status"], "unrecognized option '--bogus'"),
    ],
)
def test_wrong_usage(arguments, said):
    done = run(*arguments)
    assert done.returncode == 2 and said in done.stderr and "usage: jitctl" in done.stderr and done.stdout == ""


def test_help():
    assert run("--help").stdout.startswith("usage: jitctl")


def test_full_disk_is_an_error(daemon):
    with open("/dev/full", "w") as full:
        done = subprocess.run([JITCTL, "--socket", daemon.path, "status"], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1


def test_arena(program, own_daemon):
    """Objects by class and by process, as tables, as JSON and as a picture."""
    code = """
import jitd, json, subprocess, sys, os, xml.etree.ElementTree as xml
@jitd.jitclass
class Box:
    v: int
    next: "Box | None" = None
@jitd.jitclass
class Other:
    a: float
boxes = [Box(i) for i in range(1000)]
jitd.publish("b", boxes[0])
other = Other(1.0)
def ctl(*a):
    return subprocess.run([sys.argv[1], *a], capture_output=True, text=True, check=True).stdout
found = json.loads(ctl("--json", "arena"))
classes = {c["name"]: c for c in found["classes"]}
assert classes["__main__.Box"]["objects"] == 1000 and classes["__main__.Box"]["shared"] == 1, classes
assert classes["__main__.Other"]["objects"] == 1
[mine] = [p for p in found["processes"] if p["pid"] == os.getpid()]
assert mine["objects"] == 1001 and mine["state"] == "attached" and found["bytes"] >= mine["chunks"] * found["chunk_bytes"]
assert "__main__.Box" in ctl("arena") and str(os.getpid()) in ctl("arena")
assert 0 <= mine["oldest_seconds"] == classes["__main__.Box"]["oldest_seconds"] < 100, found
ages = {a["age"]: a["objects"] for a in found["ages_of_chunks"]}
assert ages["under 1 min"] + ages["under 1 h"] == 1001 and ages["not known"] == 0, ages
import time
time.sleep(2.1)
new, later = [Box(i) for i in range(20000)], json.loads(ctl("--json", "arena"))
assert {p["pid"]: p for p in later["processes"]}[os.getpid()]["oldest_seconds"] >= 2, later
assert "age of chunks" in ctl("arena")
picture = xml.fromstring(ctl("arena", "--svg"))
assert len(picture.findall("{http://www.w3.org/2000/svg}rect")) == later["bytes"] // found["chunk_bytes"]
print("done")
"""
    assert program(code, JITD_SOCKET=own_daemon.socket).run(JITCTL).stdout == "done\n"
