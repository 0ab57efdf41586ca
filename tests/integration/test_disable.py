"""Without a daemon the same API runs as plain Python, and one log line says so."""

import pytest

CODE = """
import jitd, logging, os, sys
logging.basicConfig(format="%(name)s:%(message)s")

@jitd.jitclass
class Node:
    v: int
    next: "Node | None" = None
    small: jitd.int8 = 1
    def total(self) -> int:
        return self.v if self.next is None else self.v + self.next.total()
    @property
    def twice(self): return self.v * 2

@jitd.jit
def add(a, b): return a + b

n = Node(1, Node(2))
assert n.total() == 3 and n.twice == 2 and add(1, 2) == 3 and add("a", "b") == "ab" and n.next is n.next
assert Node(2**62, Node(2**62)).total() == 2**63
try: n.small = 200
except OverflowError: pass
else: raise AssertionError
pid = os.fork()
if not pid:
    n.v = 50
    assert Node(7).v == 7 and n.total() == 52
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
assert n.v == 1, "a fork without a daemon copies, as with any Python object"
try: jitd.inspect_asm(Node)
except LookupError as error: assert str(error) == "__main__.Node: there is no daemon, it runs as plain Python", error
else: raise AssertionError
print(jitd.explain(Node).splitlines()[0], jitd.stats()["process"]["connected"])
"""


@pytest.mark.parametrize("env", [{"JITD_DISABLE": "1"}, {"JITD_SOCKET": "/nonexistent/jitd.sock", "PATH": "/nonexistent"}])
def test_plain_python(program, env):
    done = program(CODE, **env).run()
    assert "no daemon: plain Python) False" in done.stdout
    assert done.stderr.count("jitd:") >= 1 and len(done.stderr.splitlines()) == 1, done.stderr


def test_jit_returns_the_function_when_disabled(program):
    assert program("import jitd\ndef f(): return 1\nprint(jitd.jit(f) is f)", JITD_DISABLE="1").run().stdout == "True\n"
