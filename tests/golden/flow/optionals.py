# None or a number in one local, and as a result
class Cell:
    n: int

    def distance(self, x: float):
        if x < 0.0:
            return None
        return x * 2.0

    def nearest(self, k: int):
        best = None
        for i in range(k):
            d = self.distance(i - 1.5)
            if d is not None and (best is None or d < best):
                best = d
        return best

    def wanted(self, k: int) -> int:
        self.n += 1
        x = None
        if k > 1:
            x = k
        return x + 1
