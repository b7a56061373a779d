/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/lib/assert.h - the hypervisor's own invariants, checked in every build.
 *
 * Never about input: a configuration is refused, a guest is faulted or stopped.
 * panic() is implemented by core/panic.c in the image and by tests/fake/panic.c on the host.
 */
#pragma once
#include "core/lib/base.h"

NORETURN void panic(const char *file, int line, const char *what);

#define PANIC(what) panic(__FILE__, __LINE__, what)
#define ASSERT(x) \
	do { \
		if (__builtin_expect(!(x), 0)) \
			PANIC(#x); \
	} while (0)
