/* SPDX-License-Identifier: Apache-2.0 */
#include "guests/rt/cpu.h"
#include "guests/rt/work.h"

#define SAMPLE_LOOPS UINT64_C(5000)
#define SAMPLES      8u

static uint64_t ticks_per_sample; /* what SAMPLE_LOOPS loops take */

void work_loops(uint64_t loops)
{
	if (loops)
		__asm__ volatile("1: decq %0; jnz 1b" : "+r"(loops)::"cc");
}

static uint64_t least_ticks(uint64_t loops)
{
	uint64_t least = UINT64_MAX;

	for (uint32_t i = 0; i < SAMPLES; i++) {
		uint64_t start = cpu_rdtsc();
		uint64_t ticks;

		work_loops(loops);
		ticks = cpu_rdtsc() - start;
		if (ticks < least)
			least = ticks;
	}
	return least;
}

void work_calibrate(void)
{
	uint64_t once = least_ticks(SAMPLE_LOOPS);
	uint64_t twice = least_ticks(2 * SAMPLE_LOOPS);

	ticks_per_sample = twice > once ? twice - once : 1;
}

uint64_t work_loops_for(uint64_t ticks)
{
	return ticks / ticks_per_sample * SAMPLE_LOOPS +
	       ticks % ticks_per_sample * SAMPLE_LOOPS / ticks_per_sample;
}
