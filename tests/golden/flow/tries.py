import jitd


@jitd.jitclass
class Careful:
    n: int
    x: float

    def divided(self, a: int, b: int) -> int:
        try:
            return a // b
        except ZeroDivisionError:
            return 0

    def counted(self, k: int) -> int:
        for i in range(k):
            try:
                if i == 3:
                    break
                self.n = self.divided(i, 2)
            finally:
                self.x += 0.5
        return self.n

    def raised(self, a: int) -> float:
        try:
            if a > 3:
                raise ValueError(a)
        except ValueError:
            return -1.0
        else:
            self.x = 2.0
        return self.x

    def held(self, lock: object, k: int) -> int:
        with lock as l:
            for i in range(k):
                self.n = i
                if i == 5:
                    return i
        return self.n
