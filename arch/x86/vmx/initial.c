/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/cpu.h"
#include "arch/x86/percpu.h"
#include "arch/x86/vmx/initial.h"
#include "arch/x86/vmx/regs.h"

/* arch/vcpu.h: those of the Linux 64-bit boot protocol. */
#define LONG64_CODE 0x10u
#define LONG64_DATA 0x18u

enum { ES, CS, SS, DS, FS, GS, LDTR, TR, SEGMENT_COUNT };
_Static_assert(SEGMENT_COUNT == ARRAY_SIZE(((struct vmx_initial *)0)->segments), "all of them");

#define REAL_LIMIT 0xffffu
#define FLAT_LIMIT UINT32_MAX

static void set_flat(struct vmx_initial *s, struct vmx_segment code, uint16_t data)
{
	for (uint32_t i = ES; i <= GS; i++)
		s->segments[i] = (struct vmx_segment){ 0, FLAT_LIMIT, ACCESS_DATA32, data };
	s->segments[CS] = code;
	s->segments[LDTR].access = ACCESS_UNUSABLE;
	/* A VM entry wants a busy TSS, and its limit. */
	s->segments[TR] = (struct vmx_segment){ 0, sizeof(struct tss) - 1, ACCESS_TSS_BUSY, 0 };
}

static void set_real(struct vmx_initial *s, uint8_t vector)
{
	for (uint32_t i = ES; i <= GS; i++)
		s->segments[i] = (struct vmx_segment){ 0, REAL_LIMIT, ACCESS_DATA16, 0 };
	s->segments[CS] = (struct vmx_segment){ (uint64_t)vector << 12, REAL_LIMIT, ACCESS_CODE16,
						(uint16_t)(vector << 8) };
	s->segments[LDTR] = (struct vmx_segment){ 0, REAL_LIMIT, ACCESS_LDT, 0 };
	s->segments[TR] = (struct vmx_segment){ 0, REAL_LIMIT, ACCESS_TSS_BUSY, 0 };
	s->gdt_limit = REAL_LIMIT;
	s->idt_limit = REAL_LIMIT;
}

static void set_entry_point(struct vmx_initial *s, const struct vcpu_entry *entry)
{
	s->gdt = entry->gdt;
	s->gdt_limit = entry->gdt_limit;
	s->rip = entry->rip;
	s->rsp = entry->rsp;
}

void vmx_initial_state(const struct vcpu_entry *entry, const struct vmx_controls *controls,
		       uint64_t cr0_shadow, struct vmx_initial *out)
{
	const struct vmx_segment code32 = { 0, FLAT_LIMIT, ACCESS_CODE32, SEL_CODE };
	const struct vmx_segment code64 = { 0, FLAT_LIMIT, ACCESS_CODE64, LONG64_CODE };

	*out = (struct vmx_initial){ .cr0_shadow = CR0_ET };
	switch (entry->mode) {
	case VCPU_FLAT32:
		set_flat(out, code32, SEL_DATA);
		set_entry_point(out, entry);
		out->cr0_shadow |= CR0_PE;
		break;
	case VCPU_LONG64:
		set_flat(out, code64, LONG64_DATA);
		set_entry_point(out, entry);
		out->cr0_shadow |= CR0_PE | CR0_PG;
		out->cr3 = entry->page_table;
		out->cr4_shadow = CR4_PAE;
		out->efer = EFER_LME | EFER_LMA;
		out->is_ia32e = true;
		break;
	default:
		set_real(out, entry->sipi_vector);
		out->cr0_shadow |= cr0_shadow & (CR0_CD | CR0_NW);
		break;
	}
	out->cr0 = (out->cr0_shadow & ~(CR0_CD | CR0_NW)) | controls->cr0_set;
	out->cr4 = out->cr4_shadow | controls->cr4_set;
}
