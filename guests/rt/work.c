/* SPDX-License-Identifier: Apache-2.0 */
#include "guests/rt/cpu.h"
#include "guests/rt/stats.h"
#include "guests/rt/work.h"

#define SAMPLE_LOOPS UINT64_C(1000)
#define SAMPLES      9u

static uint64_t ticks_per_sample; /* what SAMPLE_LOOPS loops take */
volatile uint64_t work_rounds;

void work_loops(uint64_t loops)
{
	if (loops)
		__asm__ volatile("1: .rept 14; nop; .endr; decq %0; jnz 1b" : "+r"(loops)::"cc");
}

void work_count_rounds(void)
{
	for (;;)
		__asm__ volatile(".balign 64; 1: incq %0; .rept 14; nop; .endr; jmp 1b"
				 : "+m"(work_rounds)::"cc");
}

static uint64_t usual_ticks(uint64_t loops)
{
	uint64_t ticks[SAMPLES];

	for (uint32_t i = 0; i < SAMPLES; i++) {
		uint64_t start = cpu_rdtsc();

		work_loops(loops);
		ticks[i] = cpu_rdtsc() - start;
	}
	stats_sort(ticks, SAMPLES);
	return ticks[SAMPLES / 2];
}

void work_calibrate(void)
{
	uint64_t once = usual_ticks(SAMPLE_LOOPS);
	uint64_t twice = usual_ticks(2 * SAMPLE_LOOPS);

	ticks_per_sample = twice > once ? twice - once : 1;
}

uint64_t work_loops_for(uint64_t ticks)
{
	return ticks / ticks_per_sample * SAMPLE_LOOPS +
	       ticks % ticks_per_sample * SAMPLE_LOOPS / ticks_per_sample;
}
