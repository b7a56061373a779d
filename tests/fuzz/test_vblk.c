/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_vblk.c with inputs at random: what `make fuzz` does longer, and led by coverage.
 *
 *	test_vblk [EXECUTIONS [SEED]]
 */
#include <stdlib.h>
#include <time.h>
#include "tests/fuzz/fuzz_vblk.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define SHORT_RUN 200000u
#define BYTES_MAX 256u

static uint64_t executions;

static void hostile_guests_do_no_harm(void)
{
	const clock_t begun = clock();
	uint8_t bytes[BYTES_MAX];

	for (uint64_t n = 0; n < executions; n++) {
		const size_t size = random_between(8, BYTES_MAX);

		for (size_t i = 0; i < size; i += 8) {
			const uint64_t r = random_u64();

			for (size_t k = 0; k < 8 && i + k < size; k++)
				bytes[i + k] = (uint8_t)(r >> 8 * k);
		}
		LLVMFuzzerTestOneInput(bytes, size);
	}
	printf("%llu executions, %llu requests taken, %llu answered, %llu broken, %.0f s\n",
	       (unsigned long long)executions, (unsigned long long)fuzz_vblk_taken,
	       (unsigned long long)fuzz_vblk_answered, (unsigned long long)fuzz_vblk_broken,
	       (double)(clock() - begun) / CLOCKS_PER_SEC);
	/* It is a test only if all of that happens often. */
	CHECK(fuzz_vblk_taken > executions / 4 && fuzz_vblk_answered > executions / 4 &&
	      fuzz_vblk_broken > executions / 8);
}

int main(int argc, char **argv)
{
	executions = argc > 1 ? strtoull(argv[1], NULL, 0) : SHORT_RUN;
	random_seed(argc - (argc > 1), argv + (argc > 1));
	RUN(hostile_guests_do_no_harm);
	return test_failed;
}
