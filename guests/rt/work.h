/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/rt/work.h - a given amount of computation: a constant number of instructions.
 *
 * Model    A loop of 16 instructions. Its speed is measured once; an amount of work is then a
 *	    number of loops, so being preempted makes it take longer and never makes it less.
 *	    Sixteen, because Bochs with several CPUs runs each in turn to its next branch and
 *	    counts 16 for one that is halted: docs/emulators.md, "Bochs".
 *	    Rounds: a CPU that does nothing but count its own loops of 16 instructions, a trace of
 *	    Bochs each. There every CPU has one trace in turn, so work takes as many rounds as it
 *	    has loops, whatever other CPUs execute and however far that moves the clock.
 * Units    Ticks of the guest's TSC on an otherwise idle core.
 */
#pragma once
#include <stdint.h>

#define WORK_LOOP_INSNS 16u

extern volatile uint64_t work_rounds;
/* Counts for ever: the main() of a CPU that has a core of its own. */
void work_count_rounds(void);

void work_loops(uint64_t loops);

/*
 * Measures the loop; call once before work_loops_for(). The median of several short runs is
 * taken, so that whoever preempts us does not count, nor what other cores do for a moment, and
 * the difference between two lengths, so that the reading of the clock does not either.
 */
void work_calibrate(void);

/* Loops that take `ticks`, rounded down. */
uint64_t work_loops_for(uint64_t ticks);
