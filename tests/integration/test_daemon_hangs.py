"""A daemon that is there and gives no sign of life: it is stopped, which for its clients is as if it turned without end. And one that lives, and is slow."""

import signal

import pytest
from conftest import BUILD, Daemon

PROGRAM = """
import jitd, os, signal, time, warnings
warnings.simplefilter("ignore", jitd.CompileWarning)

@jitd.jitclass
class Known:
    v: int
    def get(self) -> int:
        return self.v + 1

@jitd.jitclass
class First:
    v: int
    def get(self) -> int:
        return self.v + 2

@jitd.jitclass
class Second:
    v: int
    def get(self) -> int:
        return self.v + 3

def took(function, *arguments):
    begin = time.monotonic()
    try:
        result = function(*arguments)
    except ConnectionError as error:
        result = str(error)
    return result, time.monotonic() - begin

def native(name):
    return jitd.stats()["objects"][name]["native_calls"]
"""


@pytest.fixture
def d():
    daemon = Daemon()
    yield daemon
    daemon.process.send_signal(signal.SIGCONT)
    daemon.stop()


def test_a_daemon_that_hangs_is_not_waited_for(program, d):
    """What it takes at most: docs/running.md. When it goes on all is as it was."""
    program(
        PROGRAM
        + f"""
daemon = {d.process.pid}
known = Known(1)
assert known.get() == 2 and native("Known.get") == 1
jitd.publish("known", known)
os.kill(daemon, signal.SIGSTOP)
assert took(known.get)[1] < 0.9  # nobody is asked
result, seconds = took(lambda: First(1).get())
assert result == 3 and 1 < seconds < 15, seconds
result, seconds = took(lambda: Second(1).get())
assert result == 4 and seconds < 1.2, seconds
result, seconds = took(jitd.lookup, "known")
assert "does not answer" in result and seconds < 4, (result, seconds)
some, seconds = took(lambda: [Known(i) for i in range(100000)])
assert len(some) == 100000 and seconds < 20, seconds
os.kill(daemon, signal.SIGCONT)
assert jitd.lookup("known") is known
end = time.monotonic() + 60
while First(1).get() == 3 and not native("First.get"):  # it is compiled after all
    assert time.monotonic() < end
    time.sleep(0.1)
""",
        JITD_SOCKET=d.socket,
    ).run()


def test_a_name_is_waited_for_longer(program, d):
    program(
        PROGRAM
        + f"""
jitd.publish("known", Known(1))
os.kill({d.process.pid}, signal.SIGSTOP)
result, seconds = took(jitd.lookup, "known")
assert "does not answer" in result and 4 < seconds < 20, (result, seconds)
""",
        JITD_SOCKET=d.socket,
    ).run()


def test_who_is_slow_is_waited_for(program, tmp_path):
    """A compiler process that takes long to say who it is (what is looked up waits for that), and then to compile."""
    worker = tmp_path / "worker"
    worker.write_text(f'#!/bin/sh\nsleep 2.5\nexec {BUILD}/server/worker/jitd-worker "$@"\n')
    worker.chmod(0o755)
    daemon = Daemon("--worker", worker)
    try:
        program(PROGRAM + "\nresult, seconds = took(lambda: First(1).get())\nassert result == 3 and seconds > 2 and native('First.get') == 1, seconds\n",
                JITD_SOCKET=daemon.socket).run()
    finally:
        daemon.stop()


def test_who_was_stopped_itself_reads_what_has_come(program, d):
    """However late it is when it goes on."""
    program(
        PROGRAM
        + """
pid = os.getpid()
if not os.fork():
    for _ in range(4):
        time.sleep(0.02)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(1.5)
        os.kill(pid, signal.SIGCONT)
    os._exit(0)
n = 0
end = time.monotonic() + 7
while time.monotonic() < end:
    n += 1
    jitd.publish("x", Known(n))
    assert jitd.lookup("x").v == n
os.wait()
""",
        JITD_SOCKET=d.socket,
    ).run()
