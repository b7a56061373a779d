/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fake/panic.c - on the host, a broken invariant ends the program with a core dump. */
#include <stdio.h>
#include <stdlib.h>
#include "core/lib/assert.h"

NORETURN void panic(const char *file, int line, const char *what)
{
	fprintf(stderr, "panic: %s:%d: %s\n", file, line, what);
	abort();
}
