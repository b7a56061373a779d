/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_plan.c with inputs at random: what `make fuzz` does longer, and led by coverage.
 *
 *	test_plan [EXECUTIONS [SEED]]
 */
#include <stdlib.h>
#include <time.h>
#include "tests/fuzz/fuzz_plan.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define SHORT_RUN 4000u
#define BYTES_MAX 64u

static uint64_t executions;

static void wrong_configurations_do_no_harm(void)
{
	const clock_t begun = clock();
	uint8_t bytes[BYTES_MAX];

	for (uint64_t n = 0; n < executions; n++) {
		const size_t size = random_between(8, BYTES_MAX);

		for (size_t i = 0; i < size; i++)
			bytes[i] = (uint8_t)random_u64();
		LLVMFuzzerTestOneInput(bytes, size);
	}
	printf("%llu executions, %llu accepted, %llu refused, at most %llu steps, %.0f s\n",
	       (unsigned long long)executions, (unsigned long long)fuzz_plan_accepted,
	       (unsigned long long)fuzz_plan_refused, (unsigned long long)fuzz_plan_steps_most,
	       (double)(clock() - begun) / CLOCKS_PER_SEC);
	/* It is a test only if both happen often. */
	CHECK(fuzz_plan_accepted > executions / 8 && fuzz_plan_refused > executions / 4);
}

int main(int argc, char **argv)
{
	executions = argc > 1 ? strtoull(argv[1], NULL, 0) : SHORT_RUN;
	random_seed(argc - (argc > 1), argv + (argc > 1));
	RUN(wrong_configurations_do_no_harm);
	return test_failed;
}
