/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/hostile/probe.h - executes an instruction that may fault, and says whether it did.
 *
 * Model    PROBE() notes where to go on; a handler of every exception that an instruction can
 *	    raise goes there and keeps the vector. A fault outside of PROBE() ends the guest
 *	    with the runtime's report.
 * Sharing  One CPU, not from interrupt handlers.
 */
#pragma once
#include <stdint.h>

#define PROBE_NO_FAULT UINT32_MAX

extern uint64_t probe_resume_rip;
extern uint32_t probe_vector;

void probe_init(void);

/*
 * `insn` with the operands that follow, as for __asm__; afterwards probe_vector holds the
 * exception's vector or PROBE_NO_FAULT. R11 is used.
 */
#define PROBE_BEGIN \
	"leaq 97f(%%rip), %%r11\n\tmovq %%r11, probe_resume_rip(%%rip)\n\t" \
	"movl $-1, probe_vector(%%rip)\n\t"
#define PROBE_END "\n97:\tmovq $0, probe_resume_rip(%%rip)"
