from typing import Optional

import jitd


@jitd.jitclass
class Node:
    value: int
    next: "Optional[Node]" = None

    def total(self) -> int:
        s = 0
        node: "Optional[Node]" = self
        while node is not None:
            s += node.value
            node = node.next
        return s

    def push(self, value: int) -> "Node":
        return Node(value, self)

    def cut(self) -> "Optional[Node]":
        rest = self.next
        self.next = None
        return rest

    def swapped(self, a: "Node", b: "Node") -> "Node":
        a, b = b, a
        a.next = b
        return a

    def second(self) -> int:
        return self.push(1).next.value
