/* SPDX-License-Identifier: Apache-2.0 */
#include "guests/bench/sample.h"

/*
 * The second reading minus the first: the MOV, `body`, and one RDTSC. The low halves are
 * enough; RBX is saved because CPUID writes it, and RDI holds sample_mmio_at.
 */
#define SAMPLE(name, body) \
	uint64_t name(void) \
	{ \
		uint32_t ticks; \
\
		__asm__ volatile("rdtsc\n\tmovl %%eax, %%esi\n\t" body \
				 "\n\trdtsc\n\tsubl %%esi, %%eax" \
				 : "=&a"(ticks) \
				 : "D"(sample_mmio_at) \
				 : "rbx", "rcx", "rdx", "rsi", "memory", "cc"); \
		return ticks; \
	}

#define REPEATED(body) ".rept 100\n\t" body "\n\t.endr"
_Static_assert(SAMPLE_BURST == 100, "REPEATED says so too");

#define ONE_CPUID   "xorl %%eax, %%eax\n\tcpuid"
#define ONE_VMCALL  "xorl %%eax, %%eax\n\tvmcall" /* GUEST_CALL_NULL is 0 */
#define ONE_VMMCALL "xorl %%eax, %%eax\n\tvmmcall"
#define ONE_PIO     "inb $0x40, %%al"
#define ONE_PIO_PIC "inb $0x21, %%al"
#define ONE_MMIO    "movl (%%rdi), %%eax"

const volatile uint32_t *sample_mmio_at;

SAMPLE(sample_empty, "")
SAMPLE(sample_rdtsc_series, REPEATED("rdtsc"))
SAMPLE(sample_cpuid, ONE_CPUID)
SAMPLE(sample_cpuid_series, REPEATED(ONE_CPUID))
SAMPLE(sample_vmcall, ONE_VMCALL)
SAMPLE(sample_vmcall_series, REPEATED(ONE_VMCALL))
SAMPLE(sample_vmmcall, ONE_VMMCALL)
SAMPLE(sample_vmmcall_series, REPEATED(ONE_VMMCALL))
SAMPLE(sample_pio, ONE_PIO)
SAMPLE(sample_pio_series, REPEATED(ONE_PIO))
SAMPLE(sample_pio_pic, ONE_PIO_PIC)
SAMPLE(sample_mmio, ONE_MMIO)
SAMPLE(sample_mmio_series, REPEATED(ONE_MMIO))
