"""Ints of which only the low bits are wanted."""

MASK = 0x7FFFFFFFFFFFFFFF
SIZE = 4096


@jitclass
class R:
    state: int = 7
    a: int = 6364136223846793005
    c: int = 1442695040888963407

    def below(self, n: int) -> int:
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**63
        return (self.state >> 33) % n

    def by_fields(self, n: int, m: int) -> int:
        self.state = (self.state * self.a + self.c) & MASK
        return (n * n * n - self.state * 3) % (1 << 20)

    def products(self, n: int, m: int) -> int:
        return (n * m - m * m * m) & 0xFF

    def of_calls(self, n: int, m: int) -> int:
        """What is called comes first, or no bits are left out."""
        return (self.below(n | 1) * self.products(n, m) * n * m) % SIZE + (n * m + self.products(n, m)) % SIZE

    def beside(self, n: int, m: int) -> int:
        return (n - m) % 1 + (n * m) % 9223372036854775807 + (n + m) % 2 + (n * m) % -8 + (n * m & -256)

    def mixed(self, n: int, m: int) -> int:
        k = (n * m + (n << 3)) % 64
        k += (n * m * (n > m)) % 128
        return k + (n * -m) % 32 + (SIZE * n - m) % SIZE

    def in_loop(self, n: int, m: int) -> int:
        h = n
        for i in range(20):
            h = (h * 31 + m * i) & 0x7FFFFFFFFFFFFFFF
            if h % 3 == 1:
                m = m + 1 if m < 0 else m - 1
        return h

    def maybe(self, n: int, m: int) -> int:
        if n > 0:
            k = m
        return (n * m * k) % 1024
