"""An annotation that names a class which is not there yet: when it comes, the method is compiled like others."""

import warnings

import jitd
import pytest


def native_calls(name):
    return jitd.stats()["objects"][name]["native_calls"]


def test_an_object_was_made_before(program):
    program(
        """
        import jitd, warnings
        warnings.simplefilter("error")
        @jitd.jitclass
        class A:
            n: int = 1
            def f(self, b: "B") -> int:
                return b.m + self.n
            def g(self) -> int:
                return self.n
            def both(self, b: "B", c: "C" = None) -> int:
                return b.m if c is None else c.k
        a = A(3)
        assert a.g() == 3 and "name 'B' is not defined" in jitd.explain(A)
        @jitd.jitclass
        class B:
            m: int = 5
        assert [a.f(B(i)) for i in range(4)] == [3, 4, 5, 6]
        @jitd.jitclass
        class C:
            k: int = 7
            own: "A | None" = None
        assert [a.both(B(i)) for i in range(4)] == [0, 1, 2, 3] and a.both(B(), C()) == 7
        objects = jitd.stats()["objects"]
        assert [objects[f"A.{name}"]["native_calls"] for name in ("f", "both")] == [4, 5], objects
        assert "not defined" not in jitd.explain(A), jitd.explain(A)
        assert A(1).f(B(2)) == 3
        """
    ).run()


def test_it_is_called_before(program):
    """That runs in Python, with a word; later calls do not."""
    program(
        """
        import jitd, warnings
        @jitd.jitclass
        class A:
            n: int = 1
            def f(self, b: "B" = None) -> int:
                return self.n if b is None else b.m
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            assert A(3).f() == A(3).f(None) == 3
        assert len(said) == 1 and "A.f stays Python: the annotation of parameter 'b' cannot be evaluated" in str(said[0].message), said
        @jitd.jitclass
        class B:
            m: int = 5
        assert [A(3).f(), A(3).f(B(9)), A(3).f(None)] == [3, 9, 3]
        assert jitd.stats()["objects"]["A.f"]["native_calls"] == 3
        """
    ).run()


def test_a_name_that_never_comes():
    @jitd.jitclass
    class Waits:
        n: int = 1

        def f(self, b: "NeverThere" = None) -> int:  # noqa: F821
            return self.n

        def g(self) -> int:
            return self.n + 1

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert [Waits(k).f() for k in range(5)] == [0, 1, 2, 3, 4] and Waits(5).f("x") == 5
    assert Waits(3).g() == 4 and native_calls("test_a_name_that_never_comes.<locals>.Waits.g") == 1
    with pytest.raises(TypeError, match="unexpected keyword"):
        Waits().f(c=1)


def test_functions(program):
    program(
        """
        import jitd, warnings
        warnings.simplefilter("ignore")
        @jitd.jit
        def f(p: "P") -> int:
            return p.n * 2
        try:
            f(3)
        except AttributeError:
            pass
        @jitd.jitclass
        class P:
            n: int = 4
        assert [f(P(i)) for i in range(3)] == [0, 2, 4]
        assert jitd.stats()["objects"]["f"]["native_calls"] == 3
        """
    ).run()


def test_it_is_another_type_than_expected(program):
    """The name comes, but is no jitclass: Python for good, as if it had been there."""
    program(
        """
        import jitd, warnings
        warnings.simplefilter("ignore")
        @jitd.jitclass
        class A:
            n: int = 1
            def f(self, b: "B") -> int:
                return b.m + self.n
        a = A(3)
        class B:
            m = 4
        assert a.f(B()) == 7 and a.f(B()) == 7
        assert "f: Python" in jitd.explain(A)
        """
    ).run()


def test_what_a_method_calls_comes_later(program):
    """A module that makes an object before all of its functions and classes are there."""
    program(
        """
        import jitd, warnings
        warnings.simplefilter("error")
        @jitd.jitclass
        class A:
            n: int = 1
            def make(self, k: int) -> "B":
                return B(k + self.n)
            def call(self, k: int) -> int:
                return helper(k) + self.n
            def limit(self) -> int:
                return LIMIT + self.n
            def through(self, b: "B") -> int:
                return b.far(self.n)
            @staticmethod
            def other(k: int) -> int:
                return helper(k)
            @property
            def size(self) -> int:
                return helper(self.n)
            def sure(self) -> int:
                return self.n
        def helper(k: int) -> int:
            return second(k) * 2
        @jitd.jit
        def free(k: int) -> int:
            return helper(k) + 1
        a = A(3)
        assert a.sure() == 3 and "'LIMIT' is not compiled: it is not defined" in jitd.explain(A)
        try:
            free(1)
        except NameError as error:
            assert "second" in str(error)
        except jitd.CompileWarning as said:
            assert "second" in str(said)
        else:
            raise AssertionError
        @jitd.jitclass
        class B:
            k: int
            def far(self, k: int) -> int:
                return second(self.k) + k
        assert B(1).k == 1
        def second(k: int) -> int:
            return k + 1
        LIMIT = 40
        right = [7, 11, 43, 11, 4, 8]
        for _ in range(3):
            b = a.make(4)
            assert [b.k, a.call(3), a.limit(), a.through(b), A.other(1), a.size] == right, [b.k, a.call(3), a.limit(), a.through(b), A.other(1), a.size]
        assert [free(1) for _ in range(3)] == [5, 5, 5]
        objects = jitd.stats()["objects"]
        calls = {name: objects[name]["native_calls"] for name in ("A.make", "A.call", "A.limit", "A.through", "A.other", "A.size", "free")}
        assert set(calls.values()) == {3}, (calls, jitd.explain(A), jitd.explain(free))
        assert "not defined" not in jitd.explain(A), jitd.explain(A)
        LIMIT = 50
        assert a.limit() == 53
        """
    ).run()


def test_a_name_that_never_comes(program):
    """Its function stays Python, asks ever more seldom, and its class says so at its first call."""
    program(
        """
        import jitd, warnings
        @jitd.jitclass
        class A:
            n: int = 1
            def f(self, k: int) -> int:
                return nobody(k) if k > 5 else self.n
            def g(self) -> int:
                return self.n
        asked = []
        real = jitd._jitd.request
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            assert A(3).g() == 3 and not said
            jitd._jitd.request = lambda message, *rest: (asked.append(message), real(message, *rest))[1]
            assert [A(3).f(1) for _ in range(1000)] == [3] * 1000 and not asked
        assert len(said) == 1 and "this calls nobody, which is not compiled: it is not defined" in str(said[0].message), said
        try:
            A(3).f(6)
        except NameError as error:
            assert str(error) == "name 'nobody' is not defined"
        assert "it is not defined" in jitd.explain(A.f)
        try:
            @jitd.jitclass(strict=True)
            class B:
                def f(self) -> int:
                    return nobody(1)
        except jitd.CompileError as error:
            assert "nobody" in str(error)
        else:
            raise AssertionError
        """
    ).run()
