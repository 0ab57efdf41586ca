"""Processes that are not like others: little address space, a subinterpreter, multiprocessing's main module, signal handlers that come
while the daemon keeps one waiting."""

import sys

import pytest

POINT = """
import jitd
@jitd.jitclass
class Point:
    x: int
    def get(self) -> int:
        return self.x
"""


@pytest.mark.parametrize("gibibytes", [1, 4, 8])
def test_little_address_space(program, gibibytes):
    code = f"""
import resource
resource.setrlimit(resource.RLIMIT_AS, ({gibibytes} << 30, {gibibytes} << 30))
{POINT}
points = [Point(i) for i in range(10000)]
print(sum(p.get() for p in points), jitd.stats()["process"]["connected"])
"""
    done = program(code).run()
    assert done.stdout == "49995000 False\n"
    assert "plain Python" in done.stderr and "memory" in done.stderr and len(done.stderr.splitlines()) == 1


def test_subinterpreter(program):
    """From 3.12 on the import itself is refused where an interpreter has its own lock."""
    code = f"""
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
{POINT}
assert Point(1).get() == 1
run = getattr(interpreters, "run_string", None) or interpreters.exec
run(interpreters.create(), '''
try:
    import jitd
    @jitd.jitclass
    class Point:
        x: int
    Point(1)
except (ImportError, RuntimeError) as error:
    assert "subinterpreter" in str(error), error
    print("refused", flush=True)
''')
assert Point(2).get() == 2
"""
    assert program(code).run().stdout == "refused\n"


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_the_main_module_of_a_worker_is_the_same(program, method):
    code = f"""
import multiprocessing
{POINT}
def work(name):
    return jitd.lookup(name).get()
if __name__ == "__main__":
    point = Point(5)
    jitd.publish("main-module-{method}", point)
    with multiprocessing.get_context("{method}").Pool(2) as pool:
        print(pool.map(work, ["main-module-{method}"] * 3))
    jitd.publish("main-module-{method}", None)
"""
    assert program(code).run().stdout == "[5, 5, 5]\n"


# What follows is run by the first signal that comes while the daemon is stopped; it lets the daemon go on.
SIGNAL = """
import os, signal, sys
daemon = int(sys.argv[1])

def when_waiting(action):
    def handler(*_):
        signal.setitimer(signal.ITIMER_REAL, 0)
        os.kill(daemon, signal.SIGCONT)
        action()
    signal.signal(signal.SIGALRM, handler)
    os.kill(daemon, signal.SIGSTOP)
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
"""


def test_a_signal_handler_that_connects_first(program, own_daemon):
    """The process has one arena, whoever of the two is first."""
    code = f"""{POINT}{SIGNAL}
@jitd.jitclass
class Pair:
    a: Point
    b: Point
pairs = []
when_waiting(lambda: pairs.append(Pair(Point(2), Point(3))))
p = Point(1)
more = [Pair(p, Point(i)) for i in range(1000)]
pairs[0].a = p
check = jitd._jitd.check()
pid = os.fork()
status = os.waitpid(pid, 0)[1] if pid else "child"
print(p.get(), pairs[0].a is p, pairs[0].b.get(), sum(x.b.get() for x in more), check, status)
"""
    done = program(code, JITD_SOCKET=own_daemon.socket).run(own_daemon.process.pid)
    assert done.stderr == "" and done.stdout == "1 True 3 499500 (0, '') child\n1 True 3 499500 (0, '') 0\n"


def test_a_signal_handler_that_forks(program, own_daemon):
    """The child asks again, on its own connection; it does not wait for the answer that is its parent's."""
    code = f"""{POINT}{SIGNAL}
from jitd import _jitd
ask, lost, pids = _jitd.request, [], []

def request(*args):
    try:
        return ask(*args)
    except ConnectionError as error:
        lost.append(error)
        raise

Point(1)  # connected
@jitd.jit
def twice(n: int) -> int:
    return n + n
_jitd.request = request
when_waiting(lambda: pids.append(os.fork()))
result = twice(4)
status = os.waitpid(pids[0], 0)[1] if pids[0] else "child"
print(result, twice._counters()["native_calls"], lost, status)
"""
    done = program(code, JITD_SOCKET=own_daemon.socket).run(own_daemon.process.pid)
    assert done.stderr == "" and done.stdout == "8 1 [] child\n8 1 [] 0\n"


def test_a_daemon_that_is_there_and_does_not_answer(program):
    """A class numbers itself meanwhile, and stays Python."""
    code = f"""{POINT}
from jitd import _jitd
Point(1)  # connected
@jitd.jitclass
class Late:
    x: int
def silent(*_):
    raise ConnectionError("silence")
ask, _jitd.request = _jitd.request, silent
print(Late(1).x)
_jitd.request = ask
print(Late(2).x, Point(3).get())
print(_jitd.check())
"""
    done = program(code).run()
    assert done.stdout == "1\n2 3\n(0, '')\n" and "Late is Python until it can be compiled: silence" in done.stderr


def test_a_free_threaded_build_is_refused_in_words(program):
    """What such a build says of itself stands in for one: Debian has none."""
    code = """
        import sys
        sys.abiflags += "t"
        try:
            import jitd
        except ImportError as error:
            print(error)
    """
    said = program(code).run().stdout
    assert "has its GIL" in said and f"python3.{sys.version_info[1]}t" in said
