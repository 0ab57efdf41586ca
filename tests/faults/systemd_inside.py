"""Runs under the systemd of systemd_pid1: each case of CASES, one line of JSON for each: {"case", "wrong": null or why, ...}."""

import json
import os
import signal
import subprocess
import sys
import time
import traceback

from broker_harness import FIND, PATIENCE, PUBLISH, Client, until

SOCKET = "/run/jitd/jitd.sock"
OBJECT = 1 << 20


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    return (result.stdout + result.stderr).strip()


def connect(namespace="default", **more):
    def attempt():
        try:
            return Client(SOCKET, namespace, lives=True, timeout=PATIENCE, **more)
        except (OSError, EOFError):
            return None

    return until(attempt)


def inode(client):
    st = os.fstat(client.fds[0])
    return [st.st_dev, st.st_ino]


def kept(change):
    """What a client has before `change` is what it and a newcomer have after it."""
    with connect("kept") as old:
        old.ask(PUBLISH, name="x", object=OBJECT)
        pid = old.stats()["pid"]
        change(pid)
        until(lambda: main_pid() not in (0, pid))
        with connect("kept") as new, connect("kept", arena=inode(old), row=old.welcome["row"]) as back:
            assert inode(new) == inode(back) == inode(old), "another arena"
            assert new.ask(FIND, name="x")["object"] == OBJECT, "the name is lost"
            assert new.stats()["pid"] != pid


def main_pid():
    return int(run("systemctl", "show", "-P", "MainPID", "jitd.service"))


def in_a_process(function, *arguments):
    """What it gives in a process of its own: one may lose 256 connections."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            answer = [function(*arguments), None]
        except BaseException:
            answer = [None, traceback.format_exc()]
        os.write(write, json.dumps(answer).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as f:
        answer, wrong = json.load(f)
    os.waitpid(pid, 0)
    assert not wrong, wrong
    return answer


def killed(namespace, times):
    """How long it takes each time until a client has what there was, in ms. These clients take nothing back from the dead, whose rows are not
    free again, of which a namespace has 1,000."""
    back = []
    with connect(namespace) as c:
        c.ask(PUBLISH, name="x", object=OBJECT)
    for _ in range(times):
        with connect(namespace) as c:
            pid = c.stats()["pid"]
        os.kill(pid, signal.SIGKILL)
        start = time.monotonic()
        with connect(namespace) as c:
            assert c.ask(FIND, name="x")["object"] == OBJECT, "the name is lost"
        back.append((time.monotonic() - start) * 1000)
    return back


def case_kills():
    """More deaths than systemd's own limits allow, and nobody but systemd has the arena."""
    wanted, back = int(os.environ.get("JITD_KILLS", "12")), []
    while len(back) < wanted:
        back += in_a_process(killed, f"quiet {len(back)}", min(100, wanted - len(back)))
    back.sort()
    assert run("systemctl", "is-active", "jitd.service", "jitd.socket") == "active\nactive"
    return {"p50_ms": back[len(back) // 2], "p99_ms": back[int(len(back) * 0.99)]}


def case_kill_with_clients():
    kept(lambda pid: os.kill(pid, signal.SIGKILL))


def case_restart():
    kept(lambda pid: run("systemctl", "restart", "jitd.service"))


def case_stop_and_start():
    """systemd closes its store; the client hands the arena back."""
    with connect("stopped") as old:
        old.ask(PUBLISH, name="x", object=OBJECT)
        run("systemctl", "stop", "jitd.service")
        code = ("import jitd, sys\n@jitd.jitclass\nclass A:\n    v: int\n    def get(self) -> int:\n        return self.v\n"
                "a = A(5)\nassert a.get() == 5\nassert jitd.stats()['machine']['workers_resident_bytes'] > 1 << 20\njitd.publish('a', a)\nprint('ready', flush=True)\nsys.stdin.readline()\n"
                "jitd.publish('b', a)\nassert jitd.lookup('a') is a and jitd.stats()['process']['connected']\nprint('good')")
        env = os.environ | {"JITD_NAMESPACE": "program"}
        p = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
        assert p.stdout.readline() == "ready\n", p.stderr.read()
        run("systemctl", "stop", "jitd.service")
        out, err = p.communicate("\n", timeout=PATIENCE)
        assert out == "good\n", err


def case_hang():
    def stop(pid):
        os.kill(pid, signal.SIGSTOP)

    kept(stop)


def case_compiler_is_known_again():
    """Else each daemon starts one to ask it who it is, and what is looked up waits for that."""

    def known():
        with connect("known") as c:
            figures = c.stats()
        if figures["workers"]:
            time.sleep(0.3)  # it may say so now
            os.kill(figures["pid"], signal.SIGKILL)
        return not figures["workers"]

    until(known)


def case_reload():
    with connect("reload") as c:
        pid = c.stats()["pid"]
        with open("/run/jitd.conf", "w") as f:
            f.write("[all]\nconnections = 3\n")
        os.chmod("/run/jitd.conf", 0o644)
        said = run("systemctl", "reload", "jitd.service")
        assert not said and main_pid() == pid, said
        with connect("reload"), connect("reload"):
            turned_away = Client(SOCKET, hello=False, lives=True)
            assert turned_away.is_dropped()
    os.unlink("/run/jitd.conf")
    run("systemctl", "reload", "jitd.service")


def scraped():
    return run("curl", "-sS", "--fail", "--unix-socket", "/run/jitd/metrics.sock", "http://jitd/metrics")


def case_scraped():
    """More often than systemd lets a unit be started by default; the namespaces of all users are in it."""
    said = run("systemctl", "start", "jitd-metrics.socket")
    assert not said, said
    with connect("scraped"):
        for _ in range(30):
            assert 'jitd_namespace_clients{uid="0",namespace="scraped"} 1\n' in scraped(), scraped() + run("systemctl", "list-units", "--all", "jitd*")
    run("systemctl", "stop", "jitd.service")
    assert "jitd_uptime_seconds" in scraped(), "the daemon is not started for it"
    assert "failed" not in run("systemctl", "list-units", "--all", "--plain", "jitd*")


CASES = {name[5:]: f for name, f in list(globals().items()) if name.startswith("case_")}


def main():
    os.makedirs("/run/jitd", exist_ok=True)
    os.chmod("/run/jitd", 0o755)
    said = run("systemctl", "start", "jitd.socket")
    for name in sys.argv[1:] or CASES:
        wrong, figures = said or None, None
        try:
            if not wrong:
                figures = CASES[name]()
        except BaseException:
            wrong = traceback.format_exc() + run("systemctl", "status", "jitd.service", "jitd.socket") + "\n" + run("cat", "/run/jitd.log")
        print(json.dumps({"case": name, "wrong": wrong} | (figures or {})), flush=True)


if __name__ == "__main__":
    main()
