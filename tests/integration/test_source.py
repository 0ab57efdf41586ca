"""Where the source of a class is not in a file of its own: compiled if it can be had, else Python with a reason that is true."""

import os
import py_compile
import subprocess
import sys
import zipfile

import pytest

CLASS = """
import jitd
@jitd.jitclass
class P:
    x: float = 1.5
    def f(self, n: int) -> float:
        t = 0.0
        for k in range(n):
            t += k * self.x
        return t
@jitd.jit
def g(n):
    return n * 2
"""
SHOW = "print(P().f(4), g(21), P(2.0).x)\nprint(jitd.stats()['objects']['P.f']['native_calls'], jitd.stats()['objects']['g']['native_calls'])\n"
NOWHERE = "its source is in no file that could be read"


def run(folder, *args, text=None):
    path = os.pathsep.join([str(folder), os.environ["PYTHONPATH"]])
    done = subprocess.run([sys.executable, *args], input=text, capture_output=True, text=True, cwd=folder, env={**os.environ, "PYTHONPATH": path})
    assert done.stdout.splitlines()[0] == "9.0 42 2.0", done.stderr
    return done.stdout.splitlines()[1], done.stderr


CASES = {
    "python -c": (["-c", CLASS + SHOW], None),
    "standard input": (["-"], CLASS + SHOW),
    "exec": (["-c", f"d = {{'__name__': 'made'}}\nexec({CLASS!r}, d)\nexec({SHOW!r}, d)"], None),
    "exec of code with a name": (["-c", f"d = {{'__name__': 'made'}}\nexec(compile({CLASS!r}, '<cell 1>', 'exec'), d)\nexec({SHOW!r}, d)"], None),
}


@pytest.mark.parametrize("case", CASES)
def test_no_file(tmp_path, case):
    args, text = CASES[case]
    counts, said = run(tmp_path, *args, text=text)
    if counts == "1 1":  # later versions remember the text of python -c
        assert "CompileWarning" not in said
    else:
        for name in ("P.f", "g(int)"):
            assert f"{name} stays Python: its source " in said, said


def test_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.writestr("inzip.py", CLASS)
    counts, said = run(tmp_path, "-c", f"import sys; sys.path.insert(0, 'packed.zip')\nfrom inzip import *\n{SHOW}")
    assert counts == "1 1" and "CompileWarning" not in said


def test_only_a_pyc(tmp_path):
    source = tmp_path / "bare.py"
    source.write_text(CLASS)
    py_compile.compile(str(source), cfile=str(tmp_path / "bare.pyc"))
    source.unlink()
    counts, said = run(tmp_path, "-c", f"from bare import *\n{SHOW}")
    assert counts == "0 0" and f"bare.P.f stays Python: its source cannot be read: there is no {source}" in said, said


def test_of_a_notebook_or_another_linecache(tmp_path):
    code = f"import linecache\ntext = {CLASS!r}\nlinecache.cache['<ipython-input-1>'] = (len(text), None, text.splitlines(True), '<ipython-input-1>')\n"
    counts, said = run(tmp_path, "-c", code + f"exec(compile(text, '<ipython-input-1>', 'exec'))\n{SHOW}")
    assert counts == "1 1" and "CompileWarning" not in said


def test_in_a_file_that_pytest_rewrites(tmp_path):
    """What has an assert is not what its text compiles to; what has none is compiled."""
    (tmp_path / "test_it.py").write_text(
        CLASS
        + """
@jitd.jitclass
class Q:
    x: float = 1.5
    def checked(self, n: int) -> float:
        assert n < 100, "big"
        return self.x * n
    def free(self, n: int) -> float:
        return self.x + n
@jitd.jit
def h(n):
    assert n != 3
    return n + 1
def test_right():
    assert (P().f(4), g(21), Q().checked(4), Q().free(4), h(4)) == (9.0, 42, 6.0, 5.5, 5)
    objects = jitd.stats()["objects"]
    assert [objects[n]["native_calls"] for n in ("P.f", "g", "Q.free")] == [1, 1, 1]
def test_raises():
    for fn, v in ((Q().checked, 200), (h, 3)):
        try:
            fn(v)
        except AssertionError:
            continue
        assert False
"""
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "2 passed" in done.stdout, done.stdout
    for name in ("Q.checked", "h(int)"):
        assert f"test_it.{name} stays Python: its assertions were rewritten by pytest" in done.stdout, done.stdout
    assert "has changed" not in done.stdout
