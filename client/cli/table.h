/* Tables for people: columns as wide as their widest cell, numbers to the right. */
#pragma once
#include "base/str.h"
#include <stdint.h>
#include <stdio.h>

#define TABLE_COLUMNS 12

typedef struct Cells {
    size_t columns, rows, cap;
    bool right[TABLE_COLUMNS]; /* aligned to the right */
    char **at;                 /* rows * columns, row by row; the first row is the heading */
} Cells;

void cells_init(Cells *t, size_t columns);
void cells_deinit(Cells *t);
void cells_add(Cells *t, Str text);         /* the next cell; control characters become '?' */
void cells_add_uint(Cells *t, uint64_t n);  /* 1,234,567 */
void cells_add_bytes(Cells *t, uint64_t n); /* 1.2 MiB */
void cells_add_us(Cells *t, uint64_t us);   /* 12.3 ms */
void cells_print(const Cells *t, FILE *out);
