"""The parser against CPython's own, over every file of the running interpreter's standard library."""

import concurrent.futures
import gc
import os
import pathlib
import random
import sysconfig

import pyast
import pytest

CHUNK = 25


def stdlib_files():
    root = pathlib.Path(sysconfig.get_path("stdlib"))
    skip = {"site-packages", "dist-packages"}
    return sorted(p for p in root.rglob("*.py") if p.is_file() and not skip & set(p.relative_to(root).parts))


def compare(source, ours):
    """What is wrong with our dump of a source, or None."""
    tree = pyast.parse(source)
    if isinstance(tree, Exception):
        return None if isinstance(ours, str) else f"accepted, but CPython says {tree!r}"
    if isinstance(ours, str):
        if "in encoding" in ours and b"coding" in source[:200]:
            return None  # other encodings than UTF-8 are refused by design
        if "unknown Unicode character name" in ours:
            return None  # names are those of the Unicode version that libunistring has; a newer Python knows more
        return f"refused: {ours}"
    return pyast.first_difference(ours, pyast.dump(tree))


def compare_files(paths):
    dumps = pyast.run_batch(paths)
    found = ((path, compare(path.read_bytes(), ours)) for path, ours in zip(paths, dumps))
    return [f"{path}: {wrong}" for path, wrong in found if wrong]


def test_same_tree_for_every_file():
    paths = stdlib_files()
    assert len(paths) > 400
    chunks = [paths[i::-(-len(paths) // CHUNK)] for i in range(-(-len(paths) // CHUNK))]
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count(), initializer=gc.disable) as pool:  # trees have no cycles, and many nodes
        wrong = [line for lines in pool.map(compare_files, chunks) for line in lines]
    assert not wrong, f"{len(wrong)} of {len(paths)} files differ:\n" + "\n".join(wrong[:50])


def definitions(tree, end):
    """(first line, decorators included; node) of the functions and classes in a tree."""
    import ast

    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and node.lineno < end:
            yield min([node.lineno, *(d.lineno for d in node.decorator_list)]), node


@pytest.mark.parametrize("seed", range(4))
def test_a_definition_alone_is_what_it_is_in_its_file(tmp_path, seed):
    """parse_function() on a file from a definition's first line on: the tree is that part of the file's, whatever follows it."""
    rng = random.Random(seed)
    cases = []
    while len(cases) < 50:
        path = rng.choice(stdlib_files())
        source = path.read_bytes()
        tree = pyast.parse(source)
        if isinstance(tree, Exception) or b"coding" in source[:200] or source.startswith(b"\xef\xbb\xbf") or b"\r" in source:
            continue
        lines = source.split(b"\n")
        for first, node in rng.sample(found := list(definitions(tree, len(lines))), min(3, len(found))):
            if lines[first - 1].lstrip()[:1] not in (b"@", b"d", b"c", b"a"):
                continue  # something stands before it on its line ("if x: class A: ...")
            cases.append((tmp_path / f"{len(cases)}.py", node))
            cases[-1][0].write_bytes(b"\n" * (first - 1) + b"\n".join(lines[first - 1 :]))
    dumps = pyast.run_batch([path for path, _ in cases], "--function")
    for (path, node), ours in zip(cases, dumps):
        assert not isinstance(ours, str), ours
        assert pyast.first_difference(ours, pyast.dump(node)) is None, path
