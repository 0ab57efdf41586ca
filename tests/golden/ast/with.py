with (a as b, c): pass
with (a, b) as c: pass
with (yield): pass
async def f():
    async with a: pass
