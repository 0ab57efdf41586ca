"""Objects that several processes see: published names, identity, counts, and what stays after a process ends."""

import os

import pytest

import jitd
from jitd import _jitd

SHARED = """
import jitd, os, sys, time

@jitd.jitclass
class Account:
    balance: int
    next: "Account | None" = None

    def deposit(self, n: int):
        for i in range(n):
            self.balance = self.balance + 1

    def total(self) -> int:
        t = self.balance
        node = self.next
        while node is not None:
            t = t + node.balance
            node = node.next
        return t
"""


@jitd.jitclass
class Shared:
    n: int
    other: "Shared | None" = None

    def swap_in(self, new: "Shared"):
        old = self.other
        self.other = new
        return old


def test_publish_and_lookup_in_one_process():
    a = Shared(1)
    jitd.publish("test.a", a)
    assert jitd.lookup("test.a") is a
    jitd.publish("test.a", Shared(2))
    assert jitd.lookup("test.a").n == 2 and a.n == 1
    jitd.publish("test.a", None)
    with pytest.raises(KeyError):
        jitd.lookup("test.a")
    with pytest.raises(TypeError, match="only instances of a jitclass"):
        jitd.publish("test.a", 3)


def test_a_name_keeps_its_object_alive():
    jitd.publish("test.kept", Shared(7, Shared(8)))
    assert jitd.lookup("test.kept").other.n == 8
    jitd.publish("test.kept", None)


def test_a_shared_object_refers_to_shared_objects():
    a = Shared(1)
    jitd.publish("test.root", a)
    b = Shared(2)
    a.other = b
    assert a.other is b and a.swap_in(Shared(3)) is b and a.other.n == 3
    c = jitd.lookup("test.root")
    assert c is a and c.other.n == 3
    jitd.publish("test.root", None)


def test_two_programs_share_an_object(program, own_daemon):
    env = {"JITD_SOCKET": own_daemon.socket}
    publisher = program(
        SHARED + "a = Account(100, Account(11)); jitd.publish('acc', a)\nprint('ready', flush=True); sys.stdin.read(); print(a.balance, a.total())",
        name="shared_program.py",
        **env,
    ).start(stdin=-1)
    assert publisher.stdout.readline() == "ready\n"
    # The same file, so the same class: another process finds it compiled and the object where it was published.
    visitor = program(
        "import importlib.util, sys\n"
        "from shared_module import *\n"
        "a = jitd.lookup('acc'); a.deposit(5); print(a.balance, a.next.balance, a.total())",
        name="visitor.py",
        **env,
    )
    (visitor.path.parent / "shared_module.py").write_text(SHARED)
    failed = visitor.run(check=False)
    assert "not one that this process has imported" in failed.stderr, "another module's class is another class"
    publisher.communicate("go")
    two = SHARED + (
        "if sys.argv[1] == 'publish': jitd.publish('acc2', Account(100, Account(11)))\n"
        "else:\n  a = jitd.lookup('acc2'); a.deposit(5); print(a.balance, a.next.balance, a.total(), a.next is a.next)"
    )
    both = program(two, name="both.py", **env)
    both.run("publish")
    assert both.run("visit").stdout == "105 11 116 True\n"
    assert both.run("visit").stdout == "110 11 121 True\n"


def test_many_processes_at_once(program, own_daemon):
    code = SHARED + (
        "if sys.argv[1] == 'publish':\n  jitd.publish('many', Account(0))\n  sys.exit()\n"
        "a = jitd.lookup('many')\n"
        "for i in range(200): a.next = Account(i, Account(i)); a.total()\n"
        "print(a.next.next.balance >= 0)"
    )
    p = program(code, JITD_SOCKET=own_daemon.socket)
    p.run("publish")
    workers = [p.start("work") for _ in range(6)]
    for w in workers:
        out, err = w.communicate(timeout=600)
        assert out == "True\n", err
    checked = program(SHARED + "a = jitd.lookup('many'); jitd._jitd.reap(); print(jitd._jitd.check())".replace("jitd._jitd", "__import__('jitd._jitd', fromlist=['x'])"), JITD_SOCKET=own_daemon.socket).run()
    assert checked.stdout == "(0, '')\n"


def test_one_compilation_for_all(program, own_daemon):
    p = program(
        """
        import jitd
        @jitd.jitclass
        class P:
            x: float
            def double(self) -> float: return self.x + self.x
        assert P(1.5).double() == 3.0
        print(jitd.stats()["machine"]["compilations"])
        """,
        JITD_SOCKET=own_daemon.socket,
    )
    workers = [p.start() for _ in range(6)]
    assert {w.communicate(timeout=600)[0] for w in workers} == {"1\n"}


def test_code_pages_are_shared_and_never_writable():
    Shared(1).swap_in(Shared(2))
    code = [line for line in open("/proc/self/maps") if "memfd:jitd-code" in line]  # not a library of a like name
    assert any("x" in line.split()[1] for line in code), "the code segments are mapped"
    assert all("w" not in line.split()[1] for line in code)
    start = code[0].split("-")[0]
    with pytest.raises(OSError):
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        size = 4096
        if libc.mprotect(ctypes.c_void_p(int(start, 16)), ctypes.c_size_t(size), 7):
            raise OSError(ctypes.get_errno(), "mprotect")


def test_code_is_one_physical_copy(program, own_daemon):
    code = SHARED + (
        "a = Account(1); a.deposit(3)\nprint('ready', flush=True); sys.stdin.read()\n"
    )
    p = program(code, JITD_SOCKET=own_daemon.socket)
    workers = [p.start(stdin=-1) for _ in range(3)]
    for w in workers:
        assert w.stdout.readline() == "ready\n"
    inodes = set()
    for w in workers:
        mapped = [line.split() for line in open(f"/proc/{w.pid}/maps") if "r-xs" in line]
        assert mapped, "a shared, read-execute mapping"
        inodes |= {(m[3], m[4]) for m in mapped}
        private = sum(int(v) for v in _smaps(w.pid, "r-xs", "Private_Dirty"))
        assert private == 0
    for w in workers:
        w.communicate("")
    assert len(inodes) == 1, "all of them map the same memory"


def _smaps(pid, permissions, name):
    inside = False
    for line in open(f"/proc/{pid}/smaps"):
        fields = line.split()
        if "-" in fields[0] and not fields[0].endswith(":"):
            inside = fields[1] == permissions
        elif inside and fields[0] == name + ":":
            yield fields[1]


def test_the_arena_is_consistent():
    n, text = _jitd.check()
    assert n == 0, text


MIXED = """
import os, sys, warnings
import jitd

@jitd.jitclass
class Mixed:
    name: str
    n: int
    items: list
    note: str = "none"

    def add(self, k: int) -> int:
        self.n += k
        return self.n

    def total(self, k: int) -> int:
        s = self.n
        for i in range(k):
            s += len(self.items) * 10 + i
        return s
"""


def test_python_fields_stay_in_their_process(program):
    held = program(
        MIXED
        + """
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    mixed = Mixed("here", 5, [1])
    jitd.publish("mixed", mixed)
    jitd.publish("mixed", mixed)
print([str(w.message) for w in said if "other processes" in str(w.message)], flush=True)
sys.stdin.readline()
child = os.fork()
if not child:
    os._exit(0 if (mixed.name, mixed.items, mixed.n) == ("here", [1], 12) else 1)
print(os.waitpid(child, 0)[1], mixed.name, mixed.n, jitd.lookup("mixed") is mixed, flush=True)
"""
    ).start(stdin=-1)
    told = held.stdout.readline()
    assert told.count("other processes do not have the Python fields (name, items, note) of a published instance") == 1
    other = program(
        MIXED
        + """
mixed = jitd.lookup("mixed")
print(mixed.n, mixed.add(7))
for name in ("name", "items", "note"):
    try:
        print(getattr(mixed, name))
    except AttributeError as error:
        print(error)
mixed.name = "there"
print(mixed.name)
own = Mixed("own", 1, [1, 2])
for one in (own, mixed, own):
    try:
        print(one.total(2))
    except AttributeError as error:
        print(error)
print(Mixed.total._counters()["native_calls"] > 0)
"""
    ).run()
    lines = other.stdout.splitlines()
    assert lines[0] == "5 12" and lines[4:6] == ["there", "42"] and lines[7:] == ["42", "True"]
    assert lines[6].startswith("'Mixed' object has no attribute 'items' here")
    for name, line in zip(("name", "items", "note"), lines[1:4]):
        assert line.startswith(f"'Mixed' object has no attribute '{name}' here: it is a Python field of another process")
    out, _ = held.communicate("\n")
    assert out == "0 here 12 True\n"


BESIDE = {
    "spilled": ("one.leaf = Sub(3)", "fields as they are here (leaf)"),
    "deleted": ("del one.n", "fields as they are here (n)"),
    "inferred": ("one.k = 'text'", "fields as they are here (k)"),
    "undeclared": ("one.other = 1", "undeclared attributes (other)"),
    "slot": ("slots.text = 'a'; one = slots", "Python fields (text)"),
    "nothing": ("one.x = float('nan')", None),
    "its own": ("one.late = 5", None),
    "gone": ("one.other = 1; del one.other", None),
    "of a part": ("one.leaf.other = 2", "undeclared attributes (other)"),
    "of a part's part": ("one.leaf.next = Leaf(2); one.leaf.next.words = []", "undeclared attributes (words)"),
    "of one that Python let go": ("one.leaf = Leaf(4); one.leaf.other = 3", "undeclared attributes (other)"),
}


@pytest.mark.parametrize("what", BESIDE)
def test_publish_tells_what_other_processes_do_not_have(program, what):
    do, said = BESIDE[what]
    code = f"""
        from __future__ import annotations
        import jitd
        @jitd.jitclass
        class Leaf:
            n: int
            next: Leaf | None = None
        class Sub(Leaf):
            pass
        @jitd.jitclass
        class One:
            n: int = 0
            x: float = 0.0
            leaf: Leaf
            late: int = 5
            def __init__(self) -> None:
                self.n = 1
                self.x = 1.5
                self.leaf = Leaf(2)
                self.k = 3
            def get(self) -> int:
                return self.n
        @jitd.jitclass
        class Slots:
            __slots__ = ("n", "text")
            n: int
            text: str
            def __init__(self) -> None:
                self.n = 1
        one, slots = One(), Slots()
        one.get()
        {do}
        jitd.publish("beside", one)
        jitd.publish("beside", one)
        jitd.publish("beside", None)
        print(jitd._jitd.check())
    """
    done = program(code).run()
    assert done.stdout == "(0, '')\n"
    told = [line for line in done.stderr.splitlines() if "other processes do not have" in line]
    assert len(told) == bool(said) and all(f"the {said} of a published instance" in line for line in told), done.stderr
