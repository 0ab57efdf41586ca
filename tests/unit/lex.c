/* Tests of stage lex. What valid files lex to is compared in bulk through the parser; here are the edges. */
#include "tests/unit/front_sample.h"

TestSuite(lex, .fini = teardown);

static Str lexed(const char *text, LexWhat what) {
    Compilation *c = begin(text, strlen(text), 1);
    if (setjmp(failed)) {
        keep_error();
        return STR_NULL;
    }
    Tokens tokens = lex(c, &source, what);
    return tokens_dump(&pool, &tokens);
}

static void expect(const char *text, const char *expected) {
    Str got = lexed(text, LEX_FILE);
    cr_assert(str_eq_c(got, expected), "of %s got\n%.*s%.*s\nexpected\n%s", text, STR_FMT(got), STR_FMT(error),
              expected);
}

static void refuse(const char *text, const char *message) {
    Str got = lexed(text, LEX_FILE);
    cr_assert(!got.ptr && contains(error, message), "of %s got\n%.*s%.*s\nexpected %s", text, STR_FMT(got),
              STR_FMT(error), message);
}

Test(lex, empty_and_blank) {
    expect("", "1:0-1:0 END\n");
    expect("\n  # x\n\t\n", "4:0-4:0 END\n");
    expect("\xef\xbb\xbfx", "1:0-1:1 NAME x\n1:1-1:1 NEWLINE\n1:1-1:1 END\n");
}

Test(lex, indentation) {
    expect(
        "if x:\n  y\n",
        "1:0-1:2 IF\n1:3-1:4 NAME x\n1:4-1:5 COLON\n1:5-1:6 NEWLINE\n2:0-2:2 INDENT\n2:2-2:3 NAME y\n2:3-2:4 NEWLINE\n"
        "3:0-3:0 DEDENT\n3:0-3:0 END\n");
    refuse("if x:\n    y\n  z\n", "unindent does not match any outer indentation level");
    refuse("if x:\n\ty\n        z\n", "inconsistent use of tabs and spaces");
}

Test(lex, no_lines_inside_brackets) {
    expect("(a,\n b)",
           "1:0-1:1 LPAR\n1:1-1:2 NAME a\n1:2-1:3 COMMA\n2:1-2:2 NAME b\n2:2-2:3 RPAR\n2:3-2:3 NEWLINE\n2:3-2:3 END\n");
    expect("a\\\nb", "1:0-1:1 NAME a\n2:0-2:1 NAME b\n2:1-2:1 NEWLINE\n2:1-2:1 END\n");
}

Test(lex, line_ends_of_every_system) {
    Str unix_ends = lexed("a\n'''b\nc'''\n", LEX_FILE);
    cr_assert(str_eq(unix_ends, lexed("a\r\n'''b\r\nc'''\r\n", LEX_FILE)));
    cr_assert(str_eq(unix_ends, lexed("a\r'''b\rc'''\r", LEX_FILE)));
}

Test(lex, fstrings) {
    expect("f'a{x:>{w}}'",
           "1:0-1:2 FSTRING_START f'\n1:2-1:3 FSTRING_MIDDLE a\n1:3-1:4 LBRACE\n1:4-1:5 NAME x\n1:5-1:6 COLON\n"
           "1:6-1:7 FSTRING_MIDDLE >\n1:7-1:8 LBRACE\n1:8-1:9 NAME w\n1:9-1:10 RBRACE\n1:10-1:11 RBRACE\n"
           "1:11-1:12 FSTRING_END '\n1:12-1:12 NEWLINE\n1:12-1:12 END\n");
    refuse("f'{x'", "unterminated string literal");
    refuse("f'}'", "single '}' is not allowed");
    refuse("f'{a:{b:{c:{d}}}}'", "expressions nested too deeply");
}

Test(lex, malformed) {
    refuse("x = (1,\n", "'(' was never closed");
    refuse("x = (1]\n", "closing parenthesis ']' does not match opening parenthesis '('");
    refuse("x)\n", "unmatched ')'");
    refuse("'abc\n", "unterminated string literal (detected at line 1)");
    refuse("'''abc\n\n", "unterminated triple-quoted string literal (detected at line 3)");
    refuse("a \\ b", "unexpected character after line continuation character");
    refuse("a\\", "unexpected end of file");
    refuse("a ? b", "invalid syntax: '?'");
    refuse("a \xc2\xa0 b", "invalid non-printable character U+00A0");
    refuse("\xe2\x82\xac", "invalid character '\xe2\x82\xac' (U+20AC)");
    refuse("a\xff", "the source is not UTF-8");
    refuse("# coding: latin-1\n", "source in encoding 'latin-1' is not supported");
}

Test(lex, nul_bytes) {
    Compilation *c = begin("a\0b", 3, 1);
    if (!setjmp(failed)) {
        lex(c, &source, LEX_FILE);
        cr_assert_fail("a NUL was accepted");
    }
    keep_error();
    cr_assert(contains(error, "null bytes"));
}

Test(lex, numbers) {
    static const char *const bad[] = {"1_",  "1__0", "0x",  "0o8", "0b2",    "0_x1",
                                      "1e+", "1abc", "012", "0xg", "1.5abc", "1_a"};
    static const char *const good[] = {"0",  "00",    "1_0",  "0x_f", "0O17", "0B1",
                                       "1.", ".5e-3", "1e5J", "01.5", "09j",  "1if"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuse(bad[i], "");
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_assert(lexed(good[i], LEX_FILE).ptr, "%s: %.*s", good[i], STR_FMT(error));
}

Test(lex, deep_nesting_is_refused) {
    char text[4001];
    memset(text, '(', 2000);
    memset(text + 2000, ')', 2000);
    text[4000] = '\0';
    refuse(text, "too many nested parentheses");
    memset(text, '\0', sizeof text);
    for (int i = 0; i < 300; i++)
        memcpy(text + i * 3, i % 2 ? "f\"{" : "f'{", 3);
    refuse(text, "too many nested f-strings");
}

Test(lex, a_statement_alone) {
    static const char text[] =
        "\n    # first\n    @a\n    @b(1)\n    def f():\n  # odd\n        pass\n\n    x = ((('\n";
    Str got = lexed(text, LEX_STATEMENT);
    cr_assert(contains(got, "7:8-7:12 PASS\n7:12-7:13 NEWLINE\n"), "%.*s", STR_FMT(got));
    cr_assert(!contains(got, "NAME x"));
    got = lexed("  def f(): return 1\n'", LEX_STATEMENT);
    cr_assert(contains(got, "RETURN") && contains(got, "END"), "%.*s", STR_FMT(got));
    got = lexed("    def f(): return 1\n  )\n", LEX_STATEMENT);
    cr_assert(contains(got, "RETURN") && contains(got, "END"), "%.*s", STR_FMT(got));
}
