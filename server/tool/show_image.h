/* An image as text, for people and golden tests. */
#pragma once
#include "server/compiler/compiler.h"

Str show_image(Pool *pool, const Image *image);
