"""What a compiled loop refers to stays alive while other code runs in its poll, and after it: its last count may be dropped there."""

import gc
import signal

import jitd
import pytest

pytestmark = pytest.mark.usefixtures("daemon")
LONG = 2000


@jitd.jitclass
class Link:
    value: int
    go: bool = True
    next: "Link | None" = None

    def walk(self, work: int) -> "Link | None":
        node = self.next
        s = 0
        while node is not None and self.go:
            for i in range(work):
                s ^= i * node.value
            node = node.next
        return node if s != -1 else None

    def grow(self, value: int) -> None:
        self.next = Link(value)

    def wait(self, work: int) -> "Link | None":
        node = self.next
        s = 0
        while self.go:
            for i in range(work):
                s += i & 1
        return node

    def value_at(self, work: int) -> int:
        node = self.next
        s = 0
        while node is not None:
            for i in range(work):
                s ^= i * node.value
            if not self.go:
                break
            node = node.next
        return node.value if node is not None else s


def line():
    """A node with a line of others behind it, which only it holds."""
    head = Link(0)
    for value in range(LONG, 0, -1):
        head.next = Link(value, True, head.next)
    return head


def cut_while(call, head):
    """Drops the line while the loop is in it, so that only the loop has the node where it is."""

    def handler(*_):
        head.go = False
        head.next = None

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    try:
        return call(100_000)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module", autouse=True)
def compiled(daemon):
    assert line().walk(1) is None and line().value_at(1) >= 0 and Link(1, False).wait(1) is None
    assert all(f"{name}: compiled" in str(jitd.explain(Link)) for name in ("walk", "value_at", "wait"))


@pytest.mark.parametrize("turn", range(3))
def test_the_node_where_the_loop_is(turn):
    head = line()
    node = cut_while(head.walk, head)
    others = [Link(-1) for _ in range(3 * LONG)]  # would be where the node was
    assert node is not None and 1 <= node.value <= LONG
    assert sum(other.value for other in others) == -len(others)
    count, rest = 0, node
    while rest is not None:
        assert rest.value == node.value + count
        count, rest = count + 1, rest.next
    assert node.value + count == LONG + 1


def test_its_value():
    head = line()
    assert 1 <= cut_while(head.value_at, head) <= LONG


@pytest.mark.parametrize("turn", range(3))
def test_a_node_that_python_has_never_seen(turn):
    head = Link(0)
    head.grow(5)
    node = cut_while(head.wait, head)
    others = [Link(-1) for _ in range(300)]
    assert node is not None and node.value == 5 and node.next is None
    assert all(other.value == -1 and other is not node for other in others)


def test_nothing_stays_behind():
    head = line()
    gc.collect()
    before = jitd.stats()["process"]["objects"]
    cut_while(head.walk, head)
    cut_while(head.value_at, head)
    gc.collect()
    assert jitd.stats()["process"]["objects"] <= before - LONG
