"""Side effects: they happen once, in CPython's order, and are undone before a call is redone; also through aliases and callees."""

from pathlib import Path

import pytest

from twins import Twins, outcome

SOURCE = Path(__file__).parent / "language/effects.py"
BIG = 2**40
CALLS = {
    "recursive_store": [(3, 2), (3, BIG), (0, BIG)],
    "ping": [(0, BIG), (1, 3), (1, BIG), (2, BIG), (3, BIG), (4, 5)],
    "pong": [(0, BIG), (1, BIG), (2, BIG), (5, 2)],
    "store_then_overflow": [(2,), (BIG,)],
    "store_twice": [(2,), (BIG,)],
    "store_in_loop": [(3, 2), (3, BIG), (0, BIG), (1, BIG)],
    "store_in_callee": [(2,), (BIG,)],
    "store_in_setter": [(2,), (BIG,)],
    "store_in_getter": [(2,), (BIG,)],
    "callee_overflows": [(2,), (BIG,)],
    "callee_divides": [(2,), (0,)],
    "partial_unpack": [(2,), (BIG,)],
    "aug_order": [()],
    "aug_local_order": [(1,)],
    "alias_locals": [(1,), (0,)],
    "chained_ref_targets": [()],
    "self_walk": [()],
    "walrus_condition": [(5,), (-1,)],
    "short_circuit": [(1,), (0,), (1,), (-1,)],
    "conditional": [(0,), (1,), (2,)],
    "chain": [(1,), (50,), (0,)],
    "static_through_effect": [(4,)],
    "class_through_effect": [(4,)],
    "constant_through_effect": [()],
    "static_of_none": [()],
    "constant_of_none": [()],
    "made_of_none": [()],
    "method_of_none": [(1,)],
    "args_before_none": [()],
    "order": [()],
    "order_of_new": [()],
    "order_of_operands": [()],
    "order_of_store": [(1,)],
    "compare_pair": [()],
    "tuple_order": [()],
    "item_of_effects": [()],
    "length_of_effects": [()],
    "discarded": [()],
    "minmax": [()],
    "assert_message": [(1,), (0,)],
    "raise_arguments": [()],
    "raise_overflow": [(2,), (BIG,)],
    "restore_bool": [(2,), (BIG,), (BIG,)],
    "sum_to": [(10,), (0,), (2**20,)],
    "loop_overflow_late": [(3,), (1,)],
    "nested_undo": [(2,), (BIG,), (2**61,)],
    "returns_bool_or_int": [(2,), (5,)],
    "returns_int_or_float": [(2,), (5,)],
    "div_none": [(0,), (2,)],
    "clamp_after_store": [(2,), (-50,), (3,), (70,)],
    "clamp_field": [(2,), (-50,), (3,), (0,), (5,)],
    "clamp_or_store": [(0,), (1,), (2,)],
}
WITH_OTHER = {
    "recursive_ref": [(0, 3), (2, 3)],
    "partial_unpack_divide": [(1,), (0,)],
    "aug_other": [(2,), (0,)],
    "alias_store": [(1,), (0,)],
    "chained_targets": [()],
    "other_callee_overflows": [(3,), (BIG,)],
    "end_without_return": [(5,), (1,)],
    "round_other": [(-2,), (1,), (-40,)],
    "round_other_float": [(-2,), (1,), (40,), (-400,)],
    "modular_other": [(3,), (2,)],
}


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    return Twins(tmp_path_factory.mktemp("language"), "effects", SOURCE.read_text())


def fields(cell):
    return cell.n, cell.f, cell.b, cell.next is not None


@pytest.mark.parametrize("name", CALLS)
def test_own_fields(twins, name):
    plain, compiled = twins.plain.Cell(2), twins.compiled.Cell(2)
    for args in CALLS[name]:
        assert outcome(getattr(compiled, name), *args) == outcome(getattr(plain, name), *args), args
        assert fields(compiled) == fields(plain), args


@pytest.mark.parametrize("alias", [False, True])
@pytest.mark.parametrize("name", WITH_OTHER)
def test_fields_of_another(twins, name, alias):
    for args in WITH_OTHER[name]:
        seen = []
        for module in (twins.plain, twins.compiled):
            cell = module.Cell(2, 1.0)
            other = cell if alias else module.Cell(5)
            first, *rest = args if name == "recursive_ref" else (None, *args)
            call = (first, *rest, other) if name == "recursive_ref" else (other, *rest)
            seen.append((outcome(getattr(cell, name), *call), fields(cell), fields(other)))
        assert seen[0] == seen[1], (args, alias)


@pytest.mark.parametrize("alias", [False, True])
def test_no_second_run_over_an_effect_on_another(twins, alias):
    """What cannot be undone is done once."""
    cell = twins.compiled.Cell(5)
    other = cell if alias else twins.compiled.Cell(5)
    assert cell.recursive_ref(1, BIG, other) == BIG * BIG
    assert other.n == 6


def test_construction(twins):
    for name, args in [("construct", (7, 2)), ("construct", (7, 0)), ("construct_overflow", (3, 2))]:
        twins.same(name, *args)
    for args in [(7, 2), (7, 0)]:
        seen = []
        for module in (twins.plain, twins.compiled):
            cell = module.Cell(5)
            seen.append((outcome(module.construct_with_effect, *args, cell), cell.n))
        assert seen[0] == seen[1]


def test_init_called_again(twins):
    for args in [(3, 2), (4, 0)]:
        seen = []
        for module in (twins.plain, twins.compiled):
            made = module.Made(1, 1)
            seen.append((outcome(made.again, *args), made.a, made.b))
        assert seen[0] == seen[1], args
