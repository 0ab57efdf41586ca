"""The daemon against bad peers, bad compiler processes and its own life, with a compiler process of the tests' own."""

import json
import mmap
import os
import random
import resource
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgpack
import pytest
from broker_harness import (BUILD, CLASSES, COMPILE, DEATH, DUMP, ERROR, FIND, GROW, HELD, HELLO, JITD, LOOKUP, PATIENCE, PUBLISH, REAP, REPLY,
                            SEGMENT, STATS, VERSION, Client, Daemon, Refused, class_, frame, function, is_served, key, processor_time,
                            unit, until)
from fake_worker import CODE, LIES


@pytest.fixture
def daemon():
    with Daemon() as d:
        yield d
        assert d.process.poll() is None, d.log.read_text()


def refused(call, *arguments, **more):
    with pytest.raises(Refused) as caught:
        call(*arguments, **more)
    return caught.value


# ---- the way of data ----


def test_compile_publishes_code_for_everybody(daemon):
    with daemon.client() as a, daemon.client() as b:
        defs = [class_("P", [("x", "float"), ("next", "@0?")]), function("f")]
        answer = a.compile("ok", defs)
        assert answer["meta"] == b"the meta" and answer["class_id"] == 1
        assert answer["classes"] == [[key("P"), 1], None]
        assert b.lookup(key("ok"), key("nothing")) == [answer, None]
        arena, table, segment = b.fds
        offset, size = b.welcome["segments"][0]
        code = mmap.mmap(segment, size, mmap.MAP_SHARED, mmap.PROT_READ)
        image = bytearray(CODE)
        image[100:104] = struct.pack("<i", 5 * 8 - 4 - (offset + 100))
        image[200:204] = struct.pack("<i", 0 * 8 - 8 - (offset + 200))
        image[300:308] = struct.pack("<II", 1, 0)
        assert code[: len(image)] == bytes(image)
        assert os.fstat(arena).st_size == b.welcome["arena_size"]
        assert os.fstat(table).st_size == b.welcome["table_size"]


def test_no_fd_given_out_can_be_mapped_writable_but_the_arena(daemon):
    with daemon.client() as c:
        arena, table, segment = c.fds
        mmap.mmap(arena, 4096, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        for fd in (table, segment):
            with pytest.raises(PermissionError):
                mmap.mmap(fd, 4096, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
            with pytest.raises(OSError):
                os.write(fd, b"x")
            with pytest.raises(OSError):
                os.ftruncate(fd, 0)


def test_one_compilation_for_equal_requests_at_once(daemon):
    clients = [daemon.client() for _ in range(8)] + [daemon.client("other")]
    requests = [c.send(COMPILE, unit=unit("wait gate")) for c in clients]
    with daemon.client(observe=True) as observer:
        until(lambda: observer.stats()["single_flight_joins"] == 8)
    daemon.open("gate")
    answers = [c.wait(request) for c, request in zip(clients, requests)]
    assert all(a == answers[0] for a in answers[:8])
    assert clients[0].stats()["compilations"] == 1
    for c in clients:
        c.close()


def test_a_peer_that_leaves_takes_nobody_along(daemon):
    with daemon.client() as stays, daemon.client() as leaves:
        leaves.send(COMPILE, unit=unit("wait gate"))
        until(daemon.begun)
        request = stays.send(COMPILE, unit=unit("wait gate"))
        assert stays.stats()["single_flight_joins"] == 1
        leaves.close()
        until(lambda: stays.stats()["clients"] == 1)
        daemon.open("gate")
        assert stays.wait(request)["meta"] == b"the meta"
        assert stays.stats()["compilations"] == 1


def test_tenants_do_not_see_each_other(daemon):
    with daemon.client("one") as a, daemon.client("two") as b:
        a.compile("ok")
        a.ask(PUBLISH, name="sun", object=64)
        assert b.lookup(key("nothing")) == [None]
        assert b.ask(FIND, name="sun") == {"object": 0}
        assert b.ask(CLASSES)["classes"] == []
        assert os.fstat(a.fds[0]).st_ino != os.fstat(b.fds[0]).st_ino


def test_names(daemon):
    with daemon.client() as c:
        assert c.ask(PUBLISH, name="sun", object=64) == {"old": 0}
        assert c.ask(PUBLISH, name="sun", object=128) == {"old": 64}
        assert c.ask(FIND, name="sun") == {"object": 128}
        assert c.ask(PUBLISH, name="sun", object=0) == {"old": 128}
        assert c.ask(FIND, name="sun") == {"object": 0}
        assert refused(c.ask, PUBLISH, name="x" * 1025, object=64).code == "malformed"
        assert refused(c.ask, PUBLISH, name="x", object=2**63).code == "malformed"
        assert c.ask(FIND, name="x" * 5000) == {"object": 0}


def test_classes_and_dump(daemon):
    with daemon.client() as c:
        c.compile("ok", [class_("P", [("x", "float"), ("flag", "bool"), ("next", "@0?"), ("other", "@1")]), class_("Q")])
        c.compile("special", [class_("P", [("x", "float"), ("flag", "bool"), ("next", "@0?"), ("other", "@1")]), class_("Q")])
        p, q = sorted(c.ask(CLASSES)["classes"], key=lambda x: x["class_id"])
        assert (p["name"], p["file"], p["class_id"], p["size"]) == ("m.P", "m.py", 1, 48)
        assert p["fields"] == [["x", "float", 16], ["flag", "bool", 24], ["next", "@1?", 32], ["other", "@2", 40]]
        assert p["units"] == [key("ok"), key("special")] and q["units"] == []
        assert (p["entries"], p["code_bytes"], p["compile_us"]) == (4, 1024, 1022)
        assert c.ask(DUMP, name="m.P", what="ir", method="norm")["text"] == "ir of norm"
        assert c.ask(DUMP, key=key("ok"), what="asm")["text"] == "asm of None"
        assert refused(c.ask, DUMP, name="m.Nobody", what="ir").code == "unknown"
        assert refused(c.ask, DUMP, name="m.P", what="image").code == "malformed"
        c.compile("fun", [function("f")])
        assert [f["name"] for f in c.ask(CLASSES)["functions"]] == ["fun"]
        passes = c.ask(STATS)["passes"]
        assert passes["codegen"] == {"count": 3, "total_us": 1500, "max_us": 500, "last_us": 500}


def test_a_class_key_stands_for_one_layout(daemon):
    with daemon.client() as c:
        c.compile("ok", [class_("P", [("x", "float")])])
        changed = [class_("P", [("x", "float"), ("y", "float")])]
        assert refused(c.compile, "ok again", changed).code == "malformed"


def test_segments_are_announced_before_they_are_needed():
    with Daemon("--segment-size", 65536) as d, d.client() as a, d.client() as b, d.client("other") as stranger:
        for i in range(10):
            a.compile("big 60000", salt=i)
        a.events = [e for e in a.events if e[0] != HELD]
        assert [e[0] for e in a.events] == [SEGMENT] * 9
        assert [e[1]["offset"] for e in a.events] == [65536 * (i + 2) for i in range(9)]
        assert len(a.fds) == 3 + 9
        b.stats()
        assert len(b.events) == 9 and len(b.fds) == 12
        stranger.stats()
        assert stranger.events == []
        with d.client() as late:
            assert len(late.welcome["segments"]) == 10 and len(late.fds) == 12
        for i in range(10, 31):
            a.compile("big 60000", salt=i)
        assert refused(a.compile, "big 60000", salt=31).code == "quota"
        assert refused(a.compile, "big 70000").code == "worker"


def test_observer_takes_no_row_and_makes_no_tenant(daemon):
    with daemon.client("ghost", observe=True) as c:
        assert c.welcome["row"] == 0 and c.fds == []
        assert c.ask(CLASSES)["classes"] == [] and c.lookup(key("x")) == [None]
        assert c.stats()["tenants"] == 0 and c.stats()["clients"] == 0
        assert refused(c.compile, "ok").code == "malformed"
        assert refused(c.ask, GROW, chunks=1).code == "malformed"


# ---- deaths of clients ----


def until_left(daemon, clients):
    """Waits until the daemon has seen all but so many leave."""
    with daemon.client("nobody's", observe=True) as observer:  # in a namespace that is used it would keep it
        until(lambda: observer.stats()["clients"] == clients)


def events(*clients):
    """What they have been told by now."""
    for c in clients:
        c.stats()
    return [event for c in clients for event in c.events]


def test_a_death_is_told_to_a_live_client(daemon):
    a, b, c = (daemon.client() for _ in range(3))
    rows = [client.welcome["row"] for client in (a, b)]
    a.close()
    assert until(lambda: events(b)) == [(DEATH, {"row": rows[0]})]
    b.close()
    until(lambda: len(events(c)) == 2)
    assert sorted(e[1]["row"] for e in c.events) == sorted(rows)
    assert c.ask(REAP, row=rows[0]) == {} and c.ask(REAP, row=rows[0]) == {}
    c.close()


def test_who_asks_is_told_of_a_death_that_a_sleeper_was_told_of(daemon):
    """Once: an event for each request would be for the living what the dead are."""
    with daemon.client(), daemon.client() as awake, daemon.client() as too:
        with daemon.client() as a:
            row = a.welcome["row"]
        for client in (awake, too):
            until(lambda: events(client))
            assert events(client) == [(DEATH, {"row": row})]
        awake.ask(REAP, row=row)
        with daemon.client() as newcomer:
            assert events(newcomer) == []


def test_the_next_client_hears_of_deaths_nobody_saw(daemon):
    a = daemon.client()
    a.ask(PUBLISH, name="keeps the arena", object=64)
    a.close()
    until_left(daemon, 0)
    with daemon.client() as b:
        assert until(lambda: events(b)) == [(DEATH, {"row": a.welcome["row"]})]


def test_a_lost_connection_is_no_death(daemon):
    """A process that closes its descriptors, or is dropped, still uses its memory: its row is dead when it is."""
    (read, write), (tested, ended) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ended)
        c = Client(daemon.path, lives=True)
        c.socket.close()
        os.write(write, bytes([c.welcome["row"]]))
        os.read(tested, 1)  # until it is killed, or the test is over
        os._exit(0)
    with daemon.client() as b:
        row = os.read(read, 1)[0]
        until(lambda: b.stats()["clients"] == 1)
        assert events(b) == []
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert until(lambda: events(b)) == [(DEATH, {"row": row})]
    for fd in (read, write, tested, ended):
        os.close(fd)


def test_one_process_that_connects_again_and_again_takes_no_more_than_its_part(daemon):
    """Each connection that it loses leaves a row and a descriptor behind, until it ends. Others of the same namespace are served."""
    (read, write), (tested, ended) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ended)
        n = 0
        try:
            for n in range(2000):
                Client(daemon.path, "default" if n % 2 else "other", lives=True).close()
        except Refused as e:
            os.write(write, f"{n} {e.code}".encode())
        os.read(tested, 1)  # until it is killed, or the test is over
        os._exit(0)
    n, code = os.read(read, 100).split()
    assert 256 <= int(n) < 1000 and code == b"quota", "256, and those whose end the daemon had not heard of yet"
    with daemon.client() as c:
        assert c.stats()["clients"] == 1
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        until(lambda: c.stats() and len({row["row"] for kind, row in events(c) if kind == DEATH}) == int(n) // 2)
    for fd in (read, write, tested, ended):
        os.close(fd)


def test_who_cannot_be_watched_gets_no_row():
    """With no descriptor left for its pidfd, a client's end could not be told from the end of its connection."""
    with Daemon() as d, d.client(observe=True) as observer:
        full = len(os.listdir(f"/proc/{d.process.pid}/fd")) + 1  # room for one connection
        usual = resource.prlimit(d.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(d.process.pid, resource.RLIMIT_NOFILE, (full, usual[1]))
        with d.client(lives=True, hello=False) as c:
            with pytest.raises(Refused, match="cannot watch process"):
                c.ask(HELLO, version=VERSION, namespace="default")
            resource.prlimit(d.process.pid, resource.RLIMIT_NOFILE, usual)
            assert c.ask(HELLO, version=VERSION, namespace="default")["row"] == 1
            assert observer.stats()["clients"] == 1


def test_a_newcomer_hears_of_the_dead_that_a_sleeper_leaves_lying(daemon):
    with daemon.client():  # lives, and reads nothing
        rows = []
        for _ in range(16):
            with daemon.client() as a:
                rows.append(a.welcome["row"])
        until_left(daemon, 1)
        with daemon.client() as b:
            until(lambda: len(events(b)) >= 16)
            assert sorted(event[1]["row"] for event in b.events) == sorted(rows)


def test_a_sleeper_is_not_dropped_for_the_deaths_it_did_not_hear_of(daemon):
    with daemon.client() as sleeper:
        for _ in range(700):  # their events would fill its socket
            daemon.client().close()
        until_left(daemon, 1)
        sleeper.stats()
        assert len(sleeper.events) == 32 + 32  # and as many when it asks


# ---- compiler processes ----


@pytest.mark.parametrize("name, says", [
    ("crash", "signal 11"), ("half 3", "signal 9"), ("half 100", "signal 9"), ("exit 5", "status 5"),
    ("exit 12", "ran out of memory"), ("hang", "deadline"), ("close", "closed its output"), ("garbage", "garbage"),
    ("claim", "too large"), ("flood", "nobody asked"), ("other", "nobody asked"),
])
def test_a_bad_compiler_process_costs_its_job_only(name, says):
    with Daemon("--deadline", 3 if name == "hang" else 60, "--max-workers", 2) as d, d.client() as c:
        c.compile("ok")
        error = refused(c.compile, name)
        assert error.code == "worker" and says in error.message
        assert c.compile("ok", salt="again")["meta"] == b"the meta"
        tries = 2 if name.startswith("half") else 1  # who is killed by SIGKILL is innocent once
        assert c.stats()["jobs_failed"] == 1 and c.stats()["worker_restarts"] == tries


def test_an_answer_before_death_counts(daemon):
    with daemon.client() as c:
        assert c.compile("answer-then-die")["meta"] == b"the meta"
        until(lambda: c.stats()["workers"] == 0)
        assert c.compile("twice")["meta"] == b"the meta"
        assert c.compile("ok")["meta"] == b"the meta"


@pytest.mark.parametrize("lie", sorted(LIES))
def test_lies_are_refused(daemon, lie):
    with daemon.client() as c:
        before = c.compile("ok", [class_("P"), class_("Q")])
        big = lie == "much code"
        if big:
            assert c.compile(f"lie {lie}", [class_("P"), class_("Q")])  # no lie: it fits a segment
            return
        error = refused(c.compile, f"lie {lie}", [class_("P"), class_("Q")])
        assert error.code == "worker"
        assert c.lookup(key(f"lie {lie}"), key("ok")) == [None, before]
        assert not list(daemon.cache.glob("*.tmp"))


def test_compile_errors_reach_everybody_who_asked(daemon):
    with daemon.client() as a, daemon.client() as b:
        requests = [(c, c.send(COMPILE, unit=unit("error m.py:3:5: lambda is not compiled"))) for c in (a, b)]
        for c, request in requests:
            assert refused(c.wait, request).args == ("compile", "m.py:3:5: lambda is not compiled")


@pytest.mark.parametrize("start", ["die", "garbage", "other version"])
def test_a_compiler_that_does_not_start(start):
    with Daemon(env={"FAKE_WORKER_START": start}) as d, d.client() as c:
        assert refused(c.compile, "ok").code == "absent"
        assert c.lookup(key("ok")) == [None]
        starts = d.starts()
        for _ in range(20):
            assert refused(c.compile, "ok").code == "absent"
        assert start != "other version" or "another version of jitd" in refused(c.compile, "ok").message
        assert d.starts() < starts + 10  # with back-off (10 starts take a minute), not once per request


def test_a_compiler_that_is_not_there():
    with Daemon(worker="/nonexistent/jitd-worker") as d, d.client() as c:
        assert "cannot be started" in refused(c.compile, "ok").message
        assert c.lookup(key("ok")) == [None]


def test_killed_compiler_process_while_idle(daemon):
    with daemon.client() as c:
        c.compile("ok")
        for worker in daemon.workers():
            os.kill(worker, signal.SIGKILL)
        until(lambda: c.stats()["workers"] == 0)
        assert c.compile("ok", salt=2)["meta"] == b"the meta"


def state(pid):
    """T: stopped; Z: dead, and nobody has waited for it."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_unit_given_to_a_dead_compiler_process_goes_to_another_one(daemon):
    """The daemon sleeps while a unit comes and then its idle compiler process dies: awake, it reads of the unit first."""
    with daemon.client() as c:
        c.compile("ok")
        (worker,) = daemon.workers()
        daemon.process.send_signal(signal.SIGSTOP)
        until(lambda: state(daemon.process.pid) == "T")
        request = c.send(COMPILE, unit=unit("ok", salt=2))
        os.kill(worker, signal.SIGKILL)
        until(lambda: state(worker) == "Z")
        daemon.process.send_signal(signal.SIGCONT)
        assert c.wait(request)["meta"] == b"the meta"
        stats = c.stats()
        assert (stats["jobs_failed"], stats["worker_restarts"]) == (0, 0)


def test_an_innocent_unit_of_a_killed_compiler_process_is_tried_again(daemon):
    with daemon.client() as c:
        request = c.send(COMPILE, unit=unit("wait gate"))
        until(lambda: daemon.begun() == ["wait gate"])
        (worker,) = daemon.workers()
        os.kill(worker, signal.SIGKILL)
        until(lambda: len(daemon.begun()) == 2)
        daemon.open("gate")
        assert c.wait(request)["meta"] == b"the meta"
        assert c.stats()["jobs_failed"] == 0


def test_a_unit_whose_compiler_processes_are_killed_twice_fails(daemon):
    with daemon.client() as c:
        request = c.send(COMPILE, unit=unit("wait gate"))
        for tries in (1, 2):
            until(lambda: len(daemon.begun()) == tries)
            (worker,) = daemon.workers()
            os.kill(worker, signal.SIGKILL)
        assert "signal 9" in refused(c.wait, request).message
        assert len(daemon.begun()) == 2


def test_a_stopped_idle_compiler_process_is_passed_by():
    """With a deadline that the test would not live to see."""
    with Daemon("--deadline", 1000) as d, d.client(timeout=PATIENCE) as c:
        c.compile("ok")
        (worker,) = d.workers()
        os.kill(worker, signal.SIGSTOP)
        until(lambda: state(worker) == "T")
        assert c.compile("ok", salt=2)["meta"] == b"the meta"


def test_idle_compiler_processes_end():
    with Daemon("--worker-idle", 0.2) as d, d.client() as c:
        c.compile("ok")
        until(lambda: d.workers() == [])
        assert c.compile("ok", salt=2)["meta"] == b"the meta"


def test_at_most_so_many_compiler_processes():
    with Daemon("--max-workers", 2) as d, d.client() as c:
        requests = [c.send(COMPILE, unit=unit("wait gate", salt=i)) for i in range(8)]
        until(lambda: len(d.begun()) == 2)
        assert len(d.workers()) == 2
        assert c.stats()["jobs_waiting"] == 8
        d.open("gate")
        for request in requests:
            c.wait(request)
        assert d.starts() == 2


# ---- the disk cache ----


def restart(d):
    assert d.stop() == 0
    d.start()


def test_a_restart_compiles_nothing_again():
    with Daemon() as d:
        with d.client() as c:
            first = c.compile("ok", [class_("P"), function("f")])
        restart(d)
        with d.client() as c, d.client("second") as other:
            assert c.lookup(key("ok"), key("nothing")) == [first, None]  # without source
            assert other.compile("ok", [class_("P"), function("f")])["meta"] == b"the meta"
            stats = c.stats()
            assert (stats["compilations"], stats["disk_hits"]) == (0, 2)


def test_many_units_at_once_come_from_the_disk():
    """More than are looked for in one turn of the daemon's, and some that are not there."""
    names = [f"ok {i}" for i in range(150)]
    with Daemon() as d:
        with d.client() as c:
            first = [c.compile(name) for name in names]
        restart(d)
        with d.client() as c:
            keys = [key(name) for name in names]
            found = c.lookup(*[k for pair in zip(keys, [key(f"no {i}") for i in range(150)], strict=True) for k in pair])
            assert [u and u["meta"] for u in found] == [x for u in first for x in (u["meta"], None)]
            figures = c.stats()
            assert (figures["disk_hits"], figures["cache_hits"], figures["lookups"]) == (150, 0, 300)
            assert c.lookup(*keys) == found[::2] and c.stats()["cache_hits"] == 150


def test_after_another_start_of_the_machine_the_compiler_is_asked_again():
    with Daemon(env={"JITD_BOOT_ID": "one"}) as d:
        with d.client() as c:
            c.compile("ok")
        restart(d)
        with d.client() as c:
            c.stats()
            assert d.workers() == [] and d.starts() == 1
        d.env["JITD_BOOT_ID"] = "two"
        restart(d)
        with d.client():
            until(lambda: d.starts() == 2)


def test_a_warm_restart_starts_no_compiler_process():
    """Nor does it wait for one to say who it is."""
    with Daemon() as d:
        with d.client() as c:
            c.compile("ok")
        restart(d)
        with d.client() as c:
            assert c.lookup(key("ok"))[0]
            assert d.workers() == [] and d.starts() == 1
            c.lookup(key("unknown"))  # whoever misses is about to ask for a compilation
            c.stats()  # after the start
            assert len(d.workers()) == 1


def test_another_compiler_has_other_images():
    with Daemon() as d:
        with d.client() as c:
            c.compile("ok")
        d.env["FAKE_WORKER_IDENTITY"] = "fake 2"
        os.utime(d.worker)  # another program
        restart(d)
        with d.client() as c:
            assert c.lookup(key("ok")) == [None]
            c.compile("ok")
            assert c.stats()["compilations"] == 1


def test_corrupt_files_are_compiled_again():
    with Daemon() as d:
        rng = random.Random(3)
        for round_ in range(12):
            with d.client(f"round{round_}") as c:
                assert c.compile("ok")["meta"] == b"the meta"
                c.stats()  # the answer comes before the file
            files = list(d.cache.iterdir())
            assert len(files) == 3  # the image, the fingerprint's and the compiler's
            for path in files:
                data = bytearray(path.read_bytes())
                if round_ % 2:
                    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
                else:
                    del data[rng.randrange(len(data)) :]
                path.write_bytes(bytes(data))
            restart(d)
            with d.client(f"round{round_} again") as c:
                assert c.lookup(key("ok")) == [None]


def test_the_cache_directory_must_be_ones_own(tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    cache.chmod(0o777)
    with Daemon("--cache-dir", cache) as d, d.client() as c:
        assert c.compile("ok")["meta"] == b"the meta"
        assert list(cache.iterdir()) == [] and "no disk cache" in d.log.read_text()


def test_a_full_disk_changes_nothing(tmp_path):
    """The cache's directory is taken away while the daemon runs: no file can be made in it."""
    with Daemon() as d, d.client() as c:
        os.rmdir(d.cache)
        assert c.compile("ok")["meta"] == b"the meta"
        assert c.compile("ok", salt=2)["meta"] == b"the meta"
        assert d.log.read_text().count("cannot be written") == 1


# ---- bad peers ----


class Bystander:
    """Another client, asking all the while. None of its requests starves, and none waits for long on the daemon being busy with
    others (in processor time: what else the machine has to do is not its fault)."""

    def __init__(self, daemon):
        self.pid, self.client, self.stopping, self.error = daemon.process.pid, daemon.client("bystander"), False, None
        self.served, self.longest = 0, 0.0
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            while not self.stopping or self.served < 10:
                before = processor_time(self.pid)
                self.client.ask(FIND, name="x")
                self.longest = max(self.longest, processor_time(self.pid) - before)
                self.served += 1
                time.sleep(0.002)
        except BaseException as error:
            self.error = error

    def is_served(self, times):
        """So often from now on, whatever happens meanwhile."""
        wanted = self.served + times
        until(lambda: self.served >= wanted or self.error)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.stopping = True
        self.thread.join()
        self.client.close()
        if kind is None:
            assert self.error is None and self.longest < 1, (self.error, self.longest)


def greeting(namespace="bad"):
    return frame([HELLO, 1, {"version": VERSION, "namespace": namespace}])


DEEP = b"\x91" * 10000
BAD = {
    "garbage": os.urandom(4096)[:1] + b"\xff\xff\xff" + os.urandom(4096),
    "http": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "claims 4 GB in 5 bytes": b"\x05\0\0\0\xdd\xff\xff\xff\xff",
    "claims a 4 GB frame": b"\xff\xff\xff\xff",
    "10,000 deep": struct.pack("<I", len(DEEP)) + DEEP,
    "empty frame": b"\0\0\0\0",
    "not a message": frame({"a": 1}),
    "two parts": frame([HELLO, 1]),
    "id 0": frame([HELLO, 0, {}]),
    "the daemon's number": frame([64, 1, {}]),
    "the worker's number": frame([97, 1, {}]),
    "unknown number": frame([1000, 1, {}]),
    "a body that is no map": frame([HELLO, 1, []]),
    "something behind": struct.pack("<I", 5) + b"\x93\x01\x01\x80\x80",
}


@pytest.mark.parametrize("greeted", [False, True])
@pytest.mark.parametrize("name", sorted(BAD))
def test_bad_bytes_are_dropped(daemon, name, greeted):
    with Bystander(daemon), daemon.client(hello=False) as c:
        if greeted:
            c.socket.sendall(greeting())
        c.socket.sendall(BAD[name])
        assert c.is_dropped()
    assert "dropped peer" in daemon.log.read_text() and "in time" not in daemon.log.read_text()  # that is: at once


@pytest.mark.parametrize("body", [
    {}, {"version": VERSION}, {"namespace": "x"}, {"version": VERSION, "namespace": ""}, {"version": VERSION, "namespace": "x" * 65},
    {"version": VERSION, "namespace": "a\0b"}, {"version": VERSION + 1, "namespace": "x"}, {"version": -1, "namespace": "x"},
    {"version": "1", "namespace": 1}, {"version": VERSION, "namespace": "x", "observe": 3},
    {"version": VERSION, "namespace": "x", "chunks": "1"}, {"version": VERSION, "namespace": "x", "chunks": -1},
])
def test_bad_hello_is_refused(daemon, body):
    with daemon.client(hello=False) as c:
        assert refused(c.ask, HELLO, **body).code in ("malformed", "version")
        assert refused(c.ask, STATS).code == "malformed"
        assert c.ask(HELLO, version=VERSION, namespace="x")["version"] == VERSION
        assert refused(c.ask, HELLO, version=VERSION, namespace="x").code == "malformed"


@pytest.mark.parametrize("number, body", [
    (LOOKUP, {}), (LOOKUP, {"keys": 1}), (LOOKUP, {"keys": [b"short"]}), (LOOKUP, {"keys": ["x" * 32]}),
    (LOOKUP, {"keys": [b"x" * 32] * 1025}), (COMPILE, {}), (COMPILE, {"unit": "text"}), (COMPILE, {"unit": b""}),
    (COMPILE, {"unit": b"\xdd\xff\xff\xff\xff"}), (COMPILE, {"unit": DEEP}), (COMPILE, {"unit": unit("ok")[:-1]}),
    (COMPILE, {"unit": unit("ok") + b"x"}), (COMPILE, {"unit": b"\xc4" * (9 << 20)}), (GROW, {}), (GROW, {"chunks": 0}),
    (GROW, {"chunks": -1}), (PUBLISH, {}), (PUBLISH, {"name": 1, "object": 2}), (FIND, {}), (DUMP, {}),
    (DUMP, {"what": "ir"}), (DUMP, {"what": "x" * 100}), (REAP, {}), (REAP, {"row": "x"}),
])
def test_malformed_requests_are_answered(daemon, number, body):
    with daemon.client() as c:
        assert refused(c.ask, number, **body).code in ("malformed", "unknown", "quota")
        assert c.ask(STATS)


def test_truncations_of_good_messages(daemon):
    whole = greeting() + frame([COMPILE, 2, {"unit": unit("ok")}])
    for end in range(0, len(whole), 7):
        with daemon.client(hello=False) as c:
            c.socket.sendall(whole[:end])
    with daemon.client() as c:
        assert c.stats()["peers_dropped"] == 0


def test_mutations_of_good_messages(daemon):
    rng = random.Random(5)
    good = [greeting(), frame([COMPILE, 2, {"unit": unit("ok")}]), frame([LOOKUP, 3, {"keys": [key("a")] * 5}]),
            frame([GROW, 4, {"chunks": 1}]), frame([PUBLISH, 5, {"name": "n", "object": 64}]), frame([CLASSES, 6, {}])]
    with Bystander(daemon):
        for _ in range(300):
            data = bytearray(b"".join(good))
            for _ in range(rng.randrange(1, 4)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            with daemon.client(hello=False) as c:
                try:
                    c.socket.sendall(bytes(data))
                except OSError:
                    pass
    with daemon.client() as c:
        assert c.ask(STATS)


def test_silent_peer_is_dropped_in_time(daemon):
    with Bystander(daemon) as bystander:
        start = time.monotonic()
        with daemon.client(hello=False) as c:
            bystander.is_served(3)
            assert c.is_dropped()
        assert time.monotonic() - start > 4
    assert "did not say hello in time" in daemon.log.read_text()


def test_slow_hello_is_dropped_in_time(daemon):
    """A byte a second does not put the end off."""
    with daemon.client(hello=False) as c, pytest.raises(OSError):
        for byte in greeting():
            c.socket.sendall(bytes([byte]))
            time.sleep(1)
    assert "did not say hello in time" in daemon.log.read_text()


def test_slow_frame_is_dropped_in_time(daemon):
    """A byte a second, for longer than a frame may take."""
    with daemon.client() as c:
        data, start = frame([FIND, 9, {"name": "x" * 100}]), time.monotonic()
        with pytest.raises(OSError):
            for byte in data:
                c.socket.sendall(bytes([byte]))
                time.sleep(1)
        assert time.monotonic() - start > 20
    assert "did not finish a message in time" in daemon.log.read_text()


def test_flooding_peer_does_not_starve_others(daemon):
    with Bystander(daemon) as bystander, daemon.client() as c:
        flood = b"".join(frame([FIND, i, {"name": "x"}]) for i in range(1, 2000))
        done = threading.Event()

        def read():
            try:
                while c.socket.recv(1 << 20):
                    pass
            except OSError:
                pass
            done.set()

        thread = threading.Thread(target=read)
        thread.start()
        end, wanted = time.monotonic() + PATIENCE, bystander.served + 100
        while bystander.served < wanted and time.monotonic() < end:
            c.socket.sendall(flood)
        assert bystander.served >= wanted
        c.socket.shutdown(socket.SHUT_RDWR)
        thread.join()
        assert done.is_set()


def test_who_connects_without_end_does_not_keep_the_daemon_busy(daemon):
    """It accepts some, and rests: who comes is served, a little later."""
    pids = []
    with daemon.client() as c:
        c.stats()
        for _ in range(2):
            pids.append(os.fork())
            if pids[-1] == 0:
                try:
                    while True:
                        with socket.socket(socket.AF_UNIX) as s:
                            s.connect(str(daemon.path))
                finally:
                    os._exit(0)
        try:
            time.sleep(1)
            used = processor_time(daemon.process.pid)
            time.sleep(2)
            assert processor_time(daemon.process.pid) - used < 0.6
            with daemon.client(lives=True) as newcomer:
                assert newcomer.stats()["clients"] == 2
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def test_nonsense_does_not_fill_the_log(daemon):
    with daemon.client() as c:
        for _ in range(50):
            with daemon.client(hello=False) as bad:
                bad.socket.sendall(BAD["garbage"])
                assert bad.is_dropped()
        assert c.stats()["peers_dropped"] == 50
    assert daemon.log.read_text().count("dropped peer") == 1


def test_never_reading_peer_costs_little_and_is_dropped(daemon):
    """It asks and asks and never takes an answer: the daemon stops listening to it, then drops it."""
    with daemon.client() as c:
        c.compile("ok")
    before = daemon.resident()
    with Bystander(daemon) as bystander, daemon.client() as c:
        c.socket.settimeout(1)
        request = frame([CLASSES, 7, {}]) * 1000
        sent, start = 0, time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() < start + 30 + PATIENCE:
                try:
                    sent += c.socket.send(request)
                except TimeoutError:
                    bystander.is_served(3)
        assert time.monotonic() - start > 20
        assert sent < 8 << 20
    assert "does not read its answers" in daemon.log.read_text()
    assert daemon.resident() - before < 4 << 20


def test_half_closed_peer_is_dropped(daemon):
    with daemon.client() as c:
        c.send(COMPILE, unit=unit("wait gate"))
        c.socket.shutdown(socket.SHUT_WR)
        assert c.is_dropped()
    daemon.open("gate")
    with daemon.client() as c:
        assert c.compile("wait gate")["meta"] == b"the meta"


def test_too_many_outstanding_requests(daemon):
    with daemon.client() as c:
        requests = [c.send(COMPILE, unit=unit("wait gate", salt=i)) for i in range(70)]
        for request in requests[64:]:
            assert refused(c.wait, request).code == "busy"
        daemon.open("gate")
        for request in requests[:64]:
            assert c.wait(request)["meta"] == b"the meta"


def test_fds_sent_by_a_peer_are_closed(daemon):
    with daemon.client() as c:
        c.compile("ok")
        before = daemon.fds(c)
        for _ in range(50):
            socket.send_fds(c.socket, [frame([FIND, 9, {"name": "x"}])], [0, 1, 2])
            c.read()
        assert daemon.fds(c) == before


def test_many_peers_and_no_leak(daemon):
    with daemon.client() as c:
        c.compile("ok")
        before = daemon.fds(c)
        for _ in range(5):
            clients = [daemon.client() for _ in range(100)]
            assert all(x.lookup(key("ok"))[0] for x in clients)
            for x in clients:
                x.close()
            c.stats()
        until(lambda: c.stats()["clients"] == 1)
        assert daemon.fds(c) == before
        assert daemon.resident() < 10 << 20


def is_admitted(daemon):
    try:
        with daemon.client() as c:
            return c.stats()
    except (EOFError, ConnectionError):
        return None


def test_too_many_peers_are_turned_away():
    clients, welcome = [], 0
    with Daemon() as d:
        d.stop()
        (d.directory / "conf").write_text("connections = 100\n")
        d.arguments += ["--config", str(d.directory / "conf")]
        d.start()
        with d.client() as c:
            for _ in range(120):
                clients.append(Client(d.path, lives=True, hello=False))
                try:
                    clients[-1].ask(HELLO, version=VERSION, namespace="x", observe=True)
                    welcome += 1
                except (EOFError, ConnectionError):
                    assert clients[-1].is_dropped()
            assert 1 + welcome == 100
            assert c.ask(STATS)
            for x in clients:
                x.close()
        until(lambda: is_admitted(d))


def test_hostile_unit_does_not_stop_the_loop(daemon):
    """The largest unit that the limits let through, shaped to cost most, while somebody else is served."""
    names = [[f"f{i}", "int", None] for i in range(60000)]
    many_fields = class_("P") | {"fields": names}
    many_globals = function("g")
    many_globals["funcs"][0]["globals"] = {f"g{i}": ["int", i] for i in range(40000)}
    with Bystander(daemon), daemon.client() as c:
        for defs in ([many_fields], [many_globals]):
            try:
                c.compile("ok", defs)
            except Refused as e:
                assert e.code in ("malformed", "quota", "worker")


def test_namespaces_are_limited_but_unused_ones_make_room(daemon):
    for i in range(40):
        daemon.client(f"n{i}").close()
    until_left(daemon, 0)
    held = [daemon.client(f"h{i}") for i in range(32)]
    assert refused(daemon.client, "one more").code == "quota"
    for c in held:
        c.close()


def add_classes(c, number, n=256):
    """So many that only have a layout: for that no compiler process is needed."""
    defs = [class_(f"C{number}_{i}", [("x", "int")]) for i in range(n)]
    return c.ask(COMPILE, unit=unit(f"unit {number}", defs, number), layout=True)


def fill(c):
    """Classes until there is no room for more: how many there are, and what the daemon says."""
    for number in range(100):
        try:
            add_classes(c, number)
        except Refused as e:
            return number * 256, e
    return None


def told_of(c):
    """All that CLASSES tells: the classes, the functions, and in how many answers."""
    had, more, answers = {"classes": [], "functions": []}, True, 0
    while more:
        told = c.ask(CLASSES, **{which: len(list_) for which, list_ in had.items()})
        for which in had:
            had[which] += told[which]
        more, answers = told["more"], answers + 1
    return had["classes"], had["functions"], answers


def test_more_classes_than_one_answer_holds():
    """As many as there may be, and of functions half as many as there are classes in one answer: none twice, and none left out."""
    with Daemon() as d, d.client("large") as c:
        _n, _why = fill(c)
        for number in range(500):
            c.compile("ok", [function(f"f{number}")], number)
        classes, functions, answers = told_of(c)
        assert sorted(x["class_id"] for x in classes) == list(range(1, c.stats()["classes"] + 1))
        assert len(functions) == len({f["key"] for f in functions}) == 500 and answers > 5
        assert len(msgpack.packb(c.ask(CLASSES))) < 1 << 18
        assert c.ask(CLASSES, classes=10**6, functions=10**6) == {"classes": [], "functions": [], "more": False}
        c.compile("ok", [function("f7")], 7)  # again, in the place of the old one
        assert len(told_of(c)[1]) == 500
        run = subprocess.run([BUILD / "client/cli/jitctl", "--socket", d.path, "--namespace", "large", "--json", "classes"], capture_output=True)
        shown = json.loads(run.stdout)
        assert len(shown["classes"]) == len(classes) and len(shown["functions"]) == 500


def test_a_client_knows_all_classes():
    with Daemon() as d, d.client("large") as c:
        for number in range(20):
            add_classes(c, number)
        program = "import jitd.link\njitd.stats()\nprint(len(jitd.link._names_of_classes()))"
        run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=os.environ | {"JITD_SOCKET": str(d.path), "JITD_NAMESPACE": "large"})
        assert run.stdout == f"{20 * 256}\n", run.stderr


def test_who_leaves_amid_a_long_answer_takes_nobody_along(daemon):
    with daemon.client() as c, daemon.client(lives=True) as other:
        for number in range(20):
            add_classes(c, number)
        for _ in range(20):
            with daemon.client() as leaver:
                leaver.send(CLASSES)
        assert other.stats()["clients"] >= 2 and len(told_of(other)[0]) == 20 * 256


def test_a_full_namespace_says_so_and_begins_anew_when_nobody_uses_it(daemon):
    with daemon.client() as c, daemon.client() as other:
        made, why = fill(c)
        assert 16384 - 256 <= made <= 16384 and why.code == "quota" and "the namespace is full" in why.message
        other.compile("ok", [class_("C0_0", [("x", "int")])])  # of classes that are there: there is room for code
        assert refused(add_classes, other, 999, 16384 - made + 1).code == "quota"
    until_left(daemon, 0)
    with daemon.client() as c:
        assert c.stats()["classes"] == 0
        add_classes(c, 0)
        assert c.stats()["classes"] == 256
    assert "begins anew" in daemon.log.read_text()


def test_a_class_that_is_too_large_is_no_full_namespace(daemon):
    with daemon.client() as c:
        c.compile("ok", [class_("P", [("x", "int")])])
        many = class_("Q", [(f"f{i}", "@0") for i in range(513)])
        assert "more than 512" in refused(c.ask, COMPILE, unit=unit("many", [many]), layout=True).message
    until_left(daemon, 0)
    with daemon.client() as c:
        assert c.stats()["classes"] > 0


def test_a_full_namespace_where_something_is_published_stays(daemon):
    with daemon.client() as c:
        c.ask(PUBLISH, name="x", object=1 << 20)
        fill(c)
    until_left(daemon, 0)
    with daemon.client() as c:
        assert c.ask(FIND, name="x")["object"] == 1 << 20 and c.stats()["classes"] > 16000
        c.ask(PUBLISH, name="x", object=0)
    until_left(daemon, 0)
    with daemon.client() as c:
        assert c.stats()["classes"] == 0


def test_a_nearly_full_namespace_begins_anew_when_nobody_uses_it(daemon):
    """From seven eighths on."""
    for numbers, left in ((range(55), 55 * 256), ([55], 0)):
        with daemon.client() as c:
            for number in numbers:
                add_classes(c, number)
        until_left(daemon, 0)
        with daemon.client() as c:
            assert c.stats()["classes"] == left


def test_hello_may_bring_a_chunk():
    """One and no more, whatever is wished for; clients that use none have together an eighth of the quota at most."""
    with Daemon("--arena-quota", 64 << 18) as daemon:
        clients = [daemon.client(chunks=1000) for _ in range(12)]
        assert [c.welcome.get("count") for c in clients] == [1] * 8 + [None] * 4
        assert sorted(c.welcome["first"] for c in clients[:8]) == list(range(8))
        assert clients[8].ask(GROW, chunks=100) == {"first": 8, "count": 56}
        clients += [daemon.client("other", **wish) for wish in ({}, {"chunks": 0}, {"chunks": 1})]
        assert [c.welcome.get("count") for c in clients[12:]] == [None, None, 1]
        for c in clients:
            c.close()


def test_chunks_in_a_row():
    """All or none, a step at a time, and others are served in between."""
    with Daemon("--arena-quota", 400 << 18) as daemon:
        with daemon.client() as c, daemon.client() as other:
            for _ in range(4):
                assert c.ask(GROW, chunks=300, whole=True)["count"] == 0
            assert other.ask(GROW, chunks=1, whole=False) == {"first": 0, "count": 1}
            assert c.ask(GROW, chunks=300, whole=True) == {"first": 1, "count": 300}
            assert refused(c.ask, GROW, chunks=100, whole=True).code == "full"
            assert refused(c.ask, GROW, chunks=2**32 - 1, whole=True).code == "full"
            assert refused(c.ask, GROW, chunks=3, whole=3).code == "malformed"
            while not (got := other.ask(GROW, chunks=99, whole=True))["count"]:
                pass
            assert got == {"first": 301, "count": 99}
            assert refused(c.ask, GROW, chunks=1).code == "full"


def test_who_waits_for_the_compiler_hears_that_the_daemon_lives(daemon):
    """Else a client takes it for one that hangs. What asks for nothing that a compiler has to say is answered at once."""
    with daemon.client() as c:
        assert c.lookup() == []
        c.lookup(key("a"))
        said = len(c.events)  # each time that it is looked at and has to wait still
        assert said and {number for number, _body in c.events} == {HELD}
        c.lookup(key("b"))  # the compiler has said by now who it is
        assert len(c.events) == said


def test_requests_that_come_with_the_hello_are_answered_in_order(daemon):
    with daemon.client(hello=False) as c:
        asks = [(HELLO, {"version": VERSION, "namespace": "x"}), (LOOKUP, {"keys": [key("a")]}), (STATS, {}), (LOOKUP, {"keys": 1})]
        c.socket.sendall(b"".join(frame([number, i, body]) for i, (number, body) in enumerate(asks, 1)))
        answers = [c.read()[:2]]
        while answers[-1] != [ERROR, 4]:
            answers.append(c.read()[:2])  # HELD as often as it is looked at before the compiler has said who it is
        assert [a for a in answers if a != [HELD, 0]] == [[REPLY, 1], [REPLY, 2], [REPLY, 3], [ERROR, 4]]
        assert len(c.fds) == 3


# ---- life ----


def test_it_is_small(daemon):
    with daemon.client() as c:
        c.compile("ok")
        assert c.stats()["resident_bytes"] < 10 << 20
    assert daemon.resident() < 10 << 20


def test_no_llvm_in_it():
    libraries = subprocess.run(["ldd", JITD], capture_output=True, text=True, check=True).stdout
    symbols = subprocess.run(["nm", JITD], capture_output=True, text=True, check=True).stdout
    assert "libuv" in libraries and "LLVM" not in libraries and "libffi" not in libraries
    assert "tenants_open" in symbols and "LLVM" not in symbols


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(daemon, number):
    c = daemon.client()
    c.send(COMPILE, unit=unit("hang"))
    until(daemon.begun)
    workers = daemon.workers()
    daemon.process.send_signal(number)
    assert daemon.process.wait(PATIENCE) == 0
    assert not daemon.path.exists()
    assert workers and not any(os.path.exists(f"/proc/{w}") for w in workers)
    daemon.start()
    daemon.client().close()  # it has come as far as its loop


def test_idle_exit():
    with Daemon("--idle-exit", 3) as d:
        c = d.client()
        with d.client("x", observe=True):
            time.sleep(4)
            assert d.process.poll() is None
            c.close()
            assert d.process.wait(PATIENCE) == 0  # an observer does not keep it
        assert not d.path.exists()


def test_idle_exit_without_any_client():
    with Daemon("--idle-exit", 3) as d:
        assert d.process.wait(PATIENCE) == 0


def test_who_connects_just_when_it_would_leave_is_served():
    """The daemon is stopped while its time passes and somebody connects: the first thing that it sees then is that its time is over."""
    with Daemon("--idle-exit", 5) as d:
        d.process.send_signal(signal.SIGSTOP)
        with Client(d.path, hello=False, lives=True) as c, Client(d.path, hello=False, lives=True) as other:
            time.sleep(6)
            d.process.send_signal(signal.SIGCONT)
            for late in c, other:
                assert late.ask(HELLO, version=VERSION, namespace="n")["row"]
            until(lambda: is_served(d.path))
            with d.client("n") as newcomer:
                assert newcomer.stats()["clients"] == 3
        assert d.process.wait(PATIENCE) == 0 and not d.path.exists()


def start_many(d, n):
    return [subprocess.Popen(d.arguments, env=d.env, stdin=subprocess.DEVNULL) for _ in range(n)]


def one_of(processes):
    """The one that is left of them, in a list."""
    alive = [p for p in processes if p.poll() is None]
    return alive if len(alive) == 1 else None


def test_ten_at_once_are_one():
    with Daemon() as d:
        assert d.stop() == 0
        started = start_many(d, 10)
        (alive,) = until(lambda: one_of(started))
        assert all(p.returncode == 0 for p in started if p is not alive)
        until(lambda: is_served(d.path))
        with d.client() as c:
            assert c.stats()["pid"] == alive.pid
        alive.kill()  # leaves a stale socket and lock behind
        alive.wait()
        assert d.path.exists()
        again = start_many(d, 10)
        (alive,) = until(lambda: one_of(again))
        until(lambda: is_served(d.path))
        assert alive.poll() is None
        for p in again:
            p.terminate()
            assert p.wait(PATIENCE) == 0


def test_the_directory_of_the_socket_must_be_ones_own(tmp_path):
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    run = subprocess.run([JITD, "--socket", open_to_all / "sock"], capture_output=True, text=True, timeout=PATIENCE)
    assert run.returncode == 1 and "not permitted" in run.stderr
    (tmp_path / "file").write_text("mine")
    tmp_path.chmod(0o700)
    run = subprocess.run([JITD, "--socket", tmp_path / "file"], capture_output=True, text=True, timeout=PATIENCE)
    assert run.returncode == 1 and (tmp_path / "file").read_text() == "mine"


def test_the_socket_is_private(daemon):
    assert stat.S_IMODE(os.stat(daemon.path).st_mode) == 0o600


@pytest.mark.parametrize("arguments", [["--nothing"], ["--deadline", "x"], ["--max-workers", "0"], ["surplus"],
                                       ["--arena-quota", "-5"], []])
def test_bad_options_are_refused(arguments):
    run = subprocess.run([JITD, *arguments], capture_output=True, text=True, timeout=PATIENCE)
    assert run.returncode in (1, 2) and run.stderr


def test_help():
    run = subprocess.run([JITD, "--help"], capture_output=True, text=True, timeout=PATIENCE)
    assert run.returncode == 0 and "--socket" in run.stdout
