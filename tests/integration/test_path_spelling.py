"""One program is one, however its path is spelt: compiled once, and its objects are found."""

import subprocess
import sys

CODE = """
import jitd, sys
@jitd.jitclass
class N:
    v: int
    def get(self) -> int:
        return sum_of(self.v)
    def inner(self) -> int:
        one = lambda k: k + 1
        return one(self.v)
def sum_of(k):
    return k + sum([0])
if sys.argv[1] == "publish":
    n = N(5); n.get()
    jitd.publish("spelt", n)
    print("ready", flush=True)
    sys.stdin.readline()
else:
    before = jitd.stats()["machine"]["compilations"]
    print(jitd.lookup("spelt").get(), N(1).get(), jitd.stats()["machine"]["compilations"] - before)
"""


def test_spellings(tmp_path):
    (tmp_path / "prog.py").write_text(CODE)
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.py").symlink_to("prog.py")
    command = [sys.executable, "-W", "ignore"]
    publisher = subprocess.Popen([*command, "prog.py", "publish"], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert publisher.stdout.readline() == "ready\n"
    for spelling in ("prog.py", "./prog.py", "folder/../prog.py", "link.py", str(tmp_path / "prog.py")):
        done = subprocess.run([*command, spelling, "look"], cwd=tmp_path, capture_output=True, text=True)
        assert done.stdout == "5 1 0\n", (spelling, done.stdout, done.stderr)
    publisher.communicate("\n")


def test_tracebacks_show_the_name_that_was_given(tmp_path):
    text = "import jitd\n@jitd.jitclass\nclass D:\n    n: int\n    def f(self, k: int) -> int:\n        return self.n // k\nD(1).f(0)\n"
    (tmp_path / "fails.py").write_text(text)
    for spelling in ("fails.py", "./fails.py"):
        done = subprocess.run([sys.executable, spelling], cwd=tmp_path, capture_output=True, text=True)
        assert f'{spelling}", line 6, in f' in done.stderr and "ZeroDivisionError" in done.stderr, done.stderr
