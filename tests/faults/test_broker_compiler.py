"""The daemon with the real compiler process: published, remembered, killed at any time, out of time, out of memory."""

import os
import random
import signal
import time

import msgpack
import pytest
from broker_harness import BUILD, COMPILE, DUMP, STATS, Daemon, Refused, key, processor_time, until

WORKER = BUILD / "server" / "worker" / "jitd-worker"


def unit(source, name="f", salt=""):
    params = [["a", "int", None, "any"], ["b", "int", None, "any"]]
    func = {"name": name, "kind": "function", "line": 1, "source": source, "params": params, "globals": {}}
    return msgpack.packb({
        "name": f"m.{name}", "key": key(source + salt), "python": [3, 11],
        "options": {"overflow": "python", "fastmath": False, "boundscheck": True},
        "defs": [{"kind": "function", "key": key(source), "name": f"m.{name}", "file": "m.py", "funcs": [func]}],
        "entries": [[0, name, None]]})


def long_source(statements):
    return "def f(a, b):\n" + "".join(f"    a = a * {i} + b // (a | {i + 1})\n" for i in range(statements)) + "    return a\n"


def many_functions(count, statements):
    """Each no longer than the compiler takes, together more work than it has time or memory for."""
    params = [["a", "int", None, "any"], ["b", "int", None, "any"]]
    defs, entries = [], []
    for i in range(count):
        source = long_source(statements).replace("def f(", f"def f{i}(")
        func = {"name": f"f{i}", "kind": "function", "line": 1, "source": source, "params": params, "globals": {}}
        defs.append({"kind": "function", "key": key(source), "name": f"m.f{i}", "file": "m.py", "funcs": [func]})
        entries.append([i, f"f{i}", None])
    return msgpack.packb({"name": "m.f0", "key": key(str((count, statements))), "python": [3, 11], "defs": defs, "entries": entries,
                          "options": {"overflow": "python", "fastmath": False, "boundscheck": True}})


def start(*arguments, **more):
    return Daemon(*arguments, worker=WORKER, **more)


def test_compiled_once_and_remembered():
    source = unit("def f(a, b):\n    return a + b\n")
    fingerprint = msgpack.unpackb(source)["key"]
    with start() as d:
        with d.client() as c:
            answer = c.ask(COMPILE, unit=source)
            meta = msgpack.unpackb(answer["meta"])
            assert [e[:4] for e in meta["entries"]] == [[0, "f", ["int", "int"], "int"]]
            assert "define" in c.ask(DUMP, key=fingerprint, what="ir")["text"]
            assert "ret" in c.ask(DUMP, name="m.f", what="asm")["text"]
            stats = c.ask(STATS)
            assert stats["machine"]["compilations"] == 1
            assert {"parse", "infer", "emit", "optimise", "codegen", "link"} <= set(stats["passes"])
            assert stats["machine"]["resident_bytes"] < 10 << 20
            assert 0 < stats["machine"]["workers_resident_bytes"] < 50 << 20
        assert d.stop() == 0
        d.start()
        with d.client() as c:
            assert c.lookup(fingerprint) == [answer]
            assert c.stats()["compilations"] == 0


def seconds_of(call, *arguments, **more):
    start = time.monotonic()
    call(*arguments, **more)
    return time.monotonic() - start


def kill_compilers(d):
    """What the daemon gives them afterwards, they have no part in."""
    killed = d.workers()
    for worker in killed:
        os.kill(worker, signal.SIGKILL)
    until(lambda: not set(killed) & set(d.workers()))


def test_killed_at_any_time():
    """SIGKILL after a random part of a compilation: somebody else did that, so the unit is compiled by another one, and so is the next."""
    rng = random.Random(11)
    with start() as d, d.client() as c:
        whole = min(seconds_of(c.ask, COMPILE, unit=unit(long_source(60), salt=f"whole {i}")) for i in range(3))
        for i in range(1000):
            request = c.send(COMPILE, unit=unit(long_source(60), salt=str(i)))
            time.sleep(rng.random() * 1.5 * whole)
            kill_compilers(d)
            assert c.wait(request)["meta"]
            assert c.ask(COMPILE, unit=unit(f"def f(a, b):\n    return a - {i}\n"))["meta"]
            if i >= 20 and c.stats()["worker_restarts"] > 5:
                break
        stats = c.stats()
        assert stats["worker_restarts"] > 5 and stats["jobs_failed"] == 0


SMALL, OTHER = "def f(a, b):\n    return a\n", "def f(a, b):\n    return b\n"


def test_out_of_time():
    """The compiler loops for ever on this unit (by its test hook); the deadline ends it, and the next daemon compiles it."""
    with start("--deadline", 2, env={"JITD_TEST_FAULT": "optimise:stall"}) as d, d.client() as c:
        with pytest.raises(Refused) as caught:
            c.ask(COMPILE, unit=unit(SMALL))
        assert caught.value.code == "worker" and "deadline" in caught.value.message
    with start() as d, d.client() as c:
        assert c.ask(COMPILE, unit=unit(SMALL))["meta"]


def test_out_of_memory():
    with start("--memory", 192 << 20, env={"JITD_TEST_FAULT": "optimise:memory"}) as d, d.client() as c:
        for source in (SMALL, OTHER):
            with pytest.raises(Refused) as caught:
                c.ask(COMPILE, unit=unit(source))
            assert caught.value.code == "worker" and "memory" in caught.value.message


def test_others_are_served_while_it_compiles():
    """It compiles a unit for ever, by its test hook."""
    with start(env={"JITD_TEST_FAULT": "optimise:stall"}) as d, d.client() as c, d.client("bystander") as bystander:
        c.send(COMPILE, unit=unit(SMALL))
        until(lambda: any(processor_time(worker) > 0.1 for worker in d.workers()))
        for _ in range(100):
            assert bystander.stats()["jobs_waiting"] == 1
