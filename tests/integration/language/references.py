"""Classes that refer to each other, for test_references.py."""

from typing import Optional

@jitclass
class Leaf:
    v: int
    other: Optional["Leaf"] = None

@jitclass
class Tree:
    left: Optional["Tree"] = None
    right: Optional["Tree"] = None
    value: int = 0

    def insert(self, v: int) -> None:
        if v < self.value:
            if self.left is None:
                self.left = Tree(None, None, v)
            else:
                self.left.insert(v)
        else:
            if self.right is None:
                self.right = Tree(None, None, v)
            else:
                self.right.insert(v)

    def total(self) -> int:
        s = self.value
        if self.left:
            s += self.left.total()
        if self.right:
            s += self.right.total()
        return s

    def depth(self) -> int:
        l = self.left.depth() if self.left is not None else 0
        r = self.right.depth() if self.right is not None else 0
        return 1 + max(l, r)

    def swap(self) -> None:
        self.left, self.right = self.right, self.left

    def rotate(self) -> Optional["Tree"]:
        a = self.left
        if a is None:
            return self
        self.left = a.right
        a.right = self
        return a

    def clear(self) -> None:
        self.left = self.right = None

def make(n: int) -> Tree:
    t = Tree(None, None, n // 2)
    x = 12345
    for i in range(n):
        x = (x * 1103515245 + 12345) % 2147483648
        t.insert(x % n)
    return t

def churn(n: int) -> int:
    keep = Leaf(0)
    t = 0
    for i in range(n):
        a = Leaf(i, keep)
        b = Leaf(i + 1, a)
        a, b = b, a
        keep = a if i % 3 == 0 else b
        pair = (a, b)
        c = pair[1]
        if keep.other is not None:
            t += keep.other.v
        keep.other = None
        t += c.v
    return t

def trapping(n: int, d: int) -> int:
    a = Leaf(1)
    b = Leaf(2, a)
    a.other = None
    c = Leaf(n // d, b)
    return c.v

def pick(a: Leaf, b: Optional[Leaf], k: int) -> Leaf:
    x = b or a
    y = x if k > 0 else a
    while (z := y.other) is not None:
        y = z
    return y

def chain(n: int) -> Leaf:
    head = Leaf(0)
    for i in range(1, n):
        head = Leaf(i, head)
    return head

def mk(k: int):
    return Leaf(k), Leaf(k + 1), k

def use(k: int) -> int:
    a, b, n = mk(k)
    a.other = b
    return a.other.v + n + mk(k)[1].v

def discard(k: int) -> int:
    Leaf(k)
    mk(k)
    return Leaf(k + 3).v

def same(a: Leaf, b: Leaf) -> bool:
    return a is b or a.other is b and b is not None or a == b

def raising(k: int) -> int:
    a = Leaf(k)
    b = Leaf(k, a)
    if k > 3:
        raise ValueError(f"k={k}", b.v)
    return b.other.v

def deep(n: int) -> int:
    if n == 0:
        return Leaf(5).v
    keep = Leaf(n)
    return deep(n - 1) + keep.v


@jitclass
class Ring:
    first: Optional[Leaf] = None
    turns: int = 0

    def walk(self, n: int) -> int:
        cur = self.first
        t = 0
        for i in range(n):
            if cur is None:
                cur = self.first
            if cur is None:
                break
            t ^= cur.v
            cur = cur.other
        return t
