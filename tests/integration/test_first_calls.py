"""First calls, when something else happens at the same moment: other threads' first calls, fork(), signals, a daemon that waits or dies."""

import gc
import linecache
import sys
import threading
import weakref
from pathlib import Path

import pytest

import jitd
from jitd import flight

# Code that no cache knows, under names of its own: Acc and poly.
COLD = """
import itertools, jitd, linecache, os, signal, subprocess, sys, threading, time, warnings
numbers = itertools.count()
def cold():
    number = next(numbers)
    text = f'''
@jitd.jitclass
class Acc{number}:
    n: int = {number}
    def work(self, k) -> float:
        t = 0.0
        for i in range(1000):
            t += (i * k) % 7
        return t
    def typed(self, k: int) -> int:
        return self.n + k
    def fails(self, k: int) -> int:
        return self.n // k
@jitd.jit
def poly{number}(x):
    return x * x + x + {number}
'''
    name, space = f"<cold {os.getpid()} {number}>", {"jitd": jitd, "__name__": "__main__"}
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    exec(compile(text, name, "exec"), space)
    return number, space[f"Acc{number}"], space[f"poly{number}"]
def expected(k):
    t = 0.0
    for i in range(1000):
        t += (i * k) % 7
    return t
def right(number, Acc, poly):
    try:
        Acc().fails(0)
    except ZeroDivisionError:
        return (Acc().work(2), Acc(3).typed(1), poly(2), poly(0.5)) == (expected(2), 4, 6 + number, 0.75 + number)
    return False
"""


def test_all_that_is_imported_late_is_known():
    """fork() waits for the imports of these modules; what is not among them is loaded when a class is decorated, or
    under the lock that fork() waits for."""
    modules = {path.stem for path in Path(jitd.__file__).parent.glob("*.py")}
    assert modules - set(flight._LAZY) == {"__init__", "__main__", "declare", "flight", "link", "resume"}


def test_threads_at_once(program):
    """Every call is right, a type has one version, and types that come later get theirs."""
    program(
        COLD
        + """
sys.setswitchinterval(1e-5)
for _ in range(6):
    number, Acc, poly = cold()
    start, wrong = threading.Barrier(16), []
    def body():
        start.wait()
        try:
            if not right(number, Acc, poly):
                wrong.append("another result")
        except BaseException as error:
            wrong.append(error)
    threads = [threading.Thread(target=body) for _ in range(16)]
    for t in threads: t.start()
    for t in threads: t.join()
    assert not wrong, wrong
    before = jitd.stats()["objects"]
    assert [before[f"{name}{number}{rest}"]["specialisations"] for name, rest in (("Acc", ".work"), ("Acc", ".typed"), ("poly", ""))] == [1, 1, 2]
    assert Acc().work(0.5) == expected(0.5) and Acc().work(True) == expected(True)
    after = jitd.stats()["objects"][f"Acc{number}.work"]
    assert after["specialisations"] == 3 and after["python_calls"] == before[f"Acc{number}.work"]["python_calls"], after
assert jitd._jitd.check() == (0, "")
"""
    ).run()


def test_threads_with_classes_of_their_own(program):
    program(
        COLD
        + """
wrong = []
def body():
    for _ in range(5):
        if not right(*cold()):
            wrong.append(1)
threads = [threading.Thread(target=body) for _ in range(8)]
for t in threads: t.start()
for t in threads: t.join()
assert not wrong
"""
    ).run()


@pytest.mark.parametrize("first", ["first of all", "known"])
def test_fork_while_a_thread_makes_first_calls(program, first):
    """The child uses that class, too, and others; it has no thread that would give back a lock or end an import."""
    code = COLD + """
import sys
known, hung = sys.argv[1] == "known", 0
for attempt in range(int(sys.argv[2])):
    one, other = cold(), cold()
    if known:
        right(*cold())
    thread = threading.Thread(target=right, args=one)
    thread.start()
    for _ in range(attempt * 1400 + int(sys.argv[3])):
        pass
    pid = os.fork()
    if not pid:
        signal.alarm(100)
        os._exit(not (right(*one) and right(*other) and right(*cold())))
    hung += os.waitpid(pid, 0)[1] != 0
    assert right(*one) and right(*other)
    thread.join()
assert not hung, hung
"""
    runs = [("known", 20, 0)] if first == "known" else [("first", 1, 3000 * i) for i in range(12)]
    run = program(code)
    for at in range(0, len(runs), 4):
        for process in [run.start(*r) for r in runs[at : at + 4]]:
            out, err = process.communicate(timeout=600)
            assert process.returncode == 0, out + err


def test_fork_in_a_handler_while_first_calls_wait(program):
    """The child of a signal handler's fork goes on with the call that was interrupted."""
    program(
        COLD
        + """
children, wrong = [], []
def handler(*_):
    pid = os.fork()
    if pid:
        children.append(pid)
    else:
        signal.setitimer(signal.ITIMER_REAL, 0)
        global parent
        parent = False
parent = True
signal.signal(signal.SIGALRM, handler)
for attempt in range(25):
    one = cold()
    signal.setitimer(signal.ITIMER_REAL, 0.0002 * (attempt % 20 + 1))
    ok = right(*one) and right(*cold())
    signal.setitimer(signal.ITIMER_REAL, 0)
    if not parent:
        os._exit(not (ok and right(*cold())))
    assert ok
    while children:
        wrong.append(os.waitpid(children.pop(), 0)[1])
assert len(wrong) > 8 and not any(wrong), wrong
del one
assert jitd._jitd.check() == (0, "")
"""
    ).run()


def test_signals_that_raise_during_first_calls(program):
    """An exception out of a handler ends the call, and nothing else: the next calls are right, in other threads, too."""
    program(
        COLD
        + """
class Stop(Exception):
    pass
def handler(*_):
    raise Stop
signal.signal(signal.SIGALRM, handler)
stopped = 0
for attempt in range(70):
    one = cold()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.00015 * (attempt % 35) + 0.00005 * (attempt // 35 + 1))
        right(*one)
        signal.setitimer(signal.ITIMER_REAL, 0)
    except Stop:
        stopped += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    if attempt % 10 == 0:
        thread = threading.Thread(target=right, args=one)
        thread.start()
        thread.join(300)
        assert not thread.is_alive()
    assert right(*one), attempt
assert stopped > 9, stopped
"""
    ).run()


class _Interrupted(Exception):
    pass


def _interrupted_at(number, function, *arguments):
    """Calls it, with an exception where the number-th time a signal handler could run: behind a call of C, and where a function begins."""
    left = [number]

    def place(_frame, event, _argument):
        if event in ("call", "c_return"):
            left[0] -= 1
            if left[0] == 0:
                raise _Interrupted

    sys.setprofile(place)
    try:
        function(*arguments)
    except _Interrupted:
        pass
    finally:
        sys.setprofile(None)
    return left[0] <= 0


def _free_of_flights(key):
    """Whether another thread can have the flight at once."""
    done = []
    thread = threading.Thread(target=lambda: flight.alone(key, done.append, 1) or flight.alone(key, done.append, 1))
    thread.start()
    thread.join(20)
    return done == [1]


def test_no_exception_leaves_a_flight_behind():
    for number in range(1, 1000):
        key = ("interrupted", number)
        interrupted = _interrupted_at(number, flight.alone, key, len, ())
        assert _free_of_flights(key), number
        if not interrupted:
            break
    assert 8 < number < 100
    with pytest.raises(ValueError):
        flight.alone("that fails", int, "x")
    assert "that fails" not in flight._flights


def test_no_exception_leaves_a_waiter_behind():
    """A thread that waits for another one's flight is interrupted."""
    for number in range(1, 1000):
        key, begun, end = ("waited for", number), threading.Event(), threading.Event()
        owner = threading.Thread(target=flight.alone, args=(key, lambda begun=begun, end=end: (begun.set(), end.wait(60))))
        owner.start()
        assert begun.wait(60)
        threading.Timer(0.01, end.set).start()
        interrupted = _interrupted_at(number, flight.alone, key, len, ())
        end.set()
        owner.join(60)
        assert _free_of_flights(key), number
        if not interrupted:
            break
    assert 8 < number < 100


def test_handlers_that_make_the_same_first_call(program):
    program(
        COLD
        + """
signal.signal(signal.SIGALRM, lambda *_: seen.append(right(*one)))
seen = []
for attempt in range(70):
    one = cold()
    signal.setitimer(signal.ITIMER_REAL, 0.0001 * (attempt % 35 + 1))
    assert right(*one)
    signal.setitimer(signal.ITIMER_REAL, 0)
assert len(seen) > 20 and all(seen), seen
"""
    ).run()


# The daemon sleeps (SIGSTOP) until the program has shown that it does not.
ASLEEP = COLD + """
daemon = int(sys.argv[1])
known = cold()
assert right(*known)
def while_asleep(action):
    "Runs the action while another thread waits for the daemon, which wakes up afterwards."
    one = cold()
    os.kill(daemon, signal.SIGSTOP)
    results = []
    thread = threading.Thread(target=lambda: results.append(right(*one)))
    thread.start()
    while not waiting():
        time.sleep(0.001)
    action()
    assert thread.is_alive() and not results
    os.kill(daemon, signal.SIGCONT)
    thread.join()
    assert results == [True]
def waiting():
    return any(frame.f_code.co_name == "ask" for frame in map(innermost, sys._current_frames().values()))
def innermost(frame):
    return frame
"""


def test_others_go_on_while_one_waits(program, own_daemon):
    """The interpreter lock is not held: calls, new objects, known functions with known types run while the daemon is silent."""
    program(
        ASLEEP
        + """
def work():
    kept = [known[1](i) for i in range(100)]
    assert sum(k.typed(1) for k in kept) == 5050 and known[2](2) == 6
while_asleep(work)
""",
        JITD_SOCKET=own_daemon.socket,
    ).run(own_daemon.process.pid)


def test_fork_while_one_waits(program, own_daemon):
    """fork() does not wait for a compilation. The child waits for the daemon as everybody does."""
    program(
        ASLEEP
        + """
pids = []
def fork():
    pid = os.fork()
    if not pid:
        os._exit(not (right(*known) and right(*cold())))
    pids.append(pid)
def forked():
    waker = subprocess.Popen(["sh", "-c", f"sleep 0.05; kill -CONT {daemon}"])  # a child comes to the daemon before fork() returns
    fork()
    waker.wait()
one = cold()
os.kill(daemon, signal.SIGSTOP)
results = []
thread = threading.Thread(target=lambda: results.append(right(*one)))
thread.start()
while not waiting():
    time.sleep(0.001)
forked()
thread.join()
assert results == [True] and [os.waitpid(pid, 0)[1] for pid in pids] == [0]
""",
        JITD_SOCKET=own_daemon.socket,
    ).run(own_daemon.process.pid)


def test_the_daemon_dies_while_many_wait(program, own_daemon):
    """All of them go on as plain Python."""
    program(
        ASLEEP
        + """
warnings.simplefilter("ignore")
os.kill(daemon, signal.SIGSTOP)
mine = [cold() for _ in range(6)]
results = []
threads = [threading.Thread(target=lambda one=one: results.append(right(*one))) for one in mine + mine]
for t in threads: t.start()
while not waiting():
    time.sleep(0.001)
os.kill(daemon, signal.SIGKILL)
for t in threads: t.join()
assert results == [True] * 12, results
assert right(*known) and right(*cold())
pid = os.fork()
if not pid:
    os._exit(not (right(*known) and right(*cold())))
assert os.waitpid(pid, 0)[1] == 0
""",
        JITD_SOCKET=own_daemon.socket,
    ).run(own_daemon.process.pid)
    own_daemon.process.wait()
    own_daemon.start()  # what the fixture stops


def test_fork_in_a_handler_while_publishing(program, own_daemon):
    """Parent and child both publish: the name holds a count of the object, whoever came last."""
    program(
        """
import jitd, os, signal, sys, time
daemon = int(sys.argv[1])
@jitd.jitclass
class P:
    n: int
    other: "P | None" = None
def handler(*_):
    global child
    os.kill(daemon, signal.SIGCONT)
    child = os.fork()
signal.signal(signal.SIGALRM, handler)
for attempt in range(20):
    p = P(attempt, P(-attempt))
    child = None
    os.kill(daemon, signal.SIGSTOP)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    jitd.publish("p", p)
    assert child is not None
    if not child:
        q = jitd.lookup("p")
        os._exit(not (q is p and q.n == attempt and q.other.n == -attempt))
    assert os.waitpid(child, 0)[1] == 0
    del p
    for i in range(2000):
        P(7, P(8))
    p = jitd.lookup("p")
    assert (p.n, p.other.n) == (attempt, -attempt)
jitd.publish("p", None)
del p
patience = time.monotonic() + 60
while jitd._jitd.arena_stats()["shared_objects"] and time.monotonic() < patience:
    time.sleep(0.01), jitd.stats(), jitd._jitd.reap(), P(1)  # the daemon has yet to see the children's ends
assert jitd._jitd.check() == (0, "")
assert jitd.stats()["process"]["shared_objects"] == 0, jitd.stats()["process"]
""",
        JITD_SOCKET=own_daemon.socket,
    ).run(own_daemon.process.pid)


def test_warnings_come_when_nothing_is_locked(program):
    """Showing a warning runs code of others: it may use jitd in another thread, fork, or raise."""
    program(
        """
import jitd, os, threading, warnings
@jitd.jitclass
class A:
    def left(self, d: dict) -> int:
        return len({**d})
    def f(self) -> int:
        return 5
@jitd.jitclass
class B:
    def f(self) -> int:
        return 6
shown = []
def show(*arguments, **more):
    got = []
    thread = threading.Thread(target=lambda: got.append(B().f()))
    thread.start()
    thread.join(100)
    pid = os.fork()
    if not pid:
        os._exit(A().f() != 5 or B().f() != 6)
    shown.append((got, os.waitpid(pid, 0)[1]))
warnings.showwarning = show
warnings.simplefilter("ignore", DeprecationWarning)  # that of a fork: the joined thread may not be gone
assert A().f() == 5 and A().left({}) == 0
assert shown == [([6], 0)], shown
@jitd.jitclass
class C:
    def left(self, d: dict) -> int:
        return len({**d})
    def f(self) -> int:
        return 7
warnings.simplefilter("error")
try:
    C()
except jitd.CompileWarning:
    pass
else:
    raise AssertionError
assert C().f() == 7 and C().left({}) == 0
"""
    ).run()


def test_a_warning_of_a_fork_may_use_jitd(program):
    """Python 3.12 and later warn of a fork with threads, some before what is registered for the parent is called."""
    program(
        """
import jitd, os, sys, threading, warnings
@jitd.jitclass
class A:
    n: int
    def f(self) -> int:
        return self.n
assert A(5).f() == 5
a, shown = A(7), []
def show(*arguments, **more):
    got = []
    thread = threading.Thread(target=lambda: got.append((A(6).f(), a.f())))
    thread.start()
    thread.join(60)
    shown.append((got, a.f(), A(8).f()))
warnings.showwarning = show
warnings.simplefilter("always")
there = threading.Event()
thread = threading.Thread(target=lambda: (A(1).f(), there.wait()))
thread.start()
for _ in range(3):
    pid = os.fork()
    if not pid:
        os._exit(a.f() != 7 or A(9).f() != 9)
    assert os.waitpid(pid, 0)[1] == 0
there.set()
thread.join()
assert shown == [([(6, 7)], 7, 8)] * (3 if sys.version_info >= (3, 12) else 0), shown
"""
    ).run()


def _takes_the_lock():
    """Whether another thread gets it."""
    got = []

    def take():
        if flight.lock.acquire(True, 20):
            flight.lock.release()
            got.append(1)

    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    return got == [1]


def test_no_exception_leaves_the_lock_taken():
    done, function = [], flight.locked(lambda: done.append(len(())))
    for number in range(1, 100):
        interrupted = _interrupted_at(number, function)
        assert _takes_the_lock(), number
        if not interrupted:
            break
    assert 3 < number < 20 and done
    with pytest.raises(ZeroDivisionError):
        flight.locked(lambda: 1 // 0)()
    assert _takes_the_lock() and not flight.lock._is_owned()


def _classes(n, later):
    """So many; and with each one that names what is never there."""
    many = "@jitd.jitclass\nclass {0}{1}:\n    n: {2}\n    def get(self, k: int) -> int:\n        return self.n + {1} * k\n"
    return "import jitd\n" + "".join(many.format("Many", i, "int") + later * many.format("Named", i, f"'Never{i}'") for i in range(n))


@pytest.mark.parametrize("later", [False, True])
def test_first_uses_of_many_classes_take_linear_time(monkeypatch, later):
    """Each class is looked up with all others once, and once more when it is used; one whose names are not there is not tried each time."""
    from jitd import link

    keys, tried, module = [], [], {"__name__": __name__}
    text = _classes(64, later)
    file = f"<many {later}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    exec(compile(text, file, "exec"), module)

    def request(message, body, real=jitd._jitd.request):
        keys.extend(body.get("keys", ()))
        return real(message, body)

    def can_prepare(record, final=True, real=link.prepare):
        tried.append(record)
        real(record, final)

    monkeypatch.setattr(jitd._jitd, "request", request)
    monkeypatch.setattr(link, "prepare", can_prepare)
    jitd.stats()
    link.finish_pending()
    del keys[:], tried[:]
    for i in range(64):
        assert module[f"Many{i}"](i).get(2) == 3 * i
    assert len(keys) <= 2 * 64
    assert len(tried) <= 64 * (2 if not later else 20)


def test_a_class_that_was_never_used_goes():
    def make():
        @jitd.jitclass
        class Gone:
            n: int

        return weakref.ref(Gone)

    gone = make()
    gc.collect()
    assert gone() is None
