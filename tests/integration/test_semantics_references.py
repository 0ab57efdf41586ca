"""References whose objects are freed, swapped, replaced and left behind by exceptions; nothing leaks, nothing is used after its end."""

import gc
from pathlib import Path

import jitd
import pytest

from twins import Twins

SOURCE = Path(__file__).parent / "language/lifetimes.py"


def chain(m, n):
    node = None
    for i in range(n, 0, -1):
        node = m.Node(i, node)
    return node


def called(name, *args, nodes=3):
    return lambda m: (lambda n: (getattr(n, name)(*args), n.count(), n.unlink_all()))(chain(m, nodes))


def with_other(name, *args, nodes=3):
    def run(m):
        n, o = chain(m, nodes), m.Node(100, m.Node(200))
        try:
            result = getattr(n, name)(o, *args)
            return result, n.count(), o.count()
        finally:
            n.unlink_all()
            o.unlink_all()

    return run


SCENARIOS = {
    name: called(name)
    for name in (
        "compare_with_replaced compare_not_replaced read_after_cut add_around_cut narrowed_local narrowed_while_else "
        "walrus_chain pass_own_field receiver_cut rotate self_cycle pair_cycle compare_temporaries discard_all"
    ).split()
}
SCENARIOS |= {
    "narrowed_then_cut": called("narrowed_then_cut"),
    "narrowed alias": lambda m: (lambda n: n.narrowed_alias(n))(chain(m, 3)),
    "narrowed loop": called("narrowed_loop", 2),
    "narrowed loop too far": called("narrowed_loop", 3),
    "narrowed loop way too far": called("narrowed_loop", 10),
    "while else": lambda m: chain(m, 9).narrowed_while_else(),
    "early": with_other("narrowed_early"),
    "early None": called("narrowed_early", None),
    "early end": lambda m: chain(m, 1).narrowed_early(m.Node(1)),
    "or": lambda m: (chain(m, 1).narrowed_or(None, None), chain(m, 1).narrowed_or(m.Node(1), m.Node(2))),
    "or half": lambda m: (chain(m, 1).narrowed_or(m.Node(1), None), chain(m, 1).narrowed_or(None, m.Node(2))),
    "not": lambda m: (chain(m, 1).narrowed_not(m.Node(4)), chain(m, 1).narrowed_not(None)),
    "assert": lambda m: chain(m, 1).narrowed_assert(m.Node(4)),
    "assert None": called("narrowed_assert", None),
    "walrus short": called("walrus_chain", nodes=1),
    "walrus long": called("walrus_chain", nodes=5),
    "and": lambda m: (chain(m, 1).and_value(chain(m, 2)).v, chain(m, 1).and_value(None)),
    "or value": lambda m: (chain(m, 1).or_value(None).v, chain(m, 2).or_value(None).v, chain(m, 2).or_value(m.Node(3)).v),
    "swap fields": with_other("swap_fields"),
    "swap fields with itself": lambda m: (lambda n: (n.swap_fields(n), n.count()))(chain(m, 3)),
    "overwrite argument": lambda m: (chain(m, 1).overwrite_self_argument(None), chain(m, 1).overwrite_self_argument(m.Node(1))),
    "return argument": lambda m: (lambda n, o: (n.return_argument(o) is o, n.return_argument(None), n.return_argument(n) is n))(chain(m, 2), m.Node(3)),
    "return self": lambda m: (lambda n: n.return_self() is n)(chain(m, 2)),
    "return pair": lambda m: (lambda n, o: [a is b for a, b in zip(n.return_pair(o), (n, o, n))])(chain(m, 2), m.Node(1)),
    "construct": called("construct_and_fail", 0),
    "construct late": called("construct_and_fail_late", 0),
    "construct well": lambda m: chain(m, 1).construct_and_fail(2).v,
    "tuple": called("tuple_and_fail", 0),
    "tuple well": called("tuple_and_fail", 7),
    "call": called("call_and_fail", 0),
    "call late": called("call_and_fail", 1),
    "call well": called("call_and_fail", 2),
    "compare chain": with_other("compare_chain"),
    "compare chain with itself": lambda m: (lambda n: n.compare_chain(n))(chain(m, 1)),
    "conditional": lambda m: (chain(m, 1).conditional_temporaries(1), chain(m, 1).conditional_temporaries(0)),
    "raise": called("raise_with_temporaries", 3),
    "loop": called("loop_temporaries", 40),
    "loop break": called("loop_temporaries", 100),
    "unpack nested": lambda m: (lambda n, o: (n.unpack_nested(o), n.unlink_all()))(chain(m, 3), m.Node(4)),
    "walrus reassign": with_other("walrus_reassign"),
    "walrus argument": with_other("walrus_argument"),
    "none then ref": lambda m: (chain(m, 1).none_then_ref(0), chain(m, 1).none_then_ref(3).v),
    "int then ref": called("int_then_ref", 3),
    "tree": lambda m: m.tree(5, 9),
    "tree fails at the top": lambda m: m.tree(5, 5),
    "tree fails in the middle": lambda m: m.tree(5, 2),
    "tree fails at a leaf": lambda m: m.tree(5, 0),
    "tree from Python": lambda m: m.Tree(3, 9).size(),
    "tree from Python fails": lambda m: m.Tree(3, 1),
    "unset": lambda m: m.make_lazy(1),
    "set": lambda m: m.make_lazy(2),
    "unset read": lambda m: m.Lazy(1).read(),
    "unset optional": lambda m: m.Lazy(2).read_opt(),
    "set optional": lambda m: m.Lazy(3).read_opt(),
    "unset compare": lambda m: m.Lazy(2).compare(),
    "set compare": lambda m: m.Lazy(3).compare(),
    "copy unset": lambda m: m.Lazy(3).copy(m.Lazy(1)),
    "copy": lambda m: m.Lazy(1).copy(m.Lazy(3)),
    "build": lambda m: m.build(50).count(),
    "swap arguments": lambda m: (lambda a, b: [x is y for x, y in zip(m.swap_args(a, b), (a, b))])(m.Node(1), m.Node(2)),
    "== None": lambda m: (m.nothing(None), m.nothing(m.Node(1))),
    "unbound": lambda m: m.unbound_ref(0),
    "bound": lambda m: m.unbound_ref(1),
}


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    return Twins(tmp_path_factory.mktemp("language"), "lifetimes", SOURCE.read_text())


def live_objects():
    gc.collect()
    return jitd._jitd.arena_stats()["objects"]


def _outcome(scenario, module):
    try:
        return "result", repr(scenario(module))
    except Exception as error:
        return type(error).__name__, repr(error.args)


@pytest.mark.parametrize("name", SCENARIOS)
def test_same_and_nothing_left(twins, name):
    scenario = SCENARIOS[name]
    expected = _outcome(scenario, twins.plain)
    before = live_objects()
    for _ in range(3):
        assert _outcome(scenario, twins.compiled) == expected
    assert live_objects() <= before  # what dead processes had may come back meanwhile


def test_all_of_it_is_compiled(twins):
    for definition in (twins.compiled.Node, twins.compiled.Tree, twins.compiled.Lazy):
        assert "Python:" not in str(jitd.explain(definition)), str(jitd.explain(definition))
