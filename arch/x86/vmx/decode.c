/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/control_registers.h"
#include "arch/x86/pc/map.h"
#include "arch/x86/vmx/decode.h"
#include "arch/x86/vmx/regs.h"

/* Kind plus one; what is not listed is 0 and becomes EXIT_OTHER. */
#define KIND(kind) ((uint8_t)((kind) + 1))

/* clang-format off */
static const uint8_t kinds[REASON_COUNT] = {
	[REASON_EXCEPTION_OR_NMI]   = KIND(EXIT_CONTROL),
	[REASON_EXTERNAL_INTERRUPT] = KIND(EXIT_IRQ),
	[REASON_TRIPLE_FAULT]	    = KIND(EXIT_TRIPLE_FAULT),
	[REASON_INTERRUPT_WINDOW]   = KIND(EXIT_CONTROL),
	[REASON_NMI_WINDOW]	    = KIND(EXIT_CONTROL),
	[REASON_CPUID]		    = KIND(EXIT_CPUID),
	[REASON_GETSEC]		    = KIND(EXIT_UNDEFINED),
	[REASON_HLT]		    = KIND(EXIT_HLT),
	[REASON_INVD]		    = KIND(EXIT_CACHE),
	[REASON_RDPMC]		    = KIND(EXIT_PRIVILEGED),
	[REASON_VMCALL]		    = KIND(EXIT_HYPERCALL),
	[REASON_VMCLEAR]	    = KIND(EXIT_UNDEFINED),
	[REASON_VMLAUNCH]	    = KIND(EXIT_UNDEFINED),
	[REASON_VMPTRLD]	    = KIND(EXIT_UNDEFINED),
	[REASON_VMPTRST]	    = KIND(EXIT_UNDEFINED),
	[REASON_VMREAD]		    = KIND(EXIT_UNDEFINED),
	[REASON_VMRESUME]	    = KIND(EXIT_UNDEFINED),
	[REASON_VMWRITE]	    = KIND(EXIT_UNDEFINED),
	[REASON_VMXOFF]		    = KIND(EXIT_UNDEFINED),
	[REASON_VMXON]		    = KIND(EXIT_UNDEFINED),
	[REASON_CR_ACCESS]	    = KIND(EXIT_CONTROL),
	[REASON_IO]		    = KIND(EXIT_PIO),
	[REASON_RDMSR]		    = KIND(EXIT_MSR_READ),
	[REASON_WRMSR]		    = KIND(EXIT_MSR_WRITE),
	[REASON_ENTRY_GUEST_STATE]  = KIND(EXIT_INIT),
	[REASON_ENTRY_MSR_LOADING]  = KIND(EXIT_INIT),
	[REASON_ENTRY_MACHINE_CHECK] = KIND(EXIT_INIT),
	[REASON_MWAIT]		    = KIND(EXIT_UNDEFINED),
	[REASON_MONITOR]	    = KIND(EXIT_UNDEFINED),
	[REASON_APIC_ACCESS]	    = KIND(EXIT_CONTROL),
	[REASON_VIRTUALIZED_EOI]    = KIND(EXIT_APIC),
	[REASON_EPT_VIOLATION]	    = KIND(EXIT_MEMORY),
	[REASON_INVEPT]		    = KIND(EXIT_UNDEFINED),
	[REASON_PREEMPTION_TIMER]   = KIND(EXIT_DEADLINE),
	[REASON_INVVPID]	    = KIND(EXIT_UNDEFINED),
	[REASON_WBINVD]		    = KIND(EXIT_CACHE),
	[REASON_XSETBV]		    = KIND(EXIT_XSETBV),
	[REASON_APIC_WRITE]	    = KIND(EXIT_APIC),
	[REASON_VMFUNC]		    = KIND(EXIT_UNDEFINED),
	[REASON_ENCLS]		    = KIND(EXIT_UNDEFINED),
};
/* clang-format on */

enum exit_kind vmx_kind(uint32_t reason)
{
	uint32_t basic = REASON_BASIC(reason);

	if (reason & REASON_ENTRY_FAILED)
		return EXIT_INIT;
	if (basic >= REASON_COUNT || !kinds[basic])
		return EXIT_OTHER;
	return (enum exit_kind)(kinds[basic] - 1);
}

void vmx_decode_io(uint64_t qualification, uint64_t rax, struct exit_info *out)
{
	const uint64_t size_field = 7, is_in = BIT64(3), is_string = BIT64(4);
	uint32_t bits;

	out->kind = qualification & is_string ? EXIT_PIO_STRING : EXIT_PIO;
	out->width = (uint8_t)((qualification & size_field) + 1);
	out->write = !(qualification & is_in);
	out->addr = qualification >> 16 & 0xffff;
	bits = out->width * 8u;
	out->value =
		out->kind == EXIT_PIO && out->write && bits <= 32 ? rax & (BIT64(bits) - 1) : 0;
}

void vmx_decode_ept(uint64_t qualification, uint64_t gpa, struct exit_info *out)
{
	const uint64_t is_write = BIT64(1), access_field = 7;

	out->kind = EXIT_MEMORY;
	out->width = 0; /* not known without decoding the instruction */
	out->write = (qualification & is_write) != 0;
	out->addr = gpa;
	out->value = qualification & access_field;
}

void vmx_decode_apic_access(uint64_t qualification, struct exit_info *out)
{
	const uint64_t read_bit = 1, write_bit = 2; /* as for EPT violations */
	uint32_t type = APIC_ACCESS_TYPE(qualification);

	out->kind = type <= APIC_ACCESS_BY_DELIVERY ? EXIT_MEMORY : EXIT_OTHER;
	out->width = 0;
	out->write = type == APIC_ACCESS_WRITE;
	out->addr = PC_LAPIC + APIC_ACCESS_OFFSET(qualification);
	out->value = out->kind == EXIT_OTHER ? REASON_APIC_ACCESS
		     : out->write            ? write_bit
					     : read_bit;
}

void vmx_decode_apic(uint32_t reason, uint64_t qualification, struct exit_info *out)
{
	out->kind = EXIT_APIC;
	out->write = REASON_BASIC(reason) == REASON_APIC_WRITE;
	out->addr = out->write ? qualification & 0xfff : 0;
	out->value = out->write ? 0 : qualification & 0xff;
}

struct vmx_cr vmx_decode_cr(uint64_t qualification)
{
	enum { TYPE_MOV_TO, TYPE_MOV_FROM }; /* 2: CLTS, 3: LMSW */
	uint32_t type = (uint32_t)(qualification >> 4) & 3;
	enum vmx_cr_access access = type == TYPE_MOV_TO     ? CR_WRITE
				    : type == TYPE_MOV_FROM ? CR_READ
							    : CR_OTHER;

	return (struct vmx_cr){ access, (uint32_t)qualification & 15,
				(uint32_t)(qualification >> 8) & 15 };
}

bool vmx_cr0_is_valid(uint64_t value)
{
	return cr0_is_valid(value);
}

bool vmx_cr4_is_valid(uint64_t value, uint64_t allowed)
{
	return cr4_is_valid(value, allowed);
}

uint64_t vmx_next_rip(uint64_t rip, uint32_t bytes, uint32_t cs_access)
{
	return cs_access & ACCESS_LONG ? rip + bytes : (uint32_t)(rip + bytes);
}

/* RF: "cleared by the processor upon successful completion" of the instruction. */
uint64_t vmx_retired_rflags(uint64_t rflags, uint64_t result)
{
	return (rflags & ~(ARITHMETIC_FLAGS | RESUME_FLAG)) | (result & ARITHMETIC_FLAGS);
}

uint64_t vmx_debug_dr6(uint64_t dr6, uint64_t qualification)
{
	const uint64_t breakpoints = 0xf;

	dr6 = (dr6 & ~breakpoints) | DR6_FIXED1 | (qualification & DEBUG_QUALIFICATION_DR6);
	return qualification & DEBUG_QUALIFICATION_RTM ? dr6 & ~DEBUG_QUALIFICATION_RTM : dr6;
}

uint32_t vmx_reinjection(uint32_t idt_vectoring)
{
	return idt_vectoring & INTERRUPTION_VALID ? idt_vectoring & INTERRUPTION_REINJECT : 0;
}
