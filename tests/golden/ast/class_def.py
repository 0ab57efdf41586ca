@d
class A[T: int, *Ts, **P](B, metaclass=M):
    """doc"""
    x: int = 1
