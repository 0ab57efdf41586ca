/* Definite assignment of the fields of a class by its __init__; see assigned.c. */
#pragma once
#include "server/compiler/typed.h"

/* A warning for each number's field without a default that __init__ may leave unset, or reads before it has set it. */
void assigned_check(Lang *lang, uint32_t def, Warning **ret_warnings, size_t *ret_n);
