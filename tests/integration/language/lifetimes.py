"""References under attack, for test_semantics_references.py."""

from typing import Optional


@jitclass
class Node:
    v: int
    next: Optional["Node"] = None
    other: Optional["Node"] = None

    def replaced(self, v: int) -> "Node":
        self.next = None
        self.next = Node(v)
        return self.next

    def compare_with_replaced(self) -> bool:
        return self.next is self.replaced(5)

    def compare_not_replaced(self) -> bool:
        return self.next is not self.replaced(5)

    def cut(self) -> int:
        self.next = None
        Node(77)
        Node(78)
        return 1

    def read_after_cut(self) -> int:
        n = self.next
        self.cut()
        a, b = Node(1), Node(2)
        return n.v + a.v + b.v if n is not None else -1

    def add_around_cut(self) -> int:
        return self.next.v * 100 + self.cut() + (self.next.v if self.next is not None else 5)

    def narrowed_then_cut(self) -> int:
        if self.next is not None:
            self.cut()
            return self.next.v
        return 0

    def narrowed_alias(self, o: "Node") -> int:
        if self.next is not None and o.cut() > 0:
            return self.next.v
        return 0

    def narrowed_local(self) -> int:
        n = self.next
        if n is not None:
            n = n.next
            return n.v
        return 0

    def narrowed_loop(self, k: int) -> int:
        n = self.next
        s = 0
        if n is None:
            return -1
        for i in range(k):
            s += n.v
            n = n.next
        return s

    def narrowed_while_else(self) -> int:
        n = self.next
        while n is not None:
            if n.v == 7:
                break
            n = n.next
        else:
            return n is None
        return n.v

    def narrowed_early(self, o: Optional["Node"]) -> int:
        if o is None:
            return -1
        x = o.v
        o = o.next
        return x + o.v

    def narrowed_or(self, o: Optional["Node"], p: Optional["Node"]) -> int:
        if o is None or p is None:
            return 0
        return o.v + p.v

    def narrowed_not(self, o: Optional["Node"]) -> int:
        if not (o is None) and not not o:
            return o.v
        return 0

    def narrowed_assert(self, o: Optional["Node"]) -> int:
        assert o is not None, "none"
        return o.v

    def walrus_chain(self) -> int:
        if (a := self.next) and (b := a.next) and (c := b.next):
            return a.v + b.v + c.v
        return a is None

    def and_value(self, o: Optional["Node"]) -> Optional["Node"]:
        return o and o.next

    def or_value(self, o: Optional["Node"]) -> "Node":
        return o or self.next or Node(9)

    def callee_cuts_argument(self, n: "Node") -> int:
        self.next = None
        Node(55)
        return n.v

    def pass_own_field(self) -> int:
        return self.callee_cuts_argument(self.next)

    def receiver_cut(self) -> int:
        return self.next.cut_parent(self)

    def cut_parent(self, parent: "Node") -> int:
        parent.next = None
        Node(55)
        self.v += 1
        return self.v

    def swap_fields(self, o: "Node") -> None:
        self.next, o.next = o.next, self.next

    def rotate(self) -> None:
        self.next, self.other, self.next = self.other, self.next, self.next

    def self_cycle(self) -> int:
        self.next = self
        self.other = self
        x = self.next.other.next.v
        self.next = None
        self.other = None
        return x

    def pair_cycle(self) -> int:
        a = Node(1)
        b = Node(2, a)
        a.next = b
        r = a.next.next.v
        a.next = None
        return r

    def overwrite_self_argument(self, o: Optional["Node"]) -> int:
        o = Node(3)
        o = Node(4, o)
        o = o.next
        return o.v

    def return_argument(self, o: Optional["Node"]) -> Optional["Node"]:
        return o

    def return_self(self) -> "Node":
        return self

    def return_pair(self, o: "Node"):
        return self, o, self

    def construct_and_fail(self, k: int) -> "Node":
        return Node(7 // k, Node(1), Node(2, self))

    def construct_and_fail_late(self, k: int) -> "Node":
        return Node(1, Node(1), Node(7 // k, self))

    def tuple_and_fail(self, k: int) -> int:
        a, b, c = Node(1), Node(2, self), Node(7 // k)
        return a.v + b.v + c.v

    def call_and_fail(self, k: int) -> int:
        return self.take(Node(1), Node(2), 7 // k)

    def take(self, a: "Node", b: "Node", k: int) -> int:
        a.next = b
        return 7 // (k - 7)

    def compare_temporaries(self) -> bool:
        return Node(1) is not Node(2) is not self is self

    def compare_chain(self, o: "Node") -> bool:
        return self is self.return_self() is o.return_self() is o

    def conditional_temporaries(self, k: int) -> int:
        return (Node(1) if k > 0 else Node(2, self)).v + (Node(3) or self).v

    def raise_with_temporaries(self, k: int) -> int:
        a = Node(k)
        raise ValueError(Node(3, a).v, f"{Node(4).v}")

    def loop_temporaries(self, k: int) -> int:
        s = 0
        keep = self
        for i in range(k):
            keep = Node(i, keep if i % 3 else None)
            s += keep.v + (keep.next.v if keep.next else 0)
            if i % 7 == 3:
                continue
            if i == 50:
                break
        else:
            s += 1000
        return s

    def discard_all(self) -> None:
        Node(1)
        Node(2), Node(3)
        Node(4) if self.v else None
        Node(5) or Node(6)
        Node(7) and Node(8)
        Node(1) is Node(2)
        (x := Node(9))
        (Node(1), (Node(2), 3))[1]
        self.return_pair(Node(3))

    def unpack_nested(self, o: "Node") -> int:
        (a, b), c = (self, o), Node(3)
        (self.next, x), self.other = (a, b), c
        return x.v + self.next.v + self.other.v

    def walrus_reassign(self, o: "Node") -> bool:
        return (o, (o := Node(5)))[0] is o

    def walrus_argument(self, o: "Node") -> int:
        return self.second(o, (o := Node(6)), o)

    def second(self, a: "Node", b: "Node", c: "Node") -> int:
        return a.v * 100 + b.v * 10 + c.v

    def none_then_ref(self, k: int) -> Optional["Node"]:
        x = None
        for i in range(k):
            x = Node(i, x)
        return x

    def int_then_ref(self, k: int) -> int:
        x = k
        y = x + 1
        x = Node(y)
        z = x.v
        x = z
        return x

    def unlink_all(self) -> None:
        n = self
        while n is not None:
            nxt = n.next
            n.next = None
            n.other = None
            n = nxt

    def count(self) -> int:
        n = self
        c = 0
        while (n := n.next) is not None:
            c += 1
        return c


@jitclass
class Tree:
    left: Optional["Tree"]
    right: Optional["Tree"]
    depth: int

    def __init__(self, depth: int, fail: int):
        self.depth = depth
        if depth > 0:
            self.left = Tree(depth - 1, fail)
            self.right = Tree(depth - 1, fail)
        else:
            self.left = None
            self.right = None
        if depth == fail:
            raise ValueError(depth)

    def size(self) -> int:
        return 1 + (self.left.size() if self.left else 0) + (self.right.size() if self.right is not None else 0)


@jitclass
class Lazy:
    a: int
    ref: Node
    opt: Optional[Node]

    def __init__(self, k: int):
        self.a = k
        if k > 1:
            self.ref = Node(k)
        if k > 2:
            self.opt = self.ref

    def read(self) -> int:
        return self.ref.v

    def read_opt(self) -> bool:
        return self.opt is None

    def copy(self, o: "Lazy") -> int:
        self.ref = o.ref
        return self.ref.v

    def compare(self) -> bool:
        return self.opt is self.ref


def tree(depth: int, fail: int) -> int:
    return Tree(depth, fail).size()


def make_lazy(k: int) -> int:
    return Lazy(k).read()


def build(n: int) -> Optional[Node]:
    if n == 0:
        return None
    return Node(n, build(n - 1))


def swap_args(a: Node, b: Node):
    a, b = b, a
    return b, a


def nothing(a: Optional[Node]) -> bool:
    return a == None


def unbound_ref(k: int) -> int:
    if k > 0:
        n = Node(k)
    return n.v
