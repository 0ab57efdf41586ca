"""What operators ask: names, clients, namespaces, log, purge, doctor; manual pages, completions and the dashboard. Who sees what."""

import json
import os
import re
import shutil
import subprocess

import pytest
from broker_harness import BUILD, HERE, PUBLISH, Client, Daemon, Refused, class_
from test_systemd import activated, run_as

JITCTL = BUILD / "client/cli/jitctl"
CONTRIB = HERE.parent.parent / "contrib"
NAMES, CLIENTS, NAMESPACES, LOG, PURGE = range(11, 16)
OBJECT = 1 << 20


def tool(name):
    path = shutil.which(name)
    if not path:
        pytest.skip(f"{name} IS NOT INSTALLED: nothing was checked here")
    return path


@pytest.fixture
def d():
    with Daemon() as daemon, Client(daemon.path, lives=True) as c:
        c.ask(PUBLISH, name="limiter", object=OBJECT)
        c.compile("ok", [class_("C", [("x", "int")])])
        yield daemon


def ctl(d, *arguments, status=0):
    run = subprocess.run([JITCTL, "--socket", d.path, *arguments], capture_output=True, text=True)
    assert run.returncode == status, run.stdout + run.stderr
    return run.stdout + run.stderr


def ctl_json(d, *arguments):
    return json.loads(ctl(d, "--json", *arguments))


def test_names(d):
    assert ctl_json(d, "names") == {"all": 1, "names": [["limiter", OBJECT]]}
    assert re.fullmatch(r"limiter +0x100000\n", ctl(d, "names"))
    assert "nothing is published" in ctl(d, "--namespace", "other", "names")


def test_many_names(d):
    with Client(d.path, "many", lives=True) as c:
        for i in range(5000):
            c.ask(PUBLISH, name=f"n{i}", object=OBJECT)
        assert sorted(line.split()[0] for line in ctl(d, "--namespace", "many", "names").splitlines()) == sorted(f"n{i}" for i in range(5000))


def test_clients(d):
    clients = ctl_json(d, "clients")["clients"]
    [attached] = [c for c in clients if c["state"] == "attached"]
    assert attached["pid"] == os.getpid() and attached["uid"] == os.getuid() and attached["row"] == 1
    assert len([c for c in clients if c["state"] == "observer"]) == 1
    assert str(os.getpid()) in ctl(d, "clients")


def test_namespaces(d):
    [n] = ctl_json(d, "namespaces")["namespaces"]
    assert (n["namespace"], n["clients"], n["names"], n["classes"], n["units"]) == ("default", 1, 1, 1, 1)
    assert n["code_bytes"] <= n["code_quota"] and n["arena_bytes"] <= n["arena_quota"]


def test_log(d):
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} notice  jitd \S+ serves", ctl(d, "log"))
    lines = ctl_json(d, "log")["lines"]
    assert lines[0][1] == "notice" and "serves" in lines[0][2]
    process = subprocess.Popen([JITCTL, "--socket", d.path, "log", "follow"], stdout=subprocess.PIPE, text=True)
    assert "serves" in process.stdout.readline()
    with Client(d.path, hello=False) as c:
        c.socket.sendall(b"\xff\xff\xff\xff")
        assert c.is_dropped()
    assert "its message is too large" in process.stdout.readline()
    process.kill()
    process.wait()


def test_top_is_once_where_nobody_looks(d):
    said = ctl(d, "top")
    assert "1 clients, 1 namespaces" in said and "attached" in said


def test_purge(d):
    assert "the namespace is in use" in ctl(d, "purge", "namespace", status=1)
    with Client(d.path, "gone") as c:
        c.ask(PUBLISH, name="n", object=OBJECT)
    assert ctl_json(d, "--namespace", "gone", "names")["all"] == 1
    assert "is forgotten" in ctl(d, "--namespace", "gone", "purge", "namespace")
    assert ctl_json(d, "--namespace", "gone", "names")["all"] == 0
    assert "there is no such namespace" in ctl(d, "--namespace", "gone", "purge", "namespace", status=1)
    assert len(list(d.cache.glob("*.img"))) == 1
    assert "files of the disk cache removed" in ctl(d, "purge", "cache") and not list(d.cache.glob("*.i??"))
    assert "what to purge" in ctl(d, "purge", "everything", status=1)


def test_doctor(d):
    assert "a daemon answers" in ctl(d, "doctor", *[]) or "WRONG" in ctl(d, "doctor", status=1)
    run = subprocess.run([JITCTL, "doctor"], capture_output=True, text=True, env=os.environ | {"JITD_DISABLE": "1", "JITD_SOCKET": "/nonexistent"})
    assert run.returncode == 1 and "WRONG JITD_DISABLE is set" in run.stdout and "-> unset it" in run.stdout
    assert "no daemon listens" in run.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="NEEDS ROOT to become several users")
def test_users_see_their_own(d):
    d.directory.chmod(0o755)
    with activated(d) as (path, _process), Client(path, "mine", lives=True) as c:
        c.ask(PUBLISH, name="secret", object=OBJECT)

        def stranger():
            with Client(path, "mine", observe=True) as o:
                try:
                    o.ask(PURGE, what="cache")
                except Refused as e:
                    refused = e.message
                return json.dumps([o.ask(NAMES), o.ask(NAMESPACES), [p["uid"] for p in o.ask(CLIENTS)["clients"]], o.ask(LOG)["lines"], refused])

        names, namespaces, uids, lines, refused = json.loads(run_as(12345, stranger))
        assert (names["names"], namespaces["namespaces"], uids, lines) == ([], [], [12345], [])
        assert "only root" in refused
        with Client(path, observe=True) as o:
            assert {n["namespace"] for n in o.ask(NAMESPACES)["namespaces"]} == {"mine"}  # root sees all


def test_the_dashboard_asks_for_what_there_is(d):
    dashboard = json.loads((CONTRIB / "grafana-jitd.json").read_text())
    there = set(re.findall(r"^# TYPE (\S+)", ctl(d, "metrics"), re.M))
    asked = {name for p in dashboard["panels"] for t in p["targets"] for name in re.findall(r"jitd_\w+", t["expr"])}
    assert asked and asked <= there, asked - there


# ---- manual pages and completions ----

PAGES = ["jitd.8", "jitd-worker.8", "jitctl.1", "jitd-cc.1", "jitd.conf.5"]


@pytest.mark.parametrize("page", PAGES)
def test_manual(page):
    text = (BUILD / "contrib" / page).read_text()
    assert text.startswith(".TH ") and ".SH NAME" in text and ".SH SEE ALSO" in text
    run = subprocess.run([tool("groff"), "-man", "-Tascii", "-ww", BUILD / "contrib" / page], capture_output=True, text=True)
    assert run.returncode == 0 and not run.stderr, run.stderr


def test_every_command_and_option_is_in_the_manual():
    for program, page in ((JITCTL, "jitctl.1"), (BUILD / "server/broker/jitd", "jitd.8")):
        said = subprocess.run([program, "--help"], capture_output=True, text=True).stdout
        text = (BUILD / "contrib" / page).read_text().replace("\\-", "-")
        for word in re.findall(r"^  (\S+)", said, re.M):
            assert f"\\fB{word}\\fR" in text, word


def test_every_setting_is_in_its_manual():
    text = (BUILD / "contrib/jitd.conf.5").read_text().replace("\\-", "-")
    known = re.findall(r'^    \{"([a-z-]+)", offsetof', (HERE.parents[1] / "server/broker/config.c").read_text(), re.M)
    assert len(known) >= 5
    for name in [*known, "log-level"]:
        assert re.search(rf"^\.TP\n\\fB{name}\\fR = \S.*\n\S+ \S+", text, re.M), name


@pytest.mark.parametrize("line, offers", [("jitctl na", ["names", "namespaces"]), ("jitctl purge c", ["cache"]), ("jitd --arena", ["--arena-quota"])])
def test_bash_completion(line, offers):
    words = line.split()
    script = f'source {BUILD}/contrib/jitd.bash; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _{words[0]}; echo "${{COMPREPLY[@]}}"'
    run = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert run.stdout.split() == offers, run.stderr


@pytest.mark.parametrize("shell, file", [("zsh", "_jitctl"), ("zsh", "_jitd"), ("fish", "jitctl.fish"), ("fish", "jitd.fish")])
def test_other_shells_understand_theirs(shell, file):
    run = subprocess.run([tool(shell), "-n", BUILD / "contrib" / file], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
