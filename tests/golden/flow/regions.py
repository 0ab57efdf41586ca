import jitd


@jitd.jitclass
class Tank:
    level: float = 0.0
    log: list

    def fill(self, n: int) -> float:
        for i in range(n):
            self.level += 0.5
        self.log.append(self.level)
        return self.level

    def name(self, n: int):
        text = f"tank {n}"
        for i in range(n):
            self.level += 0.5
        if self.level > 100.0:
            text = text + "!"
        return text

    def first(self, n: int) -> int:
        k = 0
        for i in range(n):
            k += i
            if self.log and i > 3:
                k = len(self.log)
        return k

    def either(self, n: int, text: str):
        x = n
        for i in range(n):
            self.level += 0.5
        if n > 3:
            del x
        return x if n > 2 else text
