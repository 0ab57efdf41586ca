import jitd


@jitd.jitclass
class Register:
    low: jitd.uint8
    real: jitd.float32

    def add(self, by: int) -> jitd.uint8:
        self.low += by
        return self.low

    def half(self, x: float) -> jitd.float32:
        self.real = x
        return self.real / 2
