import math
from typing import Optional
class A:
    x: int
    f: float
    nxt: Optional["A"]
    def r1(self): return lambda: 1
    def r2(self): return [1, 2]
    def r3(self): return "abc"
    def r4(self):
        with open("x") as f:
            return 1
    def r5(self):
        try:
            return 1
        except ValueError:
            return 2
    def r6(self): return {1: 2}
    def r7(self):
        self.x = 1.5
    def r8(self):
        s = 0
        for i in range(10):
            s += 0.5
        return s
    def r9(self): return print("x")
    def r10(self, q: int): return undefined_name + q
    def r11(self): return max(1, 2.5)
    def r12(self): return self.nosuch
    def r13(self): return self.x.real
    def r14(self, y: int):
        self.nxt.x = 5
        if y: return 0
        return 1.5
    def r15(self): return self.r1()
    def r16(self): return 99999999999999999999
    def r17(self): return self.x @ 2
    def r18(self): return self.x if self.f else self.f
    def r19(self): return 1 in (1, 2)
    def r20(self): return round(self.f, 2) + len((1,2,3))
    def r21(self):
        for c in "abc": pass
    def r22(self): return self + 1
    def r23(self): return f"{self.x}"
    def r24(self): raise ValueError from None
    def r25(self):
        del self.x
    def r26(self, a: int):
        a.b = 3
    def r27(self):
        a, b = 1, 2, 3
    def r28(self): return self.r20(1)
    def r29(self): return A(1)
    def r30(self):
        global z
        z = 1
    def r31(self): return 3j
    def r32(self): return math.fsum(1)
    def r33(self):
        yield 1
    def r34(self, *a): return 1
    async def r35(self): return 1
    def r36(self): return self.nxt == 3
    def r37(self):
        x: int = 5
        return x
    def r38(self, k: int) -> float:
        self.nxt.x = 1
        for i in range(k):
            if i > 3:
                return 1.5
