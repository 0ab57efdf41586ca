"""What jitd keeps of each decorated class and function, and of plain functions that they call: a Record of Funcs.

Nothing here is resolved: annotations and globals are looked at when the first use links the program (link.py).
"""

from _weakref import ref

from jitd._jitd import MISSING

all_records = []  # weak references, for jitd.stats()

_VARIADIC = 0x04 | 0x08  # CO_VARARGS, CO_VARKEYWORDS
_COROUTINE = 0x20 | 0x80 | 0x100 | 0x200  # generator, coroutine, iterable coroutine, async generator


class Func:
    """One function of a record: its Python original, its parameters (self and cls left out), and what became of it."""

    __slots__ = ("name", "kind", "func", "code", "params", "npositional", "nposonly", "method", "reason", "types", "__weakref__")

    def __init__(self, name, kind, func):
        code = func.__code__
        self.name, self.kind, self.func, self.code = name, kind, func, code
        skip = kind not in ("static", "function")
        n, self.nposonly = code.co_argcount, max(code.co_posonlyargcount - skip, 0)
        names = code.co_varnames[: n + code.co_kwonlyargcount]
        defaults = dict(zip(names[n - len(func.__defaults__ or ()) : n], func.__defaults__ or ()), **(func.__kwdefaults__ or {}))
        annotations = func.__annotations__
        self.params = [(name, annotations.get(name, MISSING), defaults.get(name, MISSING)) for name in names[skip:]]
        self.npositional = n - skip
        self.method = self.types = None
        self.reason = self._refusal(skip)

    def _refusal(self, skip):
        """Why it cannot be compiled, as far as that shows without its source; None: it may be."""
        flags = self.code.co_flags
        if self.func.__name__ == "<lambda>":
            return "lambda is not compiled"
        if flags & _COROUTINE:
            return "generators and coroutines are not compiled"
        if flags & _VARIADIC:
            return "*args and **kwargs are not compiled"
        if skip and not self.code.co_argcount:
            return "it takes no self"
        return None

    def param_kind(self, i):
        return "pos" if i < self.nposonly else "any" if i < self.npositional else "kw"


class Record:
    """A class or a function as a definition of the protocol. `target` is the Python class, or the Method, or the plain function."""

    def __init__(self, kind, target, name, module, options):
        module = "__main__" if module == "__mp_main__" else module  # what multiprocessing calls the main module in its workers
        self.kind, self.target, self.module, self.options = kind, target, module, options
        self.name = f"{module}.{name}"
        self.short = name
        self.funcs = []
        self.fields = []  # classes: (name, annotation, default)
        self.field_types = None
        self.consts = {}
        self.other = {}
        self.init = "none"
        self.evaluate = None  # string annotation -> value
        self.local = None  # fingerprint of its own, see fingerprint.py
        self.bound = {}  # Func -> {name: global}
        self.guarded, self.cells = [], []  # what the bound names rest on, for a Guard
        self.serial = None
        self.references = ()
        self.key = None
        self.class_id = 0
        self.linked = False
        self.unit = None
        self.refused = {}

    def func(self, name):
        return next((f for f in self.funcs if f.name == name and f.kind != "setter"), None)

    @property
    def file(self):
        return self.funcs[0].code.co_filename if self.funcs else ""


def remember(record):
    if len(all_records) > 64 and len(all_records) & (len(all_records) - 1) == 0:
        all_records[:] = [r for r in all_records if r() is not None]
    all_records.append(ref(record))


def of_plain_function(func, options):
    """The record of a function that is called by compiled code without being decorated."""
    record = Record("function", func, func.__qualname__, func.__module__ or "__main__", options)
    record.funcs.append(Func(func.__name__, "function", func))
    return record

