"""cloudpickle, as task frameworks use it: what belongs to the main program is pickled by value, and another process has no such module."""

import pytest

CODE = """
import cloudpickle, pickle, subprocess, sys
import jitd
@jitd.jitclass
class Job:
    n: int
    x: float = 0.5
    def run(self) -> float:
        return self.n * self.x
@jitd.jit
def twice(n):
    return n * 2
@jitd.jit(overflow="wrap")
def wraps(n: int) -> int:
    return twice(n) + 1
@jitd.jit
def down(n: int) -> int:
    return 0 if n == 0 else down(n - 1)
job = Job(4)
job.run(), wraps(1), down(3)
assert pickle.loads(pickle.dumps(job)).run() == 2.0 and pickle.loads(pickle.dumps(twice)) is twice
OTHER = "import pickle, sys, jitd; thing = pickle.loads(sys.stdin.buffer.read()); print(thing(21), type(thing).__name__)"
def there(thing):
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", OTHER], input=cloudpickle.dumps(thing), capture_output=True)
    return done.stdout.decode().strip() or done.stderr.decode()
"""


def test_functions(program):
    program(
        CODE
        + """
assert there(twice) == "42 Method", there(twice)
assert there(wraps) == "43 Method", there(wraps)
assert there(lambda n: twice(n) + wraps(n)) == "85 function"
"""
    ).run()


@pytest.mark.parametrize("thing", ["Job", "job", "job.run", "lambda n: Job(n).run()", "[job]", "down"])
def test_what_cannot_be_is_an_error_that_helps(program, thing):
    name = "down" if thing == "down" else "Job"
    program(
        CODE
        + f"""
try:
    cloudpickle.dumps({thing})
except (TypeError, pickle.PicklingError) as error:
    assert "{name}" in str(error) and "__main__" in str(error) and "module that the other process can import" in str(error), error
else:
    raise AssertionError
assert job.run() == 2.0
"""
    ).run()


def test_what_is_in_a_module_goes_by_name(program, tmp_path):
    (tmp_path / "shapes.py").write_text(CODE.partition("job = ")[0])
    program(
        """
        import cloudpickle, pickle
        import shapes
        assert pickle.loads(cloudpickle.dumps(shapes.Job(4))).run() == 2.0
        assert pickle.loads(cloudpickle.dumps(shapes.Job)) is shapes.Job and pickle.loads(cloudpickle.dumps(shapes.down)) is shapes.down
        assert pickle.loads(cloudpickle.dumps(shapes.Job(4).run))() == 2.0
        """
    ).run()
