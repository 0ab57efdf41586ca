"""Python fields: what cannot live in the arena is kept beside the instance, and everything is as in CPython: identity, absence, the collector, copies."""

from __future__ import annotations

import copy
import dataclasses
import enum
import functools
import gc
import inspect
import pickle
import random
import typing
import warnings
import weakref
from typing import Any, Callable, ClassVar, Optional

import pytest

import jitd

pytestmark = pytest.mark.filterwarnings("ignore::jitd.CompileWarning")
T = typing.TypeVar("T")


class Colour(enum.Enum):
    RED = 1


@jitd.jitclass
class Tag:
    name: str
    weight: float
    items: list[int]
    count: int = 0

    def heavier(self, by: float) -> float:
        self.weight += by
        self.count += 1
        return self.weight

    def push(self, item: object) -> Tag:
        self.items.append(item)
        return self


@jitd.jitclass
class Chain:
    value: int
    next: Optional[Chain] = None
    label: Any = None

    def length(self) -> int:
        n, node = 1, self.next
        while node is not None:
            n, node = n + 1, node.next
        return n

    def behead(self) -> None:
        if self.next is not None:
            self.next = self.next.next


def test_the_very_object_is_kept() -> None:
    items = [1]
    tag = Tag("a", 1.5, items)
    assert tag.items is items and tag.push(2) is tag and items == [1, 2]
    tag.name = name = "b" * 100
    assert tag.name is name and repr(tag) == f"Tag(name={name!r}, weight=1.5, items=[1, 2], count=0)"


def test_methods_that_touch_no_python_field_are_native() -> None:
    tag = Tag("a", 1.0, [])
    assert [tag.heavier(0.5), tag.heavier(0.25)] == [1.5, 1.75] and tag.count == 2
    assert Tag.heavier._counters()["native_calls"] >= 2
    assert jitd.layout(Tag) == {"size": 16, "fields": [("weight", "float", 0), ("count", "int", 8)]}


def test_absence_is_an_attribute_error() -> None:
    tag = Tag("a", 1.0, [])
    del tag.items
    with pytest.raises(AttributeError, match="^'Tag' object has no attribute 'items'"):
        tag.items
    assert not hasattr(tag, "items") and repr(tag).startswith("Tag(name='a', weight=1.0, items=<unset>")
    tag.items = None
    assert tag.items is None


def test_there_is_no_check_of_types() -> None:
    tag = Tag(name=3, weight=2, items="text")
    assert (tag.name, tag.weight, tag.items) == (3, 2.0, "text")


def test_python_fields_live_as_long_as_the_instance() -> None:
    chain = Chain(0, Chain(1, Chain(2, None, ["last"]), {"k": 1}))
    gc.collect()
    assert chain.next.label == {"k": 1} and chain.next.next.label == ["last"] and chain.length() == 3
    gone = weakref.ref(chain.next)
    last = weakref.ref(chain.next.next)
    chain.behead()
    assert gone() is None and last() is not None and chain.next.label == ["last"] and chain.length() == 2


def test_what_compiled_code_drops_ends_after_it() -> None:
    ended: list[int] = []

    class Noted:
        def __init__(self, n: int) -> None:
            self.n = n

        def __del__(self) -> None:
            ended.append(self.n)

    chain = Chain(0)
    for i in range(1, 50):
        chain = Chain(i, chain, Noted(i))
    while chain.next is not None:
        chain.behead()
    assert ended == list(range(48, 0, -1)) and chain.label.n == 49


def test_a_long_chain_of_kept_instances_ends_without_recursion() -> None:
    chain = None
    for i in range(200_000):
        chain = Chain(i, chain, i)
    before = jitd.stats()["process"]["objects"]
    del chain
    assert jitd.stats()["process"]["objects"] <= before - 200_000


def test_cycles_through_python_objects_are_collected() -> None:
    tag = Tag("a", 1.0, [])
    tag.push(tag)
    gone = weakref.ref(tag)
    del tag
    gc.collect()
    assert gone() is None
    chain = Chain(1)
    chain.extra = [chain]  # nobody declared it
    gone = weakref.ref(chain)
    del chain
    gc.collect()
    assert gone() is None


def test_the_collector_takes_nothing_that_the_arena_holds() -> None:
    chain = Chain(0, Chain(1))
    inner = chain.next
    inner.label = [inner, "kept"]  # a cycle that Python alone can see
    gone = weakref.ref(inner)
    del inner
    for _ in range(3):
        gc.collect()
        assert gone() is chain.next and chain.next.label[1] == "kept" and chain.next.label[0] is chain.next
    chain.next = None
    gc.collect()
    assert gone() is None


def test_objects_have_one_identity_while_anybody_holds_them() -> None:
    @jitd.jitclass
    class Node:
        v: int
        next: Optional[Node] = None

    head = None
    for i in range(100):
        head = Node(i, head)
    seen, alive, node = {}, weakref.WeakSet(), head
    while node is not None:
        seen[id(node)] = hash(node)
        alive.add(node)
        node.note = node.v
        node = node.next
    junk = [Node(9) for _ in range(100)]
    node = head
    while node is not None:
        assert seen.pop(id(node)) == hash(node) and node.note == node.v
        node = node.next
    assert not seen and len(alive) == 100 and len(junk) == 100
    head = None
    assert len(alive) == 0


def test_the_finaliser_runs_once_and_at_the_end() -> None:
    ended = []

    @jitd.jitclass
    class Final:
        n: int
        other: Optional[Final] = None

        def __del__(self) -> None:
            ended.append(self.n)

        def drop(self) -> None:
            self.other = None

    a = Final(1, Final(2))
    gc.collect()
    assert ended == []
    a.drop()
    assert ended == [2]
    del a
    assert ended == [2, 1]


# ---- declaring ----


@pytest.mark.parametrize(
    "annotation",
    [str, list, dict[str, int], Optional[float], int | str, Callable, Any, Colour, "Unknown", "list[Missing]", T, typing.NewType("N", int),
     typing.Literal[1, 2], typing.Final[str], typing.Annotated[str, 1], bytes, complex, tuple[int, ...], None, object, jitd.Py, jitd.Py[int]],
)  # fmt: skip
def test_every_annotation_is_taken(annotation: Any) -> None:
    cls = jitd.jitclass(type("C", (), {"__annotations__": {"x": annotation, "n": int}, "__module__": __name__, "get": lambda self: 1}))
    value = ["any", "thing"]
    made = cls(value, 3)
    assert made.x is value and made.n == 3
    cls = jitd.jitclass(type("D", (), {"__module__": __name__}), {"n": int, "x": annotation})
    assert cls(1, value).x is value


def test_jitd_py_asks_for_a_python_field() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        @jitd.jitclass
        class Held:
            n: jitd.Py[int]
            m: int = 0

            def get(self) -> int:
                return self.m

        held = Held(1 << 80)
        assert held.n == 1 << 80 and held.get() == 0


def test_fields_that_no_annotation_names() -> None:
    @jitd.jitclass
    class Account:
        def __init__(self, owner: int, rate: float = 0.5, note=None) -> None:
            self.owner = owner
            self.rate = rate
            self.balance: float = 0.0
            self.moves, self.open = 0, True
            self.note = note
            self.log = []

        def pay(self, amount: float) -> float:
            self.balance += amount * self.rate
            self.moves += 1
            return self.balance

    account = Account(7)
    assert [account.pay(4.0), account.pay(2.0)] == [2.0, 3.0] and account.moves == 2 and account.log == [] and account.note is None
    assert {name: kind for name, kind, _ in jitd.layout(Account)["fields"]} == {
        "owner": "int", "rate": "float", "balance": "float", "moves": "int", "open": "bool",
    }  # fmt: skip
    assert Account.pay._counters()["native_calls"] == 2


def test_what_was_seen_in_the_methods_may_be_given_anything() -> None:
    """Nobody annotated the field: it takes what CPython takes, and the class goes on in Python."""

    @jitd.jitclass
    class Seen:
        def __init__(self) -> None:
            self.n = 0

        def add(self) -> object:
            self.n = self.n + 1
            return self.n

    a, b = Seen(), Seen()
    assert (a.add(), b.add()) == (1, 1)
    a.n = 2.5
    assert (a.n, a.add(), b.n, b.add()) == (2.5, 3.5, 1, 2)
    b.n = "text"
    assert b.n == "text" and vars(b) == {"n": "text"}
    a.n = True
    assert a.n is True
    del a.n
    c = Seen()
    c.n = 1 << 70
    assert c.add() == (1 << 70) + 1 == c.n


def test_a_class_with_nothing_but_methods() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        @jitd.jitclass
        class Methods:
            def twice(self, n: int) -> int:
                return n * 2

        assert Methods().twice(4) == 8


def test_attributes_that_nobody_declared() -> None:
    @jitd.jitclass
    class Open:
        x: int = 1
        SCALE = 3

        def scaled(self) -> int:
            return self.x * self.SCALE

    a, b = Open(2), Open(5)
    a.note = ["n"]
    assert a.note == ["n"] and vars(a) == {"x": 2, "note": ["n"]} and not hasattr(b, "note") and not hasattr(Open, "note")
    with pytest.raises(AttributeError, match="'Open' object has no attribute 'note'"):
        b.note
    del a.note
    with pytest.raises(AttributeError, match="note"):
        del a.note
    assert a.scaled() == 6
    a.SCALE = 10  # on the instance: compiled code must see it
    assert (a.scaled(), b.scaled(), Open.SCALE) == (20, 15, 3)
    a.__dict__["z"] = 4
    a.__dict__.update(x=9)
    assert (a.z, a.x) == (4, 9)


def test_slots_close_a_class() -> None:
    @jitd.jitclass
    class Closed:
        __slots__ = ("n", "name")
        n: int
        name: str

        def __init__(self, n: int, name: str) -> None:
            self.n = n
            self.name = name

        def get(self) -> int:
            return self.n

    made = Closed(3, "x")
    assert (made.get(), made.name, made.n) == (3, "x", 3)
    with pytest.raises(AttributeError):
        made.other = 1
    with pytest.raises(AttributeError):
        made.__dict__
    assert copy.copy(made).name == "x"


@pytest.mark.parametrize("underneath", [True, False])
@pytest.mark.parametrize(
    "options",
    [{"order": True, "eq": True}, {"unsafe_hash": True, "eq": True}, {"frozen": True, "eq": True}, {"kw_only": True}, {"init": False}, {"repr": False}],
)
def test_options_as_dataclasses_have_them(options: dict[str, bool], underneath: bool) -> None:
    def body() -> type:
        class Point:
            x: int
            y: float = 0.5
            tags: list = dataclasses.field(default_factory=list)
            total: ClassVar[int] = 3

            def both(self) -> float:
                return self.x + self.y

        return Point

    theirs = dataclasses.dataclass(**{"eq": False, **options})(body())
    ours = jitd.jitclass(dataclasses.dataclass(**{"eq": False, **options})(body())) if underneath else jitd.jitclass(body(), **options)
    for make in (lambda c: c(1, 2.0), lambda c: c(x=1), lambda c: c()):
        results = []
        for cls in (theirs, ours):
            try:
                a = make(cls)
                b = make(cls)
                results.append([repr(a).replace(cls.__qualname__, "Point") if cls.__repr__ is not object.__repr__ else "", a.both(), a == b, a.tags, a.tags is not b.tags])
                for operation in (lambda: a < b, lambda: hash(a) == hash(b), lambda: setattr(a, "x", 9), lambda: a.x, lambda: delattr(a, "tags")):
                    try:
                        results[-1].append(operation() if not (operation is None) else 0)
                    except (TypeError, AttributeError) as error:
                        results[-1].append(type(error).__name__)
            except (TypeError, AttributeError) as error:
                results.append(str(error).split("__init__()")[-1] if "__init__" in str(error) else type(error).__name__)
        if options.get("repr", True) or isinstance(results[0], str):
            assert results[0] == results[1]
        else:
            assert results[0][1:] == results[1][1:]
    assert str(inspect.signature(ours)) == str(inspect.signature(theirs))
    assert [f.name for f in dataclasses.fields(ours)] == ["x", "y", "tags"] and ours.total == 3


def test_mutable_defaults_are_refused_as_dataclasses_refuse_them() -> None:
    def body() -> type:
        class C:
            x: list = []

        return C

    with pytest.raises(ValueError) as ours:
        jitd.jitclass(body())
    with pytest.raises(ValueError) as theirs:
        dataclasses.dataclass(body())
    assert str(ours.value) == str(theirs.value)


def test_dataclasses_functions_take_instances() -> None:
    tag = Tag("a", 1.0, [1])
    assert dataclasses.is_dataclass(Tag) and dataclasses.asdict(tag) == {"name": "a", "weight": 1.0, "items": [1], "count": 0}
    assert dataclasses.astuple(tag) == ("a", 1.0, [1], 0) and repr(dataclasses.replace(tag, name="b")) == "Tag(name='b', weight=1.0, items=[1], count=0)"
    assert Tag.__match_args__ == ("name", "weight", "items", "count")
    match tag:
        case Tag(name, weight, [one]):
            assert (name, weight, one) == ("a", 1.0, 1)


# ---- subclasses ----


class Sub(Tag):
    def heavier(self, by: float) -> float:
        return super().heavier(by) + 100

    def extra(self) -> str:
        self.more = self.name * 2
        return self.more


@jitd.jitclass
class Decorated(Chain):
    colour: str = "red"

    def shout(self) -> str:
        return self.colour.upper() + str(self.length())


def test_a_python_subclass_works_above_the_base() -> None:
    sub = Sub("s", 1.0, [])
    assert sub.heavier(1.0) == 102.0 and sub.extra() == "ss" == sub.more and sub.push(1).items == [1]
    assert isinstance(sub, Tag) and type(sub) is Sub and repr(sub) == "Sub(name='s', weight=2.0, items=[1], count=1)"
    again = pickle.loads(pickle.dumps(sub))
    assert type(again) is Sub and vars(again) == vars(sub)
    made = Decorated(1, None, "l", "blue")
    assert (made.shout(), made.label, Decorated(2).shout(), repr(Decorated(3))) == (
        "BLUE1", "l", "RED1", "Decorated(value=3, next=None, label=None, colour='red')",
    )  # fmt: skip


def test_an_instance_of_a_subclass_never_gets_the_wrong_method() -> None:
    @jitd.jitclass
    class Base:
        n: int = 1

        def value(self) -> int:
            return self.n

        def twice(self) -> int:
            return self.value() * 2

        def of(self, other: Base) -> int:
            return other.value()

    class Derived(Base):
        def value(self) -> int:
            return self.n + 1000

    assert (Base(2).twice(), Derived(2).twice(), Base().of(Derived(5)), Base().of(Base(5))) == (4, 2004, 1005, 5)


def test_a_field_takes_what_extends_its_class() -> None:
    """As an attribute, which is slower; a shared instance cannot."""

    @jitd.jitclass
    class Link:
        value: int
        next: Optional[Link] = None

        def own(self) -> int:
            return self.value

        def total(self) -> int:
            n, link = 0, self
            while link is not None:
                n, link = n + link.own(), link.next
            return n

    class Heavy(Link):
        def own(self) -> int:
            return self.value * 100

    link, heavy = Link(1, Link(2)), Heavy(3)
    assert link.total() == 3
    dropped = weakref.ref(link.next)
    link.next = heavy
    assert dropped() is None and link.next is heavy and link.total() == 301 and vars(link)["next"] is heavy
    assert Link(1, next=Heavy(4)).total() == 401 and copy.deepcopy(link).total() == 301
    with pytest.raises(TypeError, match="Link.next must be Link or None, not int"):
        link.next = 3  # type: ignore[assignment]
    assert link.next is heavy
    link.next = Link(5)
    assert link.total() == 6 and vars(link)["next"] is link.next
    link.next = None
    assert link.total() == 1
    link.next = heavy
    seen = weakref.ref(heavy)
    del heavy, link
    gc.collect()
    assert seen() is None


def test_a_shared_instance_refuses_what_only_this_process_could_see() -> None:
    @jitd.jitclass
    class Shared:
        value: int
        next: Optional[Shared] = None

    class Above(Shared):
        pass

    link = Shared(1)
    jitd.publish("a shared link", link)
    with pytest.raises(TypeError, match="Shared.next must be Shared or None, not Above"):
        link.next = Above(2)
    Shared(1).next = Above(2)
    with pytest.raises(TypeError, match="Shared.next must be Shared or None, not Above"):
        link.next = Above(2)


# ---- copies and life ----


def test_copies_have_the_python_fields() -> None:
    tag = Tag("a", 1.0, [[1]], 4)
    shallow, deep, again = copy.copy(tag), copy.deepcopy(tag), pickle.loads(pickle.dumps(tag))
    assert shallow.items is tag.items and deep.items == tag.items and deep.items is not tag.items
    assert vars(again) == vars(tag) == tag.__getstate__() == {"name": "a", "weight": 1.0, "items": [[1]], "count": 4}
    tag.items.append(tag)
    assert copy.deepcopy(tag).items[1].name == "a"


def test_close_takes_the_python_fields() -> None:
    items = ["x"]
    gone = weakref.finalize(thing := Colour, lambda: None)
    tag = Tag("a", 1.0, items)
    tag.close()
    for use in (lambda: tag.items, lambda: tag.name, lambda: tag.weight, lambda: tag.push(1), lambda: setattr(tag, "items", [])):
        with pytest.raises(jitd.ReleasedError):
            use()
    other = Tag("b", 2.0, items)
    assert other.items is items and thing is Colour and gone.alive
    with Tag("c", 1.0, []) as inside:
        assert inside.push(2).items == [2]
    with pytest.raises(jitd.ReleasedError):
        inside.items


# ---- the class ----


def test_what_is_set_on_the_class_is_seen() -> None:
    @jitd.jitclass
    class Counter:
        n: int = 3
        STEP = 2

        def step(self) -> int:
            self.n += self.STEP
            return self.n

        def twice(self) -> int:
            self.step()
            return self.step()

    counter = Counter()
    assert (counter.step(), counter.twice(), Counter.n, Counter.STEP) == (5, 9, 3, 2)
    Counter.STEP = 10
    assert (counter.step(), Counter.STEP) == (19, 10)
    Counter.step = lambda self: 77
    assert (counter.twice(), counter.n) == (77, 19)
    Counter.n = 50
    assert (Counter.n, counter.n, Counter().n) == (50, 19, 3)
    Counter.other = "new"
    assert counter.other == "new"
    del Counter.other
    assert not hasattr(counter, "other")


def test_the_decorated_class_is_the_class() -> None:
    kinds: dict[str, type] = {}

    class Plug:
        def __init_subclass__(cls, tag: str = "", **rest: Any) -> None:
            super().__init_subclass__(**rest)
            assert tag not in kinds
            kinds[tag] = cls

    class Named:
        def __set_name__(self, owner: type, name: str) -> None:
            assert not hasattr(self, "owner")
            self.owner, self.name = owner, name

    @jitd.jitclass
    class Gain(Plug, tag="gain"):
        k: float = 2.0
        named = Named()

        def own(self) -> bool:
            return __class__ is type(self)

    assert kinds == {"gain": Gain} and Plug.__subclasses__() == [Gain] and Gain.named.owner is Gain and Gain().own()


def test_a_class_that_has_a_name_already_stays_as_it_is() -> None:
    class Plain:
        x: int = 1

        def get(self) -> int:
            return super().__getattribute__("x")

    before = Plain()
    one, two = jitd.jitclass(Plain), jitd.jitclass(Plain)
    assert one is not two is not Plain and type(before) is Plain and before.get() == 1
    assert [c().get() for c in (one, two)] == [1, 1] and isinstance(one(), one) and not isinstance(one(), Plain)


def test_instances_that_the_collector_saw_are_not_used_again_as_they_are() -> None:
    @jitd.jitclass
    class Seen:
        x: int = 1

    for how in range(2000):
        made = Seen(how)
        made.note = made
        if how % 2:
            made.close()
        del made
        if how % 200 == 0:
            gc.collect()
    gc.collect()
    assert [Seen(i).x for i in range(100)] == list(range(100))


def test_members_with_names_that_are_the_metaclass_s() -> None:
    class Meta(type):
        @property
        def tag(cls) -> str:
            return "of the class"

        @tag.setter
        def tag(cls, value: object) -> None:
            raise AssertionError("set")

    @jitd.jitclass
    class Odd(metaclass=Meta):
        x: int

        @property
        def __name__(self) -> str:
            return "of the instance"

        @property
        def __class__(self) -> type:
            return int

        def tag(self) -> int:
            return self.x

    odd = Odd(3)
    assert (odd.__name__, Odd.__name__, odd.tag(), Odd.tag) == ("of the instance", "Odd", 3, "of the class")
    assert isinstance(odd, int) and type(odd) is Odd


def test_an_instance_may_be_called_as_a_function_is() -> None:
    """What type reads in the class's own dict stays there."""

    @jitd.jitclass
    class Plain:
        x: int = 0

    def wrapped() -> None:
        "what it says"

    wrapped.__module__ = "elsewhere"
    one, other = Plain(1), Plain(2)
    functools.update_wrapper(one, wrapped)  # type: ignore[arg-type]
    assert (one.__module__, one.__doc__, one.__wrapped__) == ("elsewhere", "what it says", wrapped)  # type: ignore[attr-defined]
    assert other.__module__ == Plain.__module__ == __name__ and repr(Plain).startswith(f"<class '{__name__}.")
    assert vars(one)["__module__"] == "elsewhere" and "__module__" not in vars(other)
    del one.__module__
    assert one.__module__ == __name__
    with pytest.raises(AttributeError):
        del one.__module__
    one.__abstractmethods__ = frozenset({"x"})  # type: ignore[attr-defined]
    assert Plain(3).x == 3 and not hasattr(Plain, "__abstractmethods__")


def test_attributes_that_methods_set_are_the_interpreter_s_own() -> None:
    """No descriptor stands in the class for them: they are read as fast as in CPython."""

    @jitd.jitclass
    class Bag:
        def __init__(self) -> None:
            self.items: Any = []
            self.n = 0

        def push(self, item: object) -> None:
            self.items.append(item)
            self.n += 1

    bag = Bag()
    bag.push(bag)
    assert bag.items == [bag] and bag.n == 1 and "items" not in vars(Bag)
    seen = weakref.ref(bag)
    del bag
    gc.collect()
    assert seen() is None


def test_a_class_above_one_of_c_stays_as_it_is() -> None:
    class Dice(random.Random):
        sides = 6

        def throw(self) -> int:
            return self.randrange(self.sides) + 1

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert jitd.jitclass(Dice) is Dice
    assert "stays a Python class: it extends the built-in type Random" in str(told[0].message)
    assert 1 <= Dice(1).throw() <= 6


def test_a_descriptor_may_keep_its_value_in_the_dict_of_the_instance() -> None:
    class Kept:
        def __set__(self, obj: Any, value: Any) -> None:
            vars(obj)["kept"] = value
            vars(obj).pop("cached", None)

    @jitd.jitclass
    class Loose:
        kept = Kept()

        def __init__(self) -> None:
            self.kept = []

        @functools.cached_property
        def cached(self) -> int:
            return len(self.kept)

    @jitd.jitclass
    class Typed:
        n: int
        items: list[int]
        kept = Kept()

        @functools.cached_property
        def cached(self) -> int:
            return len(self.kept) + self.n

    loose, typed = Loose(), Typed(5, [])
    typed.kept = [1]
    for made, want in ((loose, [0, 2]), (typed, [6, 7])):
        assert made.cached == want[0] == vars(made)["cached"]
        made.kept = [1, 2]
        assert "cached" not in vars(made) and made.cached == want[1]
        assert vars(copy.copy(made)) == vars(made)
    loose.__dict__ = {"other": 1}
    assert loose.other == 1 and vars(loose) == {"other": 1}  # type: ignore[attr-defined]


def test_a_reference_that_the_class_sets_to_none_may_be_none() -> None:
    @jitd.jitclass
    class Leaf:
        value: int

    @jitd.jitclass
    class Branch:
        leaf: Leaf
        n: int

        def __init__(self, n: int) -> None:
            self.n = n
            self.leaf = None  # type: ignore[assignment]

        def grow(self) -> int:
            self.leaf = Leaf(self.n)
            return self.leaf.value

    branch = Branch(3)
    assert branch.leaf is None and branch.grow() == 3 and branch.leaf.value == 3
    assert "field leaf: Leaf or None" in jitd.explain(Branch) and "grow: compiled" in jitd.explain(Branch)


def test_the_signature_of_an_instance_is_its_call_s() -> None:
    @jitd.jitclass
    class Called:
        n: int

        def __call__(self, by: int) -> int:
            return self.n * by

    assert list(inspect.signature(Called(2)).parameters) == ["by"] and list(inspect.signature(Called).parameters) == ["n"]


def test_a_state_may_have_two_parts() -> None:
    """As CPython has it of an instance with __dict__ and __slots__."""

    @jitd.jitclass
    class Slotted:
        __slots__ = ("n", "items")
        n: int
        items: list[int]

        def __reduce__(self) -> Any:
            return Slotted, (self.n, []), (None, {"items": self.items})

    again = copy.deepcopy(Slotted(3, [1]))
    assert (again.n, again.items) == (3, [1])
    again.__setstate__(({}, {"n": 4, "items": []}))  # type: ignore[attr-defined]
    assert (again.n, again.items) == (4, [])
    with pytest.raises(TypeError, match="the state of a Slotted is a dict of its fields, not int"):
        again.__setstate__(5)  # type: ignore[attr-defined]


def test_what_makes_instances_may_be_set_on_the_class() -> None:
    @dataclasses.dataclass(order=True)
    @jitd.jitclass(init=False)
    class Under:
        x: int
        y: str = "a"

    assert repr(Under(3)).endswith("Under(x=3, y='a')") and Under(3) == Under(3) < Under(4)
    assert str(inspect.signature(Under)) == "(x: 'int', y: 'str' = 'a') -> None"

    @jitd.jitclass
    class Later:
        x: int

    assert Later(1).x == 1

    def init(self: Any, a: int, b: int) -> None:
        self.x = a * b

    Later.__init__ = init  # type: ignore[assignment]
    assert Later(3, b=4).x == 12  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Later(1)


def test_half_a_pair_of_surrogates_and_long_texts_are_constants_like_others() -> None:
    @jitd.jitclass
    class Texts:
        x: int = 1
        half = "\ud800"
        long = "x" * (1 << 21)

        def get(self) -> int:
            return self.x

        def lengths(self, half: str = "\udfff") -> int:
            return len(self.long) + len(self.half + half) + self.x

    assert Texts().get() == 1 and Texts().lengths() == (1 << 21) + 3 and jitd.stats()["process"]["connected"]
    assert "get: compiled" in jitd.explain(Texts)


@pytest.mark.parametrize("options", [{"frozen": True}, {"frozen": True, "kw_only": True}, {"order": True}, {"unsafe_hash": True}])
def test_what_dataclasses_make_does_not_make_fields_python(options: dict[str, bool]) -> None:
    """The code of a frozen class's __init__ stores nothing that can be seen, and has the fields' names as texts."""

    @jitd.jitclass(**options)
    class Made:
        a: int
        b: float

        def sum(self) -> float:
            return self.a + self.b

    assert Made(a=1, b=2.5).sum() == 3.5
    assert "field a: int\n  field b: float\n  sum: compiled" in jitd.explain(Made)


def test_slots_are_there_for_what_init_stores() -> None:
    @jitd.jitclass
    class Slots:
        __slots__ = ("x", "rest", "unused")

        def __init__(self, x: int) -> None:
            self.x = x
            self.rest = [x]

        def twice(self) -> int:
            return 2 * self.x

    one = Slots(4)
    assert (one.twice(), one.x, one.rest) == (8, 4, [4]) and "field x: int" in jitd.explain(Slots) and "twice: compiled" in jitd.explain(Slots)
    one.x = "text"  # type: ignore[assignment]
    assert one.x == "text" and not hasattr(one, "unused")
    del one.x
    assert not hasattr(one, "x")
    one.x = 5
    assert one.twice() == 10
    with pytest.raises(AttributeError):
        one.other = 1  # type: ignore[attr-defined]


def test_quotes_where_annotations_are_texts_already() -> None:
    @jitd.jitclass
    class Quoted:
        n: "int"
        next: "Quoted | None" = None

        def get(self, other: "Quoted") -> "int":
            return self.n + other.n

    one = Quoted(1)
    assert one.get(Quoted(2, one)) == 3
    assert "field n: int\n  field next: Quoted or None\n" in jitd.explain(Quoted)


@jitd.jitclass
class Defaults:
    n: int = 0
    anything: jitd.Py = 5
    weight: float = None  # type: ignore[assignment]
    items: list[int] = None  # type: ignore[assignment]

    def all(self) -> Any:
        for i in range(3):
            self.n += i
        return self.anything, self.weight, self.items

    def pushed(self) -> Any:
        items, sum = self.items, 0
        for i in range(3):
            sum += i
        items.append(sum)
        return items


def test_a_default_is_not_what_an_instance_has() -> None:
    items = [1]
    one, other = Defaults(1, "five", 2.5, items), Defaults()
    assert one.all() == ("five", 2.5, [1]) and other.all() == (5, None, None)
    assert one.pushed() is items and items == [1, 3]
    other.anything = items
    assert other.all()[0] is items
