def f(a, b=1, /, c: int = 2, *args: *Ts, d, e=3, **kw) -> None: pass
async def g(*, a): await a
