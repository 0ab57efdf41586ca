/* msgpack values as JSON. */
#pragma once
#include <msgpack.h>
#include <stdio.h>

/* Binary data become hexadecimal strings, numbers that JSON has not (nan, inf) null; bytes that are no UTF-8 become
 * U+FFFD. */
void json_print(FILE *out, const msgpack_object *o);
