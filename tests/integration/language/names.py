# Names that mean something else while compiled code is under way, and attributes that are not where they seem to be. Each program is a function
# p_... of a module of its own; it is given a number.
import enum
import io

LIMIT = "a"
log = []


class Any:
    pass


class Mode(enum.Enum):
    ON = 1
    OFF = 2


class Value:
    pass


class Holder:
    value = Value()


class Slotted:
    __slots__ = tuple(f"s{i}" for i in range(400))


class Small:
    pass


Small.s399 = Slotted.__dict__["s399"]


class Raw(io.RawIOBase):
    def readable(self):
        return True

    @property
    def name(self):
        global LIMIT
        log.append("name")
        LIMIT += "x"
        return "raw"


class Key:
    """Of an instance's dict, where it stands in the place of a name. How often it is asked depends on what CPython has specialised."""

    def __init__(self, name, found):
        self.name, self.found = name, found

    def __hash__(self):
        return hash(self.name)

    def __eq__(self, other):
        global LIMIT
        LIMIT = "b"
        return self.found


class Computed:
    @classmethod
    def y(cls):
        log.append("y")
        return 5


class Indexed(int):
    def __index__(self):
        log.append("index")
        return int(self)


@jitclass
class T:
    n: int
    word: str
    other: object

    def __init__(self, other: object) -> None:
        self.n = 0
        self.word = "a"
        self.other = other

    def reads(self, o: object) -> int:
        k = 0
        for i in range(3):
            for z in range(2):
                self.n += 1
            if LIMIT == "a":
                self.n += 100
            if o.name is None:
                k += 1
        return self.n + k

    def sets(self, o: object) -> int:
        for i in range(4):
            for z in range(2):
                self.n += 1
            if LIMIT == "a":
                self.n += 100
            if i == 1:
                o.LIMIT = "b"
        return self.n

    def names(self, o: object) -> int:
        for i in range(3):
            for z in range(2):
                self.n += 1
            if LIMIT == "a":
                self.n += 100
            o.name = "text"
        return self.n

    def puts(self, d: dict[str, str]) -> int:
        for i in range(4):
            for z in range(2):
                self.n += 1
            if LIMIT == "a":
                self.n += 100
            if i == 1:
                d["LIMIT"] = "b"
        return self.n

    def of_class(self) -> list:
        found = []
        for i in range(2):
            for z in range(2):
                self.n += 1
            found.append(Holder.value)
            found.append(Mode.ON)
        return found

    def slot(self, o: object) -> int:
        k = 0
        for i in range(2):
            for z in range(2):
                self.n += 1
            if o.s399 is None:
                k += 1
        return k

    def set_slot(self, o: object) -> int:
        for i in range(2):
            for z in range(2):
                self.n += 1
            o.s399 = "text"
        return self.n

    def set_y(self, o: object) -> int:
        for i in range(2):
            for z in range(2):
                self.n += 1
            o.y = "text"
        return self.n

    def text(self, o: object) -> str:
        for i in range(2):
            for z in range(2):
                self.n += 1
        return "a b"

    def same(self, o: object) -> bool:
        for i in range(2):
            for z in range(2):
                self.n += 1
        found = "a b"
        return found is o

    def item(self, o: object, xs: list[int]) -> object:
        for i in range(2):
            for z in range(2):
                self.n += 1
        return xs[o.x]

    def item_in_place(self, o: object, xs: list[int]) -> list:
        for i in range(2):
            for z in range(2):
                self.n += 1
        xs[o.x] += 5
        return xs

    def local(self) -> object:
        m: int = 0
        for z in range(2):
            for w in range(2):
                self.n += 1
            m: int = self.other
            self.n += 1
        return m

    def in_try(self) -> object:
        for z in range(2):
            for w in range(2):
                self.n += 1
        try:
            m: int = self.other
        finally:
            self.n += 1
        return m


def attempt(f, *given):
    try:
        return f(*given)
    except Exception as error:
        return type(error), str(error)


def p_c_code_that_runs_python(i):
    global LIMIT
    LIMIT = "a"
    t = T(None)
    return attempt(t.reads, io.BufferedReader(Raw())), t.n, log


def p_globals_as_attributes(i):
    global LIMIT
    LIMIT = "a"
    o, t = Any(), T(None)
    o.__dict__ = globals()
    return t.sets(o), t.n, LIMIT


def p_globals_as_a_dict(i):
    global LIMIT
    LIMIT = "a"
    t = T(None)
    return t.puts(globals()), t.n, LIMIT


def p_a_value_becomes_a_descriptor(i):
    t = T(None)
    first = [type(one).__name__ for one in t.of_class()]
    Value.__get__ = lambda self, instance, owner: 7
    second = [type(one).__name__ for one in t.of_class()]
    del Value.__get__
    return first, second, [type(one).__name__ for one in t.of_class()]


def p_a_metaclass_gets_an_attribute(i):
    t = T(None)
    first = t.of_class()[1] is Mode.ON
    enum.EnumMeta.ON = property(lambda cls: "of the metaclass")
    try:
        second = t.of_class()[1]
    finally:
        del enum.EnumMeta.ON
    return first, second, t.of_class()[1] is Mode.ON


def p_a_slot_of_another_class(i):
    t, small = T(None), [Small() for _ in range(20)]
    return [(attempt(t.slot, one), attempt(t.set_slot, one)) for one in small], t.n


def p_setting_asks_nobody(i):
    o = Computed()
    return T(None).set_y(o), log, o.y


def p_a_key_that_compares_itself(i):
    global LIMIT
    found = []
    for key in Key("name", True), Key("name", False), "name", Key("other", True):
        o, LIMIT = Any(), "a"
        o.__dict__[key] = 1
        found.append((attempt(T(None).reads, o), LIMIT))
        LIMIT = "a"
        found.append((attempt(T(None).names, o), LIMIT != "a", sorted(type(k).__name__ for k in vars(o))))
    return found


class Ends:
    """Gives a name of the module another value when it is given up."""

    def __del__(self):
        global LIMIT
        LIMIT = "b"
        log.append("given up")


class Guarded:
    def __init__(self):
        self.kept = 1

    @property
    def left(self):
        return self.kept

    @left.setter
    def left(self, value):
        log.append(("left", value))
        if value == "no":
            raise ValueError(value)
        self.kept = value


@jitclass
class Several:
    n: int
    x: float
    word: str
    other: object
    next: "Several | None"

    def __init__(self, n: int, word: str, other: object) -> None:
        self.n, self.word, self.other = n, word, other
        self.x, self.next = 0.5, None

    def swaps(self, k: int) -> int:
        for i in range(k):
            self.word, self.other = self.other, self.word
            self.n, a, self.word = i, self.word, self.other
            self.other = a
        return self.n

    def gives_up(self, a: object) -> int:
        for i in range(3):
            self.other, self.n, self.word = a, self.n + 1, "w"
            if LIMIT == "a":
                self.n += 100
        return self.n

    def to_others(self, o: object, a: object) -> int:
        for i in range(3):
            self.n, o.left, self.word, o.right = i, a, "v", self.n
        return self.n

    def links(self, other: "Several", word: str) -> object:
        self.next, self.word, b = other, word, self.word
        other.next, other.other, self.x = self, b, 2.5
        return b

    def not_its_type(self, a: object) -> int:
        self.word, self.n = "before", a
        return self.n


def p_several_targets(i):
    global LIMIT
    found = []
    for value in "text", 5, None, [1]:
        s = Several(3, "w", value)
        found.append((s.swaps(5), s.n, s.x, s.word, s.other, s.next))
        LIMIT = "a"
        s.other = Ends() if value == 5 else value
        found.append((s.gives_up(value), s.n, s.word, s.other, LIMIT, list(log)))
        for o in Any(), Guarded(), Small(), 5:
            for a in "yes", "no", 7:
                s.n = 0
                found.append((attempt(s.to_others, o, a), s.n, s.word, vars(o) if isinstance(o, (Any, Guarded)) else None))
        t = Several(4, "t", s)
        found.append((s.links(t, "link"), s.next is t, t.next is s, s.word, t.other, s.x, t.x))
        if value == 5:
            found.append((attempt(s.not_its_type, value), s.word, s.n))
        s.next = t.next = None
    LIMIT = "a"
    return found, log


def p_text_of_one_function(i):
    t = T(None)
    found = [t.text(o) for o in (1, "s", 2.5, None, t)]
    return [one is found[0] for one in found], [t.same(o) for o in (1, found[0])]


def p_an_index_that_is_an_object(i):
    found = []
    for x in (1, True, -1, 5, 2**70, 1.5, "s", None, Indexed(1), slice(0, 2)):
        o, t = Any(), T(None)
        o.x = x
        found.append((attempt(t.item, o, [10, 20, 30]), t.n))
        found.append((attempt(t.item_in_place, o, [10, 20, 30]), t.n))
    return found, log


def p_a_local_that_is_no_int(i):
    found = []
    for value in (1, True, 2**70, 1.5, "s", None, [1]):
        t = T(value)
        found.append((repr(attempt(t.local)), repr(attempt(t.in_try)), t.n))
    return found
