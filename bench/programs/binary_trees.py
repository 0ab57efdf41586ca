"""Binary trees, many small and one that lives long: allocation, recursion, memory that is given back."""

from __future__ import annotations

from typing import Optional

import jitd


@jitd.jitclass
class Tree:
    left: Optional[Tree]
    right: Optional[Tree]

    def __init__(self, left: Optional[Tree], right: Optional[Tree]) -> None:
        self.left = left
        self.right = right

    def check(self) -> int:
        if self.left is None or self.right is None:
            return 1
        return 1 + self.left.check() + self.right.check()


@jitd.jit
def bottom_up(depth: int) -> Tree:
    if depth == 0:
        return Tree(None, None)
    return Tree(bottom_up(depth - 1), bottom_up(depth - 1))


def run(deepest: int = 13) -> list[str]:
    lines = [f"stretch tree of depth {deepest + 1}: {bottom_up(deepest + 1).check()}"]
    long_lived = bottom_up(deepest)
    for depth in range(4, deepest + 1, 4):
        trees = 1 << (deepest - depth + 4)
        check = sum(bottom_up(depth).check() for _ in range(trees))
        lines.append(f"{trees} trees of depth {depth}: {check}")
    lines.append(f"long lived tree of depth {deepest}: {long_lived.check()}")
    return lines
