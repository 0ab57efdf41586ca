"""What goes over from one daemon to the next, and what is not believed: at the level of the protocol. (tests/integration/test_daemon_restart.py
has whole programs.)"""

import contextlib
import mmap
import os
import socket
import struct
import subprocess
import time

import pytest
from broker_harness import COMPILE, FIND, HELLO, PATIENCE, PUBLISH, VERSION, Client, Daemon, Refused, class_, frame, key, unit, until
from test_operators import NAMESPACES, PURGE
from test_systemd import activated

OBJECT = 1 << 20


def arena(client):
    st = os.fstat(client.fds[0])
    return [st.st_dev, st.st_ino]


def kill(d):
    d.process.kill()
    d.process.wait()


def restart(d):
    kill(d)
    d.start()


def again(d, old, namespace="default", **more):
    """The old client's next connection: with its arena and row."""
    return Client(d.path, namespace, lives=True, **({"arena": arena(old), "row": old.welcome["row"]} | more))


@pytest.fixture
def restarted():
    """A daemon, and a client of it that has published an object and compiled a unit before the daemon was killed and started again."""
    with Daemon() as d, Client(d.path, lives=True) as old:
        old.ask(PUBLISH, name="kept", object=OBJECT)
        old.unit = old.compile("ok", [class_("C", [("x", "int")])])
        restart(d)
        yield d, old


def test_a_client_comes_back(restarted):
    d, old = restarted
    with again(d, old) as back:
        assert back.welcome["row"] == old.welcome["row"] and arena(back) == arena(old)
        assert back.ask(FIND, name="kept")["object"] == OBJECT
        assert back.lookup(key("ok"))[0] == old.unit


def test_a_newcomer_has_the_same(restarted):
    d, old = restarted
    with Client(d.path, lives=True) as new:
        assert arena(new) == arena(old) and new.welcome["row"] != old.welcome["row"]
        assert new.ask(FIND, name="kept")["object"] == OBJECT
        assert new.lookup(key("ok"))[0] == old.unit
        more = new.compile("more", [class_("D", [("c", "@1?")]), class_("C", [("x", "int")])])
        assert more["classes"][1] == old.unit["classes"][0]  # the same class, the same id
        assert more["classes"][0][1] > old.unit["classes"][0][1] and more["slot"] > old.unit["slot"]


def bytes_of(fd):
    with mmap.mmap(fd, os.fstat(fd).st_size, prot=mmap.PROT_READ) as m:
        return m[:65536]


def test_code_and_slots_are_where_they_were(restarted):
    d, old = restarted
    with again(d, old) as back:
        assert back.welcome["segments"] == old.welcome["segments"]
        for before, after in zip(old.fds[1:], back.fds[1:]):  # the table, the segment: other files, the same bytes
            assert os.fstat(before).st_ino != os.fstat(after).st_ino and bytes_of(before) == bytes_of(after)


def test_many_restarts_take_no_more(restarted):
    d, old = restarted
    for i in range(12):
        back = again(d, old)
        back.compile(f"unit {i}")
        segments, fds = back.welcome["segments"], d.fds(back)
        back.close()
        restart(d)
    with again(d, old) as back:
        assert back.welcome["segments"] == segments == old.welcome["segments"]
        assert d.fds(back) <= fds + 1
        assert all(back.lookup(*[key(f"unit {i}") for i in range(12)]))


def test_an_answer_that_was_lost_is_not_made_twice():
    """The daemon dies after a publication was written down. Who asks again, with the same nonce, takes over what it should have been
    given: once."""
    with Daemon() as d, Client(d.path, lives=True) as old:
        old.ask(PUBLISH, name="n", object=OBJECT)
        assert old.ask(PUBLISH, name="n", object=2 * OBJECT, nonce=77) == {"old": OBJECT}
        restart(d)
        with again(d, old) as back:
            assert back.ask(PUBLISH, name="n", object=2 * OBJECT, nonce=77) == {"old": OBJECT}
            assert back.ask(PUBLISH, name="n", object=0, nonce=78) == {"old": 2 * OBJECT}
            restart(d)
        with again(d, old) as back:
            assert back.ask(PUBLISH, name="n", object=0, nonce=78) == {"old": 2 * OBJECT}
            assert back.ask(PUBLISH, name="n", object=0, nonce=79) == {"old": 0}


def test_what_became_of_a_publication():
    with Daemon() as d, Client(d.path, lives=True) as old:
        old.ask(PUBLISH, name="n", object=OBJECT, nonce=5)
        old.ask(PUBLISH, name="n", object=2 * OBJECT, nonce=6)
        assert old.ask(FIND, nonce=6, since=1) == {"made": 1, "old": OBJECT}
        assert old.ask(FIND, nonce=7, since=1) == {"made": 0, "old": 0}
        for i in range(2000):  # more than are remembered
            old.ask(PUBLISH, name="m", object=OBJECT, nonce=100 + i)
        for _ in range(2):
            now = time.monotonic_ns() // 1000000
            assert old.ask(FIND, nonce=6, since=1)["made"] == 2 and old.ask(FIND, nonce=7, since=now)["made"] == 0
            assert old.ask(FIND, nonce=2099, since=1) == {"made": 1, "old": OBJECT}
            restart(d)
            old = again(d, old)
        with pytest.raises(Refused, match="malformed"):
            old.ask(FIND, nonce=0, since=1)
        old.close()


def test_names_given_again_and_again_do_not_fill_the_disk():
    with Daemon() as d, Client(d.path, lives=True) as old:
        for i in range(20000):
            old.send(PUBLISH, name="n", object=OBJECT + 32 * i)
            if i % 50 == 49:
                old.wait(old.ids)
                old.answers.clear()
        [ledger] = (d.directory / "sock.state").iterdir()
        assert ledger.stat().st_size < 1 << 20
        restart(d)
        with again(d, old) as back:
            assert back.ask(FIND, name="n")["object"] == OBJECT + 32 * 19999


def test_it_is_gone_when_all_have_left():
    with Daemon() as d:
        Client(d.path, lives=True).close()
        d.stop()
        assert (d.directory / "sock.state").exists()  # this process lives, and may come back
    with Daemon() as d:
        Client(d.path).close()
        with d.client(observe=True) as c:
            until(lambda: c.stats()["clients"] == 0)
            d.stop()  # who looks on has nothing to come back for
        assert not (d.directory / "sock.state").exists()


def test_who_died_meanwhile_is_dead(restarted):
    d, old = restarted
    with Daemon() as d:
        dead, living = Client(d.path), Client(d.path, lives=True)  # the first one's process is gone already
        kill(d)
        d.start()
        with again(d, living) as back:
            back.stats()
            assert [body["row"] for _number, body in back.events] == [dead.welcome["row"]]


def not_to_be_seen(client):
    """Its row as it is for a broker that lives in another pid namespace: without a number."""
    with mmap.mmap(client.fds[0], os.fstat(client.fds[0]).st_size) as m:
        struct.pack_into("<I", m, 4096 * (1 + client.welcome["row"]) + 8, 0)


def test_what_one_uses_who_cannot_be_seen_is_kept():
    """Nobody hears of its end, and it is asleep just now: its arena is not to be forgotten, be it by the sweep after the start, by purge or at
    the end."""
    with Daemon() as d, Client(d.path, lives=True) as old, Client(d.path, "other", lives=True):
        ledgers = {path.name for path in (d.directory / "sock.state").iterdir()}
        not_to_be_seen(old)
        restart(d)
        with d.client(observe=True) as c:
            until(lambda: len(c.ask(NAMESPACES)["namespaces"]) == 2)  # the sweep has been
        with d.client(observe=True) as c, pytest.raises(Refused, match="in use"):
            c.ask(PURGE, what="namespace")
        assert d.stop() == 0
        assert {path.name for path in (d.directory / "sock.state").iterdir()} == ledgers


@pytest.mark.parametrize("lie", [{"arena": [1, 1]}, {"row": 700}, {"row": 0}])
def test_lies_about_arena_and_row(restarted, lie):
    d, old = restarted
    with pytest.raises(Refused, match="stale"):
        again(d, old, **lie)


def test_another_connections_row_is_not_given(restarted):
    d, old = restarted
    with again(d, old), pytest.raises(Refused, match="stale"):
        again(d, old)


@pytest.mark.parametrize("hello", [{"arena": 7}, {"arena": [1]}, {"arena": [1, "x"]}, {"row": 1}, {"arena": [1, 1], "row": -1},
                                   {"arena": [1, 1], "row": 5000}, {"arena": [1, 1], "handed": 1}])
def test_malformed(restarted, hello):
    d, _ = restarted
    with pytest.raises(Refused, match="malformed"):
        Client(d.path, lives=True, **hello)


def ledger_of(d):
    [path] = (d.directory / "sock.state").iterdir()
    return path


@pytest.mark.parametrize("cut", [1, 30, 200])
def test_a_torn_tail(cut):
    """As a death in the middle of a write leaves it: what came before counts."""
    with Daemon() as d, Client(d.path, lives=True) as old:
        old.ask(PUBLISH, name="kept", object=OBJECT)
        kill(d)
        with open(ledger_of(d), "ab") as f:
            f.write(struct.pack("<II16s", 100 + cut, 0, b"x" * 16)[:24] + b"y" * cut)
        d.start()
        with again(d, old) as back:
            assert back.ask(FIND, name="kept")["object"] == OBJECT
            back.ask(PUBLISH, name="more", object=OBJECT)
        restart(d)
        with again(d, old) as back:
            assert back.ask(FIND, name="more")["object"] == OBJECT


def records(data):
    """Where each record of a ledger ends."""
    at, ends = 0, []
    while at < len(data):
        at += 24 + struct.unpack_from("<I", data, at)[0]
        ends.append(at)
    assert at == len(data)
    return ends


def test_a_death_at_any_byte_of_what_is_written():
    """Whatever length the file has, the daemon that follows has what whole records say, and no more."""
    names = [f"name {i}" for i in range(4)]
    with Daemon() as d, Client(d.path, lives=True) as old:
        for i, name in enumerate(names):
            old.ask(PUBLISH, name=name, object=OBJECT + 32 * i)
            old.compile(f"unit {i}", [class_(f"C{i}", [("x", "int")])])
        kill(d)
        ledger = ledger_of(d)
        data = ledger.read_bytes()
        ends = records(data)
        cuts = {end + k for end in ends for k in (-1, 0, 1, 23)} | set(range(0, len(data), 97))
        for cut in sorted(c for c in cuts if c <= len(data)):
            ledger.write_bytes(data[:cut])
            ledger.chmod(0o600)
            d.start()
            if cut < ends[1]:  # those two are there before the file has its name
                with pytest.raises(Refused, match="stale"):
                    again(d, old)
            else:
                with again(d, old) as back:
                    there = [back.ask(FIND, name=name)["object"] == OBJECT + 32 * i for i, name in enumerate(names)]
                    units = [u is not None for u in back.lookup(*[key(f"unit {i}") for i in range(4)])]
                whole = sum(end <= cut for end in ends)
                # the head and a segment; then for each round a name, a class and a unit
                assert there == [whole >= 3 + 3 * i for i in range(4)]
                assert all(units[i] for i in range(4) if whole >= 5 + 3 * i)
            kill(d)
        d.start()


@pytest.mark.parametrize("damage", ["empty", "head", "mode"])
def test_a_damaged_ledger_is_not_believed(damage):
    with Daemon() as d, Client(d.path, lives=True) as old:
        old.ask(PUBLISH, name="kept", object=OBJECT)
        kill(d)
        data = bytearray(ledger_of(d).read_bytes())
        data[40] ^= 1
        if damage == "mode":
            ledger_of(d).chmod(0o666)
        else:
            ledger_of(d).write_bytes(b"" if damage == "empty" else data)
        d.start()
        with pytest.raises(Refused, match="stale"):
            again(d, old)
        with Client(d.path, lives=True) as new:
            assert arena(new) != arena(old) and new.ask(FIND, name="kept")["object"] == 0
        with pytest.raises(Refused, match="stale"):
            again(d, old)


def test_a_directory_that_others_can_enter_is_not_used():
    with Daemon() as d:
        d.stop()
        (d.directory / "sock.state").mkdir(mode=0o755)
        (d.directory / "sock.state").chmod(0o755)
        d.start()
        until(lambda: "the next daemon will begin anew" in d.log.read_text())
        with d.client() as c:
            c.ask(COMPILE, unit=unit("ok"))
        assert not list((d.directory / "sock.state").iterdir())
        (d.directory / "sock.state").rmdir()


# ---- without a service manager's store, and without a look into other processes: what clients hand back ----


@pytest.fixture
def system_daemon():
    """One that every user may connect to, begun anew by kill() and begin(); an old client of it."""
    with Daemon() as d, contextlib.ExitStack() as stack:
        d.arguments += ["--state-dir", str(d.directory / "state")]
        path, process = stack.enter_context(activated(d))
        old = stack.enter_context(Client(path, lives=True))
        old.ask(PUBLISH, name="kept", object=OBJECT)

        def begin():
            process.kill()
            process.wait()
            path.unlink()
            return stack.enter_context(activated(d))[0]

        yield old, begin


def hello_with(path, old, fd, **more):
    """The second hello, which hands over a descriptor; the first must have been answered by asking for it."""
    c = Client(path, hello=False, lives=True)
    body = {"version": VERSION, "namespace": "default", "arena": arena(old), "row": old.welcome["row"]}
    with pytest.raises(Refused, match="handback"):
        c.ask(HELLO, **body)
    c.ids += 1
    socket.send_fds(c.socket, [frame([HELLO, c.ids, body | {"handed": True}])], [] if fd is None else [fd])
    c.welcome = c.wait(c.ids)
    return c


def test_a_client_hands_the_arena_back(system_daemon):
    old, begin = system_daemon
    path = begin()
    with hello_with(path, old, old.fds[0]) as back, Client(path, lives=True) as new:
        assert arena(back) == arena(new) == arena(old)
        assert new.ask(FIND, name="kept")["object"] == OBJECT


def other_arena():
    fd = os.memfd_create("jitd-arena", os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, 4 << 30)
    return fd


@pytest.mark.parametrize("what", [other_arena, lambda: os.open("/dev/zero", os.O_RDWR), lambda: None, lambda: socket.socket().detach()])
def test_what_is_handed_back_must_be_the_very_file(system_daemon, what):
    old, begin = system_daemon
    path, fd = begin(), what()
    with pytest.raises(Refused, match="stale"):
        hello_with(path, old, fd)
    with hello_with(path, old, old.fds[0]) as back:  # the right one is still taken
        assert arena(back) == arena(old)
    if fd is not None:
        os.close(fd)


def test_nobody_is_asked_for_what_the_ledger_does_not_know(system_daemon):
    old, begin = system_daemon
    path = begin()
    with pytest.raises(Refused, match="stale"):
        Client(path, lives=True, arena=[1, 1], row=1)
    with Client(path, hello=False, lives=True) as c:  # descriptors that come unasked are not kept
        before = len(os.listdir("/proc/self/fd"))
        socket.send_fds(c.socket, [frame([HELLO, 1, {"version": VERSION, "namespace": "other"}])], [c.socket.fileno()] * 50)
        c.ids = 1
        c.wait(1)
        assert len(os.listdir("/proc/self/fd")) <= before + len(c.fds)


def test_a_newcomer_waits_for_those_who_were_there(system_daemon):
    """But not for ever: when nobody hands the arena back, it begins anew."""
    old, begin = system_daemon
    path = begin()
    with Client(path, lives=True) as new:
        assert arena(new) != arena(old) and new.ask(FIND, name="kept")["object"] == 0
    with pytest.raises(Refused, match="stale"):
        Client(path, lives=True, arena=arena(old), row=old.welcome["row"])


# ---- with a service manager's store ----

LAUNCH = """
import fcntl, os, sys
files = [fcntl.fcntl(int(fd), fcntl.F_DUPFD_CLOEXEC, 100) for fd in sys.argv[1].split()]
for i, fd in enumerate(files):
    os.dup2(fd, 3 + i)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(files)), "LISTEN_FDNAMES": sys.argv[2]}
os.execv(sys.argv[3], sys.argv[3:])
"""


@contextlib.contextmanager
def managed(d, listener, stored=None, name=""):
    """A daemon as a manager starts it: with the socket, and an arena from its store. It is killed in the end."""
    arguments = [a for a in d.arguments if a not in ("--socket", str(d.path))] + ["--state-dir", str(d.directory / "state")]
    fds = [listener.fileno()] + ([] if stored is None else [stored])
    process = subprocess.Popen([os.sys.executable, "-c", LAUNCH, " ".join(map(str, fds)), f"socket:{name}", *arguments], pass_fds=fds,
                               env=os.environ | {"NOTIFY_SOCKET": str(d.directory / "notify")}, stdin=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def about_the_store(said):
    """What has been said so far of it: (FDSTORE or FDSTOREREMOVE, name)."""
    heard = []
    with contextlib.suppress(BlockingIOError):
        while True:
            lines = dict(line.split("=", 1) for line in said.recv(1000).decode().splitlines())
            heard += [(verb, lines["FDNAME"]) for verb in ("FDSTORE", "FDSTOREREMOVE") if verb in lines]
    return heard


@pytest.fixture
def store():
    """A daemon that a manager started was killed: where it was, the manager's sockets (for clients, and to talk to it), and an old client."""
    with Daemon() as d, socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as said, \
            contextlib.ExitStack() as stack:
        listener.bind(str(d.directory / "managed"))
        listener.listen()
        said.bind(str(d.directory / "notify"))
        said.setblocking(False)
        with managed(d, listener):
            old = stack.enter_context(Client(d.directory / "managed", lives=True))
            old.ask(PUBLISH, name="kept", object=OBJECT)
        yield d, listener, said, old


def test_the_arena_comes_from_the_store(store):
    d, listener, said, old = store
    name = about_the_store(said)[-1][1]
    with managed(d, listener, old.fds[0], name), Client(d.directory / "managed", lives=True) as new:
        assert arena(new) == arena(old) and new.ask(FIND, name="kept")["object"] == OBJECT


def test_a_new_arena_stays_in_the_store(store):
    """What was left there by a daemon that cannot be followed has the same name, by which it is taken out."""
    d, listener, said, old = store
    [ledger] = (d.directory / "state").iterdir()
    ledger.write_bytes(b"")  # as that of another version
    about_the_store(said)
    with managed(d, listener, old.fds[0], ledger.name), Client(d.directory / "managed", lives=True) as new:
        assert arena(new) != arena(old)
        time.sleep(1.5)  # SWEEP_MS and more
        new.stats()
        assert about_the_store(said) == [("FDSTOREREMOVE", ledger.name), ("FDSTORE", ledger.name)]


# ---- with a look into other processes ----


def test_stopped_processes_are_found(restarted):
    """A private daemon finds the arena in a client that does nothing."""
    with Daemon() as d:
        code = ("import sys, time\nsys.path.insert(0, sys.argv[2])\nfrom broker_harness import Client\n"
                "c = Client(sys.argv[1], lives=True)\nprint(*[__import__('os').fstat(c.fds[0]).st_ino], flush=True)\ntime.sleep(1000)")
        p = subprocess.Popen([os.sys.executable, "-c", code, d.path, os.path.dirname(__file__)], stdout=subprocess.PIPE, text=True)
        inode = int(p.stdout.readline())
        p.send_signal(19)
        restart(d)
        with Client(d.path, lives=True) as new:
            assert arena(new)[1] == inode
        p.kill()
        p.wait(PATIENCE)
