"""What the names of compiled functions mean: compiled code is left when they change, and used again when they are back."""

GLOBALS = """
    import jitd, builtins

    SCALE = 3

    @jitd.jit
    def scaled(x: int) -> int:
        return abs(x) * SCALE

    assert scaled(-2) == 6
    SCALE = 4
    assert scaled(-2) == 8
    SCALE = 3
    assert scaled(-2) == 6
    globals()["SCALE"] = 5
    assert scaled(-2) == 10
    globals().update(SCALE=3)
    builtins.abs, real = (lambda x: 1000), abs
    assert scaled(-2) == 3000
    builtins.abs = real
    abs = lambda x: -x - 1
    assert scaled(-2) == 3
    del abs
    for n in range(1000):  # other names of the same module
        globals()[f"name{n}"] = n
        assert scaled(-2) == 6
    del SCALE
    try:
        scaled(1)
    except NameError:
        SCALE = 3
    (lambda scope, saved: (scope.clear(), scope.update(saved)))(globals(), dict(globals()))
    print(scaled(-2), jitd.explain(scaled).count("native calls"))
"""

ALL_TAKEN = """
    import ctypes, sys

    if sys.version_info >= (3, 12):
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
        callback = kind(lambda *event: 0)
        taken = 0
        try:
            while True:
                ctypes.pythonapi.PyDict_AddWatcher(callback)
                taken += 1
        except RuntimeError:
            assert taken
"""

FOREVER = """
    import gc, jitd, types

    def make(i):
        scope = types.ModuleType(f"m{i}").__dict__
        scope.update(K=i, jitd=jitd)
        return scope

    source = open(__file__).read()
    for i in range(300):
        scope = make(i)
        exec(compile("\\n" * 50 + "def f(x: int) -> int:\\n    return x + K\\n", __file__, "exec"), scope)
        f = jitd.jit(scope["f"])
        assert f(1) == i + 1
        scope["K"] = 7
        assert f(1) == 8
        del f, scope
        gc.collect()
    print("done")
"""


def test_globals_and_builtins_change(program):
    assert program(GLOBALS).run().stdout == "6 1\n"


def test_globals_change_where_no_watcher_is_left(program):
    """CPython has eight watchers of dicts for a whole process."""
    assert program(ALL_TAKEN + GLOBALS).run().stdout == "6 1\n"


def test_modules_come_and_go(program):
    assert program(FOREVER).run().stdout == "done\n"
