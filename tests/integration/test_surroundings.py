"""Processes that are not like others: little address space, a subinterpreter, multiprocessing's main module."""

import pytest

POINT = """
import jitd
@jitd.jitclass
class Point:
    x: int
    def get(self) -> int:
        return self.x
"""


@pytest.mark.parametrize("gibibytes", [1, 4, 8])
def test_little_address_space(program, gibibytes):
    code = f"""
import resource
resource.setrlimit(resource.RLIMIT_AS, ({gibibytes} << 30, {gibibytes} << 30))
{POINT}
points = [Point(i) for i in range(10000)]
print(sum(p.get() for p in points), jitd.stats()["process"]["connected"])
"""
    done = program(code).run()
    assert done.stdout == "49995000 False\n"
    assert "plain Python" in done.stderr and "memory" in done.stderr and len(done.stderr.splitlines()) == 1


def test_subinterpreter(program):
    """From 3.12 on the import itself is refused where an interpreter has its own lock."""
    code = f"""
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
{POINT}
assert Point(1).get() == 1
run = getattr(interpreters, "run_string", None) or interpreters.exec
run(interpreters.create(), '''
try:
    import jitd
    @jitd.jitclass
    class Point:
        x: int
    Point(1)
except (ImportError, RuntimeError) as error:
    assert "subinterpreter" in str(error), error
    print("refused", flush=True)
''')
assert Point(2).get() == 2
"""
    assert program(code).run().stdout == "refused\n"


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_the_main_module_of_a_worker_is_the_same(program, method):
    code = f"""
import multiprocessing
{POINT}
def work(name):
    return jitd.lookup(name).get()
if __name__ == "__main__":
    point = Point(5)
    jitd.publish("main-module-{method}", point)
    with multiprocessing.get_context("{method}").Pool(2) as pool:
        print(pool.map(work, ["main-module-{method}"] * 3))
    jitd.publish("main-module-{method}", None)
"""
    assert program(code).run().stdout == "[5, 5, 5]\n"
