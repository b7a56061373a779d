/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/rt/trap.h - exceptions and interrupts of a guest.
 *
 * Model    Every entry saves the whole context, x87 and SSE included, as a struct trap_frame
 *	    on the interrupted stack (#DF and NMI on one of their own) and continues with the
 *	    frame that the vector's handler returns: the same one, or another context's. That
 *	    is all a context switch is.
 *	    A vector without a handler: an exception is reported on the console and ends the
 *	    partition with status 128 + vector; an interrupt is acknowledged and counted.
 * Source   SDM Vol. 3A, "64-Bit Mode Stack Frame"; Vol. 1, "FXSAVE and FXRSTOR Instructions".
 * Sharing  Handlers run with interrupts off, on the CPU that was interrupted. They are the same for
 *	    all CPUs: set them before the others are started.
 */
#pragma once
#include <stdint.h>

#define VECTOR_BREAKPOINT 3u
#define VECTOR_PAGE_FAULT 14u
#define VECTOR_EXCEPTIONS 32u /* below: exceptions */
#define VECTOR_TIMER      0x30u
#define VECTOR_SELF       0x31u /* a guest's IPI to itself */
#define VECTOR_YIELD      0x32u /* INT instruction only: a task has finished its job */
#define VECTOR_SPURIOUS   0xffu

#define FXSAVE_BYTES      512u

struct trap_frame {
	uint8_t fxsave[FXSAVE_BYTES];
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rdx, rcx, rbx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
} __attribute__((aligned(16)));

typedef struct trap_frame *trap_fn(struct trap_frame *frame);

void trap_init(void); /* on CPU 0 */
/* On any other, after that. #DF and NMI use the stack below `fault_stack_top`. */
void trap_init_cpu(uint32_t cpu, const void *fault_stack_top);
/* NULL: back to the default above. */
void trap_set_handler(uint8_t vector, trap_fn *handler);
/* Interrupts that nobody handled, since the start. */
uint64_t trap_stray_count(void);

/* A context that will start at `entry` on the stack below `stack_top`, interrupts on. */
struct trap_frame *trap_new_context(void *stack_top, void (*entry)(void));

/* The entries, TRAP_STUB_BYTES apart, and what they call: guests/rt/trap_entry.S. */
#define TRAP_STUB_BYTES 16u
extern const uint8_t trap_stubs[];
struct trap_frame *trap_dispatch(struct trap_frame *frame);
