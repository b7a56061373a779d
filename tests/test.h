/* SPDX-License-Identifier: Apache-2.0 */
/* tests/test.h - the whole test framework. One test file is one program. */
#pragma once
#include <stdio.h>

static int test_failed;
static int test_checks;

#define CHECK(x) \
	do { \
		test_checks++; \
		if (!(x)) { \
			test_failed = 1; \
			printf("%s:%d: %s\n", __FILE__, __LINE__, #x); \
		} \
	} while (0)

/* Prints one line per test for the counter in tools/run-tests: "ok NAME" or "FAILED NAME". */
#define RUN(test) \
	do { \
		const int failed_before = test_failed; \
		test_failed = 0; \
		test(); \
		printf("%s %s\n", test_failed ? "FAILED" : "ok", #test); \
		test_failed |= failed_before; \
	} while (0)
