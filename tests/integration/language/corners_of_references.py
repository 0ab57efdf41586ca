"""References, None, and what tests tell about them, for test_corners.py."""
from typing import Optional


@jitclass
class Ball:
    n: int = 0
    x: float = 0.0
    flag: bool = False
    next: Optional["Ball"] = None

    def note(self, k: int) -> int:
        self.n = self.n * 10 + k
        return k

    def cut(self) -> int:
        self.next = None
        return 1

    def m_narrow_field(self, k: int) -> int:
        if self.next is not None:
            self.cut()
            return self.next.n
        return -1

    def m_narrow_local(self, k: int) -> int:
        p = self.next
        if p is not None:
            self.cut()
            return p.n + k
        return -1

    def m_narrow_loop(self, k: int) -> int:
        p = self.next
        t = 0
        while p is not None and t < 50:
            t += p.n + 1
            if k > 2:
                p = None
            else:
                p = p.next
        return t if p is None else p.n

    def m_narrow_continue(self, k: int) -> int:
        t = 0
        for i in range(5):
            p = self.next if i % 2 == k % 2 else None
            if not p:
                continue
            t = t * 3 + p.n
        return t

    def m_narrow_assert(self, k: int) -> int:
        p = self.next if k > 1 else None
        assert p is not None, k
        return p.n

    def m_narrow_or(self, k: int) -> int:
        p = self.next
        if p is None or p.n > k:
            return 1
        return p.n

    def m_narrow_and(self, k: int) -> int:
        p = self.next
        if k > 2 and p is not None and p.n > 3:
            return p.n
        return 0 if p is None else 2

    def m_narrow_not(self, k: int) -> int:
        p = self.next
        if not (p is None):
            return p.n
        return -2

    def m_narrow_ifexp(self, k: int) -> int:
        p = self.next
        return p.n if p else k

    def m_narrow_rebind(self, k: int) -> int:
        p = self.next
        if p is None:
            p = Ball(k)
        q = p
        p = self.next
        return q.n + (0 if p is None else p.n)

    def m_narrow_else(self, k: int) -> int:
        p = self.next
        if p is not None:
            t = p.n
        else:
            p = Ball(k, next=Ball(k + 1))
            t = p.next.n
        return t + p.n

    def m_walrus(self, k: int) -> int:
        if (p := self.next) and p.n > k:
            return p.n
        return 0 if p is None else -1

    def m_walrus_while(self, k: int) -> int:
        p = self
        t = 0
        while (p := p.next) is not None:
            t += p.n
        return t

    def m_or_new(self, k: int) -> int:
        p = self.next or Ball(k)
        q = self.next and self.next.next
        return p.n + (0 if q is None else q.n)

    def m_swap(self, k: int) -> int:
        a = Ball(1, next=Ball(2))
        a.next, a = None, a.next
        return a.n

    def m_swap2(self, k: int) -> int:
        a = Ball(1, next=Ball(2))
        a, a.next = a.next, Ball(9)
        return a.n * 10 + a.next.n

    def m_cycle(self, k: int) -> int:
        a = Ball(k)
        a.next = a
        b = a.next.next.next
        b.n += 1
        a.next = None
        return b.n

    def m_same(self, k: int) -> bool:
        a = Ball(k)
        self.next = a
        b = self.next
        self.next = None
        return a is b and b is not self.next

    def m_reverse(self, k: int) -> int:
        head = None
        for i in range(k):
            head = Ball(i, next=head)
        prev = None
        while head:
            head.next, prev, head = prev, head, head.next
        t = 0
        while prev:
            t, prev = t * 7 + prev.n, prev.next
        return t

    def m_return_self(self, k: int):
        return self

    def m_return_next(self, k: int):
        return self.next

    def m_return_new(self, k: int):
        return Ball(k, next=self.next)

    def m_return_tuple(self, k: int):
        return self, self.next, k, Ball(k)

    def m_arg_none(self, k: int) -> int:
        return self.opt(None) + self.opt(self) + self.opt(self.next)

    def opt(self, other: Optional["Ball"]) -> int:
        return 7 if other is None else other.n

    def m_store_chain(self, k: int) -> int:
        self.next = b = Ball(k)
        b.next = c = self
        r = c.next.next.n
        b.next = None
        return r

    def m_raise_in_chain(self, k: int) -> int:
        a = Ball(1)
        self.next = a
        a.n, a.x, self.flag = k, 1 / (k - 2), k > 2
        return a.n

    def m_exception_keeps(self, k: int) -> int:
        self.next = Ball(k)
        self.next.next = Ball(5)
        if k > 3:
            raise ValueError(self.next.n)
        return 1

    def m_none_returned(self, k: int):
        if k > 2:
            return None
        self.n += 1

    def m_compare_none(self, k: int):
        return self.next == None, self.next != None, None == self, self == self.next

    def m_loop_var_ref(self, k: int) -> int:
        last = None
        for i in range(3):
            cur = Ball(i)
            if last is not None:
                cur.next = last
            last = cur
        return last.n + last.next.n

    def m_maybe_unbound_ref(self, k: int) -> int:
        if k > 2:
            p = Ball(k)
        return p.n

    def m_if_chain(self, k: int) -> int:
        if self.next is None:
            r = 1
        elif self.next.next is None:
            r = 2
        else:
            r = 3
        return r

    def m_shadow_self(self, k: int) -> int:
        def_ = self
        self = def_.next or def_
        return self.n

    def m_truth_of_field(self, k: int) -> int:
        t = 0
        while self.next and t < 3:
            t += 1
            self.next.n += 1
        return t

    def m_bool_of(self, k: int):
        return bool(self.next), not self.next, bool(self), not not self.next

    def m_tuple_of_optional(self, k: int) -> int:
        a, b = self.next, self
        a, b = b, a
        return a.n + (0 if b is None else b.n)

    def m_int_or_none(self, k: int):
        if k > 3:
            return k
        return None

    def m_use_int_or_none(self, k: int):
        r = self.pick(k)
        return r

    def pick(self, k: int):
        if k > 100:
            return 1
        return 2

    def m_aug_ref(self, k: int) -> int:
        p = self
        p.n += p.note(2)
        p.x -= p.n
        p.flag = p.n > p.x
        return p.n
