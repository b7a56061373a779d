/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "arch/x86/cpu.h"
#include "arch/x86/fpu.h"

#define CPUID_XSAVE  0xdu
#define FXSAVE_BYTES 512u
/* "FXSAVE Area": x87 control word and MXCSR. */
#define FXSAVE_FCW   0u
#define FXSAVE_MXCSR 24u
#define FCW_RESET    UINT16_C(0x037f) /* as FNINIT leaves it */
#define MXCSR_RESET  UINT32_C(0x1f80)

static uint64_t offered;                   /* [I] XCR0 while state is saved and loaded; 0: FXSAVE */
static uint64_t area_bytes = FXSAVE_BYTES; /* [I] */

void fpu_core_enable(void)
{
	cpu_write_cr0((cpu_read_cr0() | CR0_MP) & ~(CR0_EM | CR0_TS));
	cpu_write_cr4(cpu_read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT | (offered ? CR4_OSXSAVE : 0));
	if (offered)
		cpu_xsetbv(0, offered);
}

void fpu_init(uint64_t xcr0_offered)
{
	offered = xcr0_offered;
	fpu_core_enable();
	/* EBX: for what XCR0 enables at the moment, which is everything offered. */
	if (offered)
		area_bytes = cpu_cpuid(CPUID_XSAVE, 0).ebx;
}

uint64_t fpu_area_bytes(void)
{
	return area_bytes;
}

/* XSTATE_BV = 0: XRSTOR puts every component into its initial state, but takes MXCSR as is. */
void fpu_area_init(void *area)
{
	const uint16_t fcw = FCW_RESET;
	const uint32_t mxcsr = MXCSR_RESET;

	memcpy((uint8_t *)area + FXSAVE_FCW, &fcw, sizeof(fcw));
	memcpy((uint8_t *)area + FXSAVE_MXCSR, &mxcsr, sizeof(mxcsr));
}

static void save(void *area)
{
	if (offered)
		__asm__ volatile("xsave64 (%0)" ::"r"(area), "a"(UINT32_MAX), "d"(UINT32_MAX)
				 : "memory");
	else
		__asm__ volatile("fxsave64 (%0)" ::"r"(area) : "memory");
}

static void load(const void *area)
{
	if (offered)
		__asm__ volatile("xrstor64 (%0)" ::"r"(area), "a"(UINT32_MAX), "d"(UINT32_MAX)
				 : "memory");
	else
		__asm__ volatile("fxrstor64 (%0)" ::"r"(area) : "memory");
}

void fpu_switch(struct vcpu *from, const struct vcpu *to)
{
	if (offered)
		cpu_xsetbv(0, offered);
	if (from)
		save(from->xsave);
	load(to->xsave);
	fpu_load_xcr0(to);
}

void fpu_load_xcr0(const struct vcpu *v)
{
	if (offered)
		cpu_xsetbv(0, v->xcr0);
}
