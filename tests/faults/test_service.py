"""The daemon as a service: its log and levels, the configuration file and SIGHUP, what it tells a service manager, --version."""

import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
from broker_harness import BUILD, COMPILE, GROW, HERE, JITD, PATIENCE, Daemon, Refused, unit, until

PROGRAMS = {"jitd": JITD, "jitd-worker": BUILD / "server/worker/jitd-worker", "jitd-cc": BUILD / "server/tool/jitd-cc",
            "jitctl": BUILD / "client/cli/jitctl"}


@pytest.mark.parametrize("name", PROGRAMS)
def test_version_and_help(name):
    run = subprocess.run([PROGRAMS[name], "--version"], capture_output=True, text=True)
    assert run.returncode == 0 and re.fullmatch(rf"{name} \d+\.\d+\.\d+ \(.*\)\n", run.stdout), run
    run = subprocess.run([PROGRAMS[name], "--help"], capture_output=True, text=True)
    assert run.returncode == 0 and run.stdout.startswith(f"usage: {name} ") and "--version" in run.stdout


def test_start_and_stop_are_in_the_log():
    with Daemon() as d:
        until(lambda: re.search(r"Z jitd: notice: jitd \S+ serves /\S+: ", d.log.read_text()))  # it listens before it says so
        d.stop()
        assert "notice: SIGTERM: stops, with 0 connections" in d.log.read_text()


def test_the_log_level():
    with Daemon("--log-level", "error") as d:
        d.stop()
        assert not d.log.read_text()


def test_a_log_file_is_opened_again():
    with Daemon() as d:
        d.stop()
        d.arguments += ["--log", str(d.directory / "own")]
        d.start()
        (d.directory / "own").rename(d.directory / "old")
        d.process.send_signal(signal.SIGHUP)
        until(lambda: (d.directory / "own").exists() and "SIGHUP" in (d.directory / "own").read_text())
        assert "serves" in (d.directory / "old").read_text()


def journal():
    """A stream that $JOURNAL_STREAM names, as systemd does for its own."""
    read, write = os.pipe()
    st = os.fstat(write)
    return os.fdopen(read), write, {"JOURNAL_STREAM": f"{st.st_dev}:{st.st_ino}"}


def test_levels_go_to_the_journal():
    lines, stream, env = journal()
    with Daemon() as d:
        d.stop()
        process = subprocess.Popen(d.arguments, stderr=stream, env=d.env | env)
        os.close(stream)
        assert re.match(r"<5>jitd \S+ serves ", lines.readline())
        process.terminate()
        assert lines.readline().startswith("<5>SIGTERM: stops")
        assert process.wait(PATIENCE) == 0
    lines.close()


def configured(d, text):
    (d.directory / "conf").write_text(text)
    d.process.send_signal(signal.SIGHUP)


def test_limits_of_users_and_namespaces():
    uid, mib = os.getuid(), 1 << 20
    with Daemon() as d:
        d.stop()
        (d.directory / "conf").write_text(f"[all]\narena-quota = 1M\n[user {uid} namespace roomy]\narena-quota = 2M\n")
        d.arguments += ["--config", str(d.directory / "conf")]
        d.start()
        for namespace, size in (("small", mib), ("roomy", 2 * mib)):
            with d.client(namespace) as c:
                assert c.ask(GROW, chunks=64)["count"] == size // (256 << 10)
                with pytest.raises(Refused, match="full"):
                    c.ask(GROW, chunks=1)
        assert "refused: the arena is full" in d.log.read_text()
        with d.client("small") as c:
            c.ask(GROW, chunks=64)
            configured(d, "[all]\narena-quota = 3M\n")
            until(lambda: "read again" in d.log.read_text())
            assert c.ask(GROW, chunks=64)["count"] == 8


def test_the_file_that_is_installed():
    """As it is, and with what is commented out in it."""
    source = (HERE.parent.parent / "systemd/jitd.conf").read_text()
    texts = [source, re.sub(r"^#(?=[\[a-z])", "", source, flags=re.M)]
    assert texts[1].count("\n[") == 3
    with Daemon() as d:
        for text in texts:
            d.stop()
            (d.directory / "conf").write_text(text)
            d.arguments += ["--config", str(d.directory / "conf")]
            d.start()


def test_all_arenas_of_a_user():
    """Its namespaces share what it may have; a chunk has 256 KiB."""
    with Daemon() as d:
        d.stop()
        (d.directory / "conf").write_text("arena-quota = 2M\narena-total = 3M\n")
        d.arguments += ["--config", str(d.directory / "conf")]
        d.start()
        with d.client("a") as a, d.client("b") as b:
            assert a.ask(GROW, chunks=64)["count"] == 8
            with pytest.raises(Refused, match="arena-total"):
                b.ask(GROW, chunks=5, whole=True)
            assert b.ask(GROW, chunks=64)["count"] == 4
            with pytest.raises(Refused, match="arena-total"):
                b.ask(GROW, chunks=1)
            with d.client("c", chunks=1) as c:
                assert not c.welcome.get("count"), "a newcomer gets none, and is served"
                with pytest.raises(Refused, match="arena-total"):
                    c.ask(GROW, chunks=1)
            until(lambda: b.stats() and "arena-total" in d.log.read_text())
        with d.client("c") as c:  # the others' are given back with their last clients
            assert until(lambda: c.ask(GROW, chunks=64)["count"]) == 8


def test_compile_seconds_of_a_user():
    with Daemon() as d:
        d.stop()
        (d.directory / "conf").write_text("compile-seconds = 1\n")
        d.arguments += ["--config", str(d.directory / "conf")]
        d.start()
        with d.client() as c, d.client() as other:
            request = c.send(COMPILE, unit=unit("wait gate"))
            until(d.begun)
            time.sleep(1.1)  # at least that is what it takes
            d.open("gate")
            c.wait(request)
            for user in c, other:
                with pytest.raises(Refused, match="compile-seconds"):
                    user.compile("more")
            assert c.compile("wait gate")["meta"] == b"the meta", "what is there is there"
            assert "compile-seconds" in d.log.read_text()
            configured(d, "compile-seconds = 3600\n")
            until(lambda: "read again" in d.log.read_text())
            assert c.compile("more")["meta"] == b"the meta"


def test_connections_of_a_user():
    with Daemon() as d:
        d.stop()
        (d.directory / "conf").write_text("connections = 2\n")
        d.arguments += ["--config", str(d.directory / "conf")]
        d.start()
        with d.client(lives=True), d.client(lives=True):
            assert d.client(hello=False, lives=True).is_dropped()
            assert "too many connections (the limit is 2)" in d.log.read_text()
            program = "import jitd\n@jitd.jitclass\nclass A:\n    x: int\nprint(A(3).x, open('/proc/self/schedstat').read().split()[1])"
            start = time.monotonic()
            run = subprocess.run([sys.executable, "-c", program], env=os.environ | {"JITD_SOCKET": str(d.path)}, capture_output=True, text=True)
            took = time.monotonic() - start
            x, for_a_processor = map(int, run.stdout.split())  # ns, while others had them
            assert x == 3 and "2 processes of this user" in run.stderr and "`connections`" in run.stderr
            assert took - for_a_processor / 1e9 < 4, "it does not wait for what will not come"
            doctor = subprocess.run([BUILD / "client/cli/jitctl", "--socket", d.path, "doctor"], capture_output=True, text=True)
            assert doctor.returncode == 1 and "WRONG" in doctor.stdout and "the setting `connections`" in doctor.stdout


@pytest.mark.parametrize("text, said", [("nonsense", "conf:1: a line is a heading"), ("\nlog-level = loud", "conf:2: log-level is"),
                                        ("[user nobody-there]", "conf:1: there is no such user"), ("[colour red]", "conf:1: a heading is"),
                                        ("arena-quota = 1X", "conf:1: arena-quota must be from"), ("arena-quota = -1", "must be from"),
                                        ("connections = 0", "must be from 1 "), ("speed = 1", "conf:1: there is no such setting"),
                                        ("#" + "x" * 2000, "conf:1: a line has at most")])
def test_a_wrong_file_changes_nothing(text, said):
    with Daemon() as d:
        d.stop()
        d.arguments += ["--config", str(d.directory / "conf")]
        (d.directory / "conf").write_text("log-level = info\n")
        d.start()
        configured(d, text)
        until(lambda: said in d.log.read_text())
        assert "left as it was" in d.log.read_text()
        d.client().close()
        d.stop()
        run = subprocess.run(d.arguments, capture_output=True, text=True, timeout=PATIENCE)  # at the start it is an error
        assert run.returncode == 1 and said in run.stderr and "left as it was" not in run.stderr
        assert not d.path.exists()  # nobody could connect before it was read
        (d.directory / "conf").unlink()
        d.start()  # no file is no mistake: there are the defaults


@pytest.fixture
def manager():
    """A daemon with a service manager's socket: what it says there comes one by one."""
    with Daemon() as d:
        d.stop()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as said:
            said.bind(str(d.directory / "notify"))
            said.settimeout(PATIENCE)
            yield d, said


def test_reloading_is_told(manager):
    d, said = manager
    d.env |= {"NOTIFY_SOCKET": str(d.directory / "notify")}
    d.start()
    assert said.recv(200) == b"READY=1"
    d.process.send_signal(signal.SIGHUP)
    assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=\d+", said.recv(200))
    assert said.recv(200) == b"READY=1"
    d.stop()
    assert said.recv(200) == b"STOPPING=1"


def test_the_watchdog_hears_of_the_event_loop(manager):
    d, said = manager
    d.env |= {"NOTIFY_SOCKET": str(d.directory / "notify"), "WATCHDOG_USEC": "30000"}
    d.start()
    heard = [said.recv(200) for _ in range(6)]
    assert heard.count(b"WATCHDOG=1") == 5
    d.process.send_signal(signal.SIGSTOP)  # it hangs
    said.settimeout(1)
    with pytest.raises(TimeoutError):
        while True:
            assert said.recv(200) == b"WATCHDOG=1"
    d.process.send_signal(signal.SIGCONT)
    said.settimeout(PATIENCE)
    assert said.recv(200) == b"WATCHDOG=1"
