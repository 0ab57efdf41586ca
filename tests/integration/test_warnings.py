"""What stays Python is told once a class, in one go; strict=True makes one error of it; JITD_WARN says how much is told."""

import warnings

import jitd
import pytest

NAMES = "abcdefg"


def caught(use):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        use()
    return [w for w in seen if issubclass(w.category, jitd.CompileWarning)]


def seven(**options):
    """A class with seven methods that are not compiled, one that is, one that is asked for."""

    @jitd.jitclass(**options)
    class Seven:
        n: int = 1

        def a(self):
            return {self.n * 1.0}

        def b(self, *rest):
            return rest

        def c(self):
            return {self.n * 1.0}

        def d(self):
            yield self.n

        @property
        def e(self):
            return {self.n * 1.0}

        def f(self, k: "set") -> int:
            return len({*k})

        def g(self):
            return {self.n * 1.0: 1}

        def late(self, k):
            return {k * 1.0}

        def native(self) -> int:
            return self.n

        @jitd.jit_ignore
        def asked(self):
            return {self.n * 1.0}

    return Seven


def use(cls):
    one = cls()
    assert (one.a(), one.b(2), one.c(), list(one.d()), one.e, one.f({1}), one.g(), one.late(1), one.native(), one.asked()) == (
        {1}, (2,), {1}, [1], {1}, 1, {1: 1}, {1}, 1, {1})  # fmt: skip


@pytest.mark.parametrize("mode", ["class", None, "nonsense"])
def test_one_warning_a_class(mode, monkeypatch):
    monkeypatch.setenv("JITD_WARN", mode) if mode else monkeypatch.delenv("JITD_WARN", raising=False)
    cls = seven()
    (said,) = caught(lambda: use(cls))
    text = str(said.message)
    assert said.filename == __file__ and f'line {said.lineno}\n' in text
    assert text.splitlines()[0].endswith("Seven: 7 places stay Python or differ from CPython")
    assert text.count(f'File "{__file__}", line ') == text.count(" ^") == 5
    assert text.splitlines()[-1] == "and 2 more; jitd.explain(Seven) shows all"
    assert caught(lambda: use(cls)) == []
    shown = str(jitd.explain(cls))
    for name in NAMES:
        assert f"  {name}: Python: " in shown
    assert "late: Python: with (int): set is not compiled yet (line " in shown and "native: compiled" in shown


def test_none_and_all(monkeypatch):
    monkeypatch.setenv("JITD_WARN", "off")
    assert caught(lambda: use(seven())) == []
    monkeypatch.setenv("JITD_WARN", "all")
    cls = seven()
    texts = [str(w.message) for w in caught(lambda: use(cls))]
    assert len(texts) == 8 and all(t.startswith(f'File "{__file__}"') and "^" in t for t in texts) and caught(lambda: use(cls)) == []


@pytest.mark.parametrize("mode", ["off", "class", "all"])
def test_strict_is_one_error_with_everything_in_it(mode, monkeypatch):
    monkeypatch.setenv("JITD_WARN", mode)
    with pytest.raises(jitd.CompileError) as error:
        seven(strict=True)
    assert str(error.value).count(f'File "{__file__}", line ') == str(error.value).count(" ^") == 7


def test_a_single_problem_is_told_as_it_is():
    @jitd.jitclass
    class One:
        def only(self):
            return {1.0}

    (said,) = caught(lambda: One().only())
    assert str(said.message).startswith('File "') and str(said.message).endswith("\nset is not compiled yet")


def test_a_differing_result_is_told_even_after_a_warning():
    @jitd.jitclass
    class Both:
        def bad(self):
            return {1.0}

        def add(self, a: jitd.int8, b):
            return a + a if b else a

        def refused(self, a: jitd.int8, b):
            return {(a + a) * 1.0}

    assert len(caught(lambda: Both().bad())) == 1
    one = Both()
    assert one.add(100, 1) == -56
    (said,) = caught(lambda: one.add(100, 2**70))
    assert "Both.add runs in Python, where sized types do not wrap" in str(said.message)
    (said,) = caught(lambda: one.refused(100, 1))
    assert "set is not compiled yet" in str(said.message)


def test_types_of_a_call_that_are_not_compiled_are_told():
    from array import array

    @jitd.jit
    def total(values):
        return {sum(values) * 1.0}

    (said,) = caught(lambda: [total(array("d", [1.0, 2.0])), total(array("d"))])
    assert "set is not compiled yet" in str(said.message)
    assert "total: Python: with (object): set is not compiled yet" in jitd.explain(total)


def test_what_uses_fields_that_are_asked_to_be_python_is_no_problem():
    @jitd.jitclass(strict=True)
    class Asked:
        names: jitd.Py
        more: "jitd.Py[list]"
        n: int = 1

        def first(self):
            return self.names

        def second(self, k):
            return self.more[k]

        def native(self) -> int:
            return self.n

    def use():
        one = Asked([1], [2])
        assert (one.first(), one.second(0), one.native()) == ([1], 2, 1)

    assert caught(use) == []
    shown = str(jitd.explain(Asked))
    assert "field names: a Python object: its annotation asks for that" in shown and "field more: a Python object: its" in shown and "field n: int" in shown
