"""What nobody should do, but somebody does: it must not crash, nor be silently different from CPython."""

import abc
import copy
import gc
import pickle
import sys
import typing
import warnings

import jitd
import pytest


@jitd.jitclass
class Node:
    n: int = 0
    x: float = 0.0
    small: jitd.uint8 = 0
    next: "Node | None" = None

    def get(self) -> int:
        return self.n

    def add(self, other: "Node", k: jitd.uint8) -> int:
        return self.n + other.n + k

    def first(self, pair: tuple["Node", jitd.uint8]) -> int:
        return pair[0].n


class Closes:
    """Used as a number it closes an instance, whose place is taken by others at once."""

    def __init__(self, victim):
        self.victim, self.others = victim, []

    def __index__(self):
        self.victim.close()
        self.others = [Node(99) for _ in range(50)]
        return 5


@pytest.mark.parametrize("field", ["n", "small"])
def test_a_number_that_closes_what_it_is_stored_in(field):
    a = Node(1)
    evil = Closes(a)
    with pytest.raises(jitd.ReleasedError):
        setattr(a, field, evil)
    assert [(o.n, o.small) for o in evil.others] == [(99, 0)] * 50


@pytest.mark.parametrize(
    "call",
    [
        lambda a, b: a.add(b, Closes(a)),
        lambda a, b: a.add(b, Closes(b)),
        lambda a, b: a.first((b, Closes(b))),
        lambda a, b: Node(1, 0.0, Closes(a), a),
    ],
)
def test_an_argument_that_closes_another(call):
    a, b = Node(1), Node(2)
    assert a.add(b, 3) == 6 and a.first((b, 3)) == 2
    with pytest.raises(jitd.ReleasedError):
        call(a, b)


def test_a_compiled_method_called_without_anything():
    assert Node(3).get() == 3
    with pytest.raises(TypeError, match=r"get\(\) missing 1 required positional argument: 'self'"):
        next(iter(Node.get, None))  # it calls without even an empty array of arguments


# ---- ways around the constructor ----


class Meta(type):
    pass


def test_a_metaclass_changes_nothing_about_fields():
    @jitd.jitclass
    class Square(abc.ABC):
        side: float = 2.0
        times: int = 3

    @jitd.jitclass
    class Round(metaclass=Meta):
        r: float
        times: int = 3

        def __init__(self, r: float):
            self.r = r

    assert (Square().side, Square(4.0).side, Square(times=5).times) == (2.0, 4.0, 5)
    assert (Round(1.5).r, Round(1.5).times) == (1.5, 3)
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        Square(z=1)


def test_init_called_again():
    a = Node(1, 2.0)
    a.__init__(5)
    assert (a.n, a.x) == (5, 0.0)
    Node.__init__(a, x=3.0)
    assert (a.n, a.x) == (0, 3.0)
    with pytest.raises(TypeError, match="missing|unexpected"):
        a.__init__(y=1)
    a.close()
    with pytest.raises(jitd.ReleasedError):
        a.__init__(5)


def test_new_without_init_has_the_defaults():
    @jitd.jitclass
    class Box:
        w: int = 4
        h: int = 5

        def __init__(self, w: int):
            super().__init__()
            self.w = w

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jitd.CompileWarning)
        assert (Box(7).w, Box(7).h) == (7, 5)
    box = Box.__new__(Box)
    assert (box.w, box.h) == (4, 5)


def test_a_metaclass_that_makes_instances_itself_leaves_the_class_alone():
    class Single(type):
        def __call__(cls):
            return None

    with pytest.warns(jitd.CompileWarning, match="One stays a Python class: its metaclass Single has a __call__ of its own"):

        @jitd.jitclass
        class One(metaclass=Single):
            x: int = 1

    assert One() is None and One.x == 1


def test_an_abstract_class_has_no_instances_until_it_is_extended():
    @jitd.jitclass
    class Shape(abc.ABC):
        x: int = 1

        @abc.abstractmethod
        def area(self): ...

        def twice(self) -> int:
            return self.x * 2

    with pytest.raises(TypeError, match="Can't instantiate abstract class Shape"):
        Shape()

    class Square(Shape):
        def area(self):
            return self.x**2

    assert (Square(4).area(), Square(4).twice()) == (16, 8)


# ---- base classes ----


class Mixin:
    """An ordinary one: its instances have a __dict__."""

    factor = 3

    def times(self):
        return self.x * self.factor


def test_an_ordinary_base_class_goes_before_as_in_cpython():
    @jitd.jitclass
    class Box(Mixin):
        x: int = 1

        def get(self) -> int:
            return self.x

    boxes = [Box(i) for i in range(100)]
    for box in boxes:
        box.z = box.x + 1
        box.__dict__["w"] = box.z
    assert [b.times() for b in boxes] == [3 * b.get() for b in boxes] == list(range(0, 300, 3))
    assert [b.z for b in boxes] == [b.w for b in boxes] == list(range(1, 101))
    assert vars(boxes[5]) == {"x": 5, "z": 6, "w": 6}


class Said(list):
    pass


@pytest.mark.filterwarnings("ignore::jitd.CompileWarning")
@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("name", ["__new__", "__del__", "__getattr__", "__getattribute__", "__setattr__", "__delattr__"])
def test_what_a_class_customises_is_asked(name, own):
    """In compiled code, too: what it cannot see is left to Python."""

    def build(decorate):
        said = []

        class Base:
            pass

        def hook(self, *args, **kwargs):
            said.append((name, *[a for a in args if isinstance(a, (str, int))]))
            if name == "__new__":
                return object.__new__(self)
            if name == "__getattr__":
                raise AttributeError(args[0])
            if name != "__del__":
                return getattr(object, name)(self, *args)

        setattr(Base, name, hook)

        class Box(*(() if own else (Base,))):
            x: int = 1
            next: "Optional[Box]" = None

            def __init__(self, x):
                self.x = x

            def twice(self) -> int:
                self.x = self.x * 2
                return self.x

            def linked(self) -> int:
                return self.next.x

        if own:
            setattr(Box, name, staticmethod(hook) if name == "__new__" else hook)
        Box = decorate(Box)
        box = Box(3)
        out = [box.twice(), hasattr(box, "nothing")]
        box.next = Box(7)
        out.append(box.linked())
        box.extra = 4
        del box.extra
        del box
        gc.collect()
        return out + said

    assert build(lambda cls: jitd.jitclass(cls)) == build(lambda cls: cls)


def test_a_protocol_may_be_a_base_class():
    class Sized(typing.Protocol):
        def size(self) -> int: ...

    @jitd.jitclass
    class Box(Sized):
        x: int = 1

        def size(self) -> int:
            return self.x

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (Box().size(), Box(4).size(), Box(x=5).size()) == (1, 4, 5)


# ---- copies ----


@jitd.jitclass
class Scaled:
    v: int

    def __getstate__(self):
        return {"v": self.v * 10}


@jitd.jitclass
class Restored:
    v: int

    def __setstate__(self, state):
        self.v = state["v"] + 1


@jitd.jitclass
class Reduced:
    v: int

    def __reduce__(self):
        return Reduced, (self.v + 100,)


@pytest.mark.filterwarnings("ignore::jitd.CompileWarning")
@pytest.mark.parametrize("cls, copied", [(Scaled, 40), (Restored, 5), (Reduced, 104)])
def test_copying_the_users_way(cls, copied):
    a = cls(4)
    assert copy.copy(a).v == copy.deepcopy(a).v == copied
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(a, protocol)).v == copied


def test_the_state_is_the_fields_by_name():
    a = Node(3, 1.5)
    assert a.__getstate__() == {"n": 3, "x": 1.5, "small": 0, "next": None}
    a.__setstate__({"x": 2.5})
    assert (a.n, a.x) == (3, 2.5)
    a.__setstate__({"y": 1})
    assert a.y == 1 and a.__getstate__()["y"] == 1
    for state, error in [((1, 2), TypeError), ([], TypeError), ({"small": 256}, OverflowError)]:
        with pytest.raises(error):
            a.__setstate__(state)
    a.close()
    with pytest.raises(jitd.ReleasedError):
        pickle.dumps(a)


# ---- one bad class ----


@pytest.mark.parametrize("name", ["", "x y", "0", "\ud800", "a\0b", "class", "None", "__jitd__", "__init__", "__repr__"])
def test_what_is_no_name_for_a_field(name):
    with pytest.raises(TypeError, match="no name for a field|must not be keywords"):
        jitd.jitclass(type("C", (), {}), {name: int})


def test_a_field_called_self():
    cls = jitd.jitclass(type("C", (), {}), {"self": int})
    assert cls(3).self == 3
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'self'"):
        cls()


class Later:
    pass


@pytest.mark.filterwarnings("ignore::jitd.CompileWarning")
def test_a_field_whose_annotation_says_nothing_is_a_python_field():
    @jitd.jitclass
    class Odd:
        x: "NotYet.kind"
        y: int = 2

        def get(self) -> int:
            return self.y

    globals()["NotYet"] = Later  # it has no kind
    assert Odd("text").x == "text" and Odd(1).get() == 2 and "Odd(x='text', y=2)" in repr(Odd("text"))


@pytest.mark.filterwarnings("ignore::jitd.CompileWarning")
def test_more_fields_than_fit_into_an_instance():
    names = [f"f{i}" for i in range(9000)]
    huge = jitd.jitclass(type("Huge", (), {}), dict.fromkeys(names, float))
    made = huge(*map(float, range(9000)))
    assert [getattr(made, name) for name in names] == list(map(float, range(9000)))


@pytest.mark.parametrize("name", ["__code__", "__defaults__", "__kwdefaults__"])
def test_what_calls_use_cannot_be_changed(name):
    with pytest.raises(AttributeError, match=f"{name} of a compiled method cannot be changed"):
        setattr(Node.get, name, None)
    Node.get.note = 3
    assert Node.get.note == 3


# ---- the end of a program ----


def test_an_instance_in_a_global_keeps_nothing_from_being_closed(program, tmp_path):
    """At exit CPython clears modules, so that files are flushed and __del__ runs."""
    code = """
        import sys
        import jitd

        @jitd.jitclass
        class Point:
            x: float = 1.0

            def get(self) -> float:
                return self.x

        class Last:
            def __init__(self, point):
                self.point = point

            def __del__(self):
                print("deleted", self.point.get())

        point = Point()
        last = Last(point)
        out = open(sys.argv[1], "w")
        out.write("all of it")
    """
    out = tmp_path / "out.txt"
    assert program(code).run(out).stdout == "deleted 1.0\n"
    assert out.read_text() == "all of it"


# ---- messages ----


@pytest.mark.filterwarnings("ignore::jitd.CompileWarning")
@pytest.mark.parametrize(
    "annotation, shown",
    [
        (typing.Optional[float], "float | None" if sys.version_info >= (3, 14) else "Optional[float]"),  # as repr shows it
        (typing.Union[int, float], "int | float" if sys.version_info >= (3, 14) else "Union[int, float]"),
        (int | float, "int | float"),
        (list[int], "list[int]"),
        (typing.List[int], "List[int]"),
        (complex, "complex"),
        (..., "Ellipsis"),
    ],
)
def test_a_type_that_is_not_native_is_shown_whole(annotation, shown):
    cls = jitd.jitclass(type("C", (), {"get": lambda self: 1}), {"x": annotation})
    assert cls("anything").x == "anything"
    assert f"{shown} is not a native type" in jitd.explain(cls)


def test_a_method_under_two_names_warns_once():
    with pytest.warns(jitd.CompileWarning, match="set is not compiled yet") as said:

        @jitd.jitclass
        class Sum:
            n: int

            def __add__(self, other):
                return {self.n, other}

            __radd__ = __add__

        assert Sum(3) + 1 == {3, 1} and 1.5 + Sum(3) == {3, 1.5}
    assert len(said) == 1


def test_a_function_that_stays_python_is_named_once():
    with pytest.warns(jitd.CompileWarning, match=r"\ntest_misuse\.[\w.<>]*\.ones stays Python: generators"):

        @jitd.jit
        def ones():
            yield 1

        assert list(ones()) == [1]


def test_what_the_daemon_refuses_is_said_in_words():
    with pytest.raises(jitd.RemoteError, match="^a name has 1 to 1024 bytes$") as caught:
        jitd.publish("n" * 1025, Node())
    assert caught.value.args == ("malformed", "a name has 1 to 1024 bytes")


@pytest.mark.parametrize("deaths", [1, 2])
def test_compiler_processes_that_die_leave_a_class_usable(monkeypatch, deaths):
    asked = []

    def request(message, body, real=jitd._jitd.request):
        if "unit" in body:
            asked.append(message)
            if len(asked) <= deaths:
                raise jitd.RemoteError("worker", "the compiler process was killed by signal 9 (Killed)")
        return real(message, body)

    @jitd.jitclass
    class Cell:
        n: int = 3

        def get(self) -> int:
            return self.n + 41

    monkeypatch.setattr(jitd._jitd, "request", request)
    with pytest.warns(jitd.CompileWarning, match="Cell stays Python: the compiler process was killed by signal 9"):
        assert Cell(1).get() == 42
    assert len(asked) == 2 and "get: Python: the compiler process was killed" in str(jitd.explain(Cell))


@pytest.mark.filterwarnings("ignore::jitd.CompileWarning")
def test_a_method_that_stays_python_can_be_asked_for():
    @jitd.jitclass
    class Pair:
        a: int = 1

        def both(self):
            return {self.a, self.a * 1.0}

    pair = Pair()
    assert pair.both() == {1}
    for method in (Pair.both, pair.both):
        assert "both: Python: set is not compiled yet" in jitd.explain(method)
        with pytest.raises(LookupError, match=r"Pair\.both: set is not compiled yet"):
            jitd.inspect_asm(method)
    for other in (len, [].append, test_init_called_again, 3):
        with pytest.raises(TypeError, match="neither a jitclass"):
            jitd.explain(other)
