from typing import Optional


class Node:
    value: int
    next: Optional["Node"] = None

    def total(self) -> int:
        s = 0
        cur = self
        while cur is not None:
            s += cur.value
            cur = cur.next
        return s

    def second(self) -> int:
        return self.next.value

    def narrowed(self) -> int:
        n = self.next
        if n is None or n.next is None:
            return 0
        return n.next.value if n else 1

    def either(self, other: Optional["Node"]) -> "Node":
        return other or self
