"""A break in the else of an inner loop leaves the outer one: behind it is all that was before, on every look at the loops."""


class A:
    n: int

    def effects(self, other: "A", a: int, k: int) -> int:
        i = j = 0
        for i in range(3):
            y = a + i
            for j in range(2):
                if j == k:
                    break
            else:
                other.n += 1
                break
        return a * a

    def none_or_not(self, other: "A", a: int, k: int) -> int:
        i = j = 0
        q = None
        while i < 3:
            i += 1
            y = a + i
            for j in range(2):
                if j == k:
                    break
            else:
                q = other
                break
        if q is None:
            return 1
        return q.n
