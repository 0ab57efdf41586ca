"""Broken programs: what CPython's grammar refuses is refused, never with a crash, and what it accepts gives the same tree.

Pieces of the standard library are damaged at random (seeded), a token or a character at a time."""

import ast
import contextlib
import doctest
import io
import random
import re
import sys
import textwrap
import tokenize

import pyast
import pytest
from test_ast_stdlib import compare, stdlib_files

PER_SEED = 1500
WORDS = """( ) [ ] { } , : ; . = == := + - * ** / // % @ & | ^ ~ < > != -> ! ... \\ ' \" ''' f' f\" x _ 1 0x 1e 1_ 0777 'a' b'a' f'{x}' f'{x!r:>{y}}'
and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise
return try while with yield match case type None True += @= \n \t #""".split(" ")


def pieces(rng, count):
    """Short statements, definitions and fragments of them, from files all over the library."""
    files = stdlib_files()
    while count:
        source = rng.choice(files).read_bytes()
        tree = pyast.parse(source)
        if isinstance(tree, Exception) or not tree.body or b"coding" in source[:200]:
            continue
        nodes = [n for n in ast.walk(tree) if isinstance(n, ast.stmt) and n.end_lineno - n.lineno < 25]
        lines = source.decode("utf-8-sig").split("\n")
        for node in rng.sample(nodes, min(5, count, len(nodes))):
            block = lines[node.lineno - 1 : node.end_lineno]
            indent = len(block[0]) - len(block[0].lstrip())
            yield "\n".join(line[indent:] if not line[:indent].strip() else line for line in block) + "\n"
            count -= 1


def library_tests():
    """Every string in CPython's own tests of its grammar, good and bad programs among them, and the examples inside."""
    found = set()
    for path in stdlib_files():
        if not re.search(r"test_(syntax|grammar|fstring|patma|type_params|type_aliases|named_expr|unpack_ex|except|tokenize|unparse|compile|eof|genexps|"
                         r"string_literals|tstring|lazy_import|unpack|listcomps|setcomps|dictcomps|keywordonly|positional_only|ast|parser|decorators|generators|coroutines|int_literal|float|ucn)", path.name):
            continue
        tree = pyast.parse(path.read_bytes())
        for node in [] if isinstance(tree, Exception) else ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.update([node.value, textwrap.dedent(node.value)])
                with contextlib.suppress(ValueError):
                    found.update(example.source for example in doctest.DocTestParser().get_examples(node.value))
    return sorted(found - {""})


def tokens_of(text):
    try:
        return [(t.string, t.start, t.end) for t in tokenize.generate_tokens(io.StringIO(text).readline)]
    except (tokenize.TokenError, SyntaxError, IndentationError):
        return []


def damage(rng, text):
    """One random change: drop, double, exchange, replace or insert a token; or delete or insert a character."""
    if rng.random() < 0.2:
        at = rng.randrange(len(text))
        return text[:at] + rng.choice(["", " ", "(", "}", "'", "\t", "\n", "\\", "é", "0"]) + text[at + rng.randrange(2) :]
    tokens = [t for t in tokens_of(text) if t[0].strip()]
    if not tokens:
        return text + rng.choice(WORDS)
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    string, (line, col), (end_line, end_col) = rng.choice(tokens)
    begin, end = starts[line - 1] + col, starts[end_line - 1] + end_col
    new = rng.choice(["", string + " " + string, rng.choice(WORDS), rng.choice(WORDS), string + " " + rng.choice(WORDS), rng.choice(tokens)[0]])
    return text[:begin] + new + text[end:]


# What the running CPython may not know yet: since which version, and what gives it away. The parser is 3.15's.
NEWER = [
    ((3, 15), r"\blazy\s+(import|from)\b|[\[({,]\s*\*.*\bfor\b|\bcase\b.*\+"),  # and unpacking in comprehensions
    ((3, 14), r"(?i)\b(t|tr|rt)['\"]|\bexcept\b[^:]*,"),
    ((3, 13), r"\b(def|class|type)\s+\w+\s*\[.*="),
    ((3, 12), r"\b(def|class|type)\s+\w+\s*\[|\btype\s+\w+\s*="),
    ((3, 12), r"(?i)\b(f|fr|rf)['\"]"),  # until 3.11 no quotes, backslashes and lines' ends inside fields
    ((3, 11), r"except\s*\*|\[\s*\*|,\s*\*|\*\s*\w+\s*:\s*\*"),
]


# What no grammar says: the features that there are, lines' ends in format specs (3.12 and 3.13 take them), and Unicode's newest letters.
BEYOND = ["future feature", "not a chance", "BDFL", "newlines are not allowed in format specifiers"]
BEYOND += ["invalid non-printable character"] * (sys.version_info >= (3, 13))


def is_beyond(text, problem):
    return any(words in problem for words in BEYOND) or "barry_as_FLUFL" in text


def may_be_newer(text):
    return any(sys.version_info < version and re.search(pattern, text) for version, pattern in NEWER)


def differences(tmp_path, texts):
    """Reports of the programs that CPython and the parser see differently; and how many were accepted."""
    paths = []
    for text in texts:
        paths.append(tmp_path / f"{len(paths)}.py")
        paths[-1].write_bytes(text.encode("utf-8", "surrogatepass"))
    dumps = [d for i in range(0, len(paths), 1000) for d in pyast.run_batch(paths[i : i + 1000])]
    report = []
    for path, text, ours in zip(paths, texts, dumps):
        problem = compare(path.read_bytes(), ours)
        if problem and not is_beyond(text, problem) and not (problem.startswith("accepted") and may_be_newer(text)):
            report.append(f"{text[:2000]}\n    {problem}\n" + "-" * 40)
    return report, sum(not isinstance(d, str) for d in dumps)


@pytest.mark.parametrize("seed", range(4))
def test_damaged_programs(tmp_path, seed):
    rng = random.Random(seed)
    texts = [damage(rng, text) for text in pieces(rng, PER_SEED)]
    report, accepted = differences(tmp_path, texts)
    assert PER_SEED / 10 < accepted < PER_SEED / 2
    assert not report, f"{len(report)} of {len(texts)} differ:\n" + "\n".join(report[:20])


@pytest.mark.skipif(not any(p.name == "test_syntax.py" for p in stdlib_files()), reason="this Python comes without its tests")
def test_programs_of_the_library_s_own_tests(tmp_path):
    texts = library_tests()
    report, accepted = differences(tmp_path, texts)
    assert len(texts) > 3000 and accepted > 500
    assert not report, f"{len(report)} of {len(texts)} differ:\n" + "\n".join(report[:20])
