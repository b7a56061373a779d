/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "arch/x86/svm/decode.h"
#include "arch/x86/cpu.h"
#include "arch/x86/percpu.h"

enum special { NOTHING_MORE, HYPERCALL, XCR };

struct rule {
	uint8_t kind;   /* enum exit_kind; EXIT_DEADLINE (0): not in this table */
	uint8_t length; /* bytes of the opcode; 0: not to be skipped */
	uint8_t special;
};

#define FIRST_RULE VMEXIT_RDPMC
/* clang-format off */
#define RULE(code) [(code) - FIRST_RULE]

static const struct rule rules[] = {
	RULE(VMEXIT_RDPMC)   = { EXIT_PRIVILEGED, 0, NOTHING_MORE },
	RULE(VMEXIT_CPUID)   = { EXIT_CPUID, SVM_CPUID_BYTES, NOTHING_MORE },
	RULE(VMEXIT_INVD)    = { EXIT_CACHE, 2, NOTHING_MORE },
	RULE(VMEXIT_INVLPGA) = { EXIT_UNDEFINED, 0, NOTHING_MORE },
	RULE(VMEXIT_SHUTDOWN) = { EXIT_TRIPLE_FAULT, 0, NOTHING_MORE },
	RULE(VMEXIT_VMRUN)   = { EXIT_UNDEFINED, 0, NOTHING_MORE },
	RULE(VMEXIT_VMMCALL) = { EXIT_HYPERCALL, SVM_VMMCALL_BYTES, HYPERCALL },
	RULE(VMEXIT_VMLOAD)  = { EXIT_UNDEFINED, 0, NOTHING_MORE },
	RULE(VMEXIT_VMSAVE)  = { EXIT_UNDEFINED, 0, NOTHING_MORE },
	RULE(VMEXIT_STGI)    = { EXIT_UNDEFINED, 0, NOTHING_MORE },
	RULE(VMEXIT_CLGI)    = { EXIT_UNDEFINED, 0, NOTHING_MORE },
	RULE(VMEXIT_SKINIT)  = { EXIT_UNDEFINED, 0, NOTHING_MORE },
	RULE(VMEXIT_WBINVD)  = { EXIT_CACHE, 2, NOTHING_MORE },
	RULE(VMEXIT_MONITOR) = { EXIT_UNDEFINED, 0, NOTHING_MORE },
	RULE(VMEXIT_MWAIT)   = { EXIT_UNDEFINED, 0, NOTHING_MORE },
	RULE(VMEXIT_XSETBV)  = { EXIT_XSETBV, 3, XCR },
};
/* clang-format on */

static uint64_t edx_eax(const struct vcpu *v)
{
	return v->gpr[GPR_RDX] << 32 | (uint32_t)v->gpr[GPR_RAX];
}

/* EXITINFO2 holds the address of the next instruction, on every CPU. */
void svm_decode_port(struct vcpu *v, const struct vmcb *vmcb, struct exit_info *out)
{
	const uint32_t info = (uint32_t)vmcb->exit_info1;
	const uint32_t width = IOIO_WIDTH(info);

	v->skip_bytes = (uint32_t)(vmcb->exit_info2 - vmcb->rip);
	out->kind = EXIT_PIO;
	if (__builtin_expect(info & IOIO_STRING, 0))
		out->kind = EXIT_PIO_STRING;
	out->addr = IOIO_PORT(info);
	out->width = (uint8_t)width;
	out->write = (info & IOIO_IN) == 0;
	if (out->write)
		out->value = v->gpr[GPR_RAX] & (BIT64(8 * width) - 1);
}

void svm_decode_msr(struct vcpu *v, const struct vmcb *vmcb, struct exit_info *out)
{
	v->skip_bytes = 2;
	out->write = vmcb->exit_info1 & MSR_WRITE;
	out->kind = out->write ? EXIT_MSR_WRITE : EXIT_MSR_READ;
	out->addr = (uint32_t)v->gpr[GPR_RCX];
	out->value = edx_eax(v);
}

void svm_decode_halt(struct vcpu *v, const struct vmcb *vmcb, struct exit_info *out)
{
	v->skip_bytes = 1;
	out->kind = EXIT_HLT;
	out->value = (vmcb->rflags & RFLAGS_IF) != 0;
}

void svm_decode_memory(struct vcpu *v, const struct vmcb *vmcb, struct exit_info *out)
{
	v->skip_bytes = 0;
	out->kind = EXIT_MEMORY;
	out->addr = vmcb->exit_info2;
	out->write = vmcb->exit_info1 & NPF_WRITE;
	out->value = VMEXIT_NPF;
}

static void decode_xcr(const struct vcpu *v, const struct vmcb *vmcb, struct exit_info *out)
{
	if (!(vmcb->cr4 & CR4_OSXSAVE))
		out->kind = EXIT_UNDEFINED;
	else if (vmcb->cpl != 0)
		out->kind = EXIT_PRIVILEGED;
	out->addr = (uint32_t)v->gpr[GPR_RCX];
	out->value = edx_eax(v);
}

static void decode_rare(struct vcpu *v, const struct vmcb *vmcb, struct exit_info *out)
{
	const uint32_t code = (uint32_t)vmcb->exit_code;
	const uint32_t index = code - FIRST_RULE;

	if (index >= ARRAY_SIZE(rules) || rules[index].kind == EXIT_DEADLINE) {
		v->skip_bytes = 0;
		out->kind = code == VMEXIT_INVALID ? EXIT_INIT : EXIT_OTHER;
		out->value = code;
		return;
	}
	out->kind = rules[index].kind;
	v->skip_bytes = rules[index].length;
	if (rules[index].special == HYPERCALL)
		svm_decode_hypercall(v, vmcb, out);
	else if (rules[index].special == XCR)
		decode_xcr(v, vmcb, out);
}

void svm_decode(struct vcpu *v, const struct vmcb *vmcb, struct exit_info *out)
{
	if (!svm_decode_frequent(v, vmcb, out))
		decode_rare(v, vmcb, out);
}

/* Ranges 0.., C0000000H.., C0010000H.., each 2 KiB of the map. */
bool svm_msrpm_allow(uint8_t *map, uint32_t msr)
{
	static const uint32_t first[] = { 0, 0xc0000000u, 0xc0010000u };
	const uint32_t range_bytes = MSRPM_RANGE_MSRS / 4;

	for (uint32_t i = 0; i < ARRAY_SIZE(first); i++) {
		const uint32_t n = msr - first[i];

		if (n >= MSRPM_RANGE_MSRS)
			continue;
		map[i * range_bytes + n / 4] &= (uint8_t) ~(3u << 2 * (n % 4));
		return true;
	}
	return false;
}

/* ---- The state in which a guest begins ---- */

/* arch/vcpu.h: those of the Linux 64-bit boot protocol. */
#define LONG64_CODE 0x10u
#define LONG64_DATA 0x18u

#define REAL_LIMIT  0xffffu
#define FLAT_LIMIT  UINT32_MAX

static void set_segments(struct vmcb *vmcb, struct vmcb_segment code, struct vmcb_segment data)
{
	vmcb->cs = code;
	vmcb->ds = vmcb->es = vmcb->fs = vmcb->gs = vmcb->ss = data;
	vmcb->ldtr = (struct vmcb_segment){ 0, SEGMENT_LDT, REAL_LIMIT, 0 };
	vmcb->tr = (struct vmcb_segment){ 0, SEGMENT_TSS, REAL_LIMIT, 0 };
}

static void set_flat32(struct vmcb *vmcb)
{
	set_segments(vmcb, (struct vmcb_segment){ SEL_CODE, SEGMENT_CODE32, FLAT_LIMIT, 0 },
		     (struct vmcb_segment){ SEL_DATA, SEGMENT_DATA32, FLAT_LIMIT, 0 });
	vmcb->cr0 |= CR0_PE | CR0_NE;
}

static void set_long64(struct vmcb *vmcb, uint64_t page_table)
{
	set_segments(vmcb, (struct vmcb_segment){ LONG64_CODE, SEGMENT_CODE64, FLAT_LIMIT, 0 },
		     (struct vmcb_segment){ LONG64_DATA, SEGMENT_DATA32, FLAT_LIMIT, 0 });
	vmcb->cr0 |= CR0_PE | CR0_NE | CR0_PG;
	vmcb->cr3 = page_table;
	vmcb->cr4 = CR4_PAE;
	vmcb->efer |= EFER_LME | EFER_LMA;
}

/* "Startup IPI": CS from the vector. */
static void set_real16(struct vmcb *vmcb, uint8_t vector)
{
	const struct vmcb_segment code = { (uint16_t)(vector << 8), SEGMENT_CODE16, REAL_LIMIT,
					   (uint64_t)vector << 12 };

	set_segments(vmcb, code, (struct vmcb_segment){ 0, SEGMENT_DATA16, REAL_LIMIT, 0 });
	vmcb->gdtr.limit = vmcb->idtr.limit = REAL_LIMIT;
}

/* What INIT leaves alone: MSRs but EFER; and whether caches are on, which is not kept here. */
#define SURVIVING_MSRS_AT    offsetof(struct vmcb, star) /* to SYSENTER_EIP */
#define SURVIVING_MSRS_BYTES (offsetof(struct vmcb, cr2) - SURVIVING_MSRS_AT)
struct survivors {
	uint8_t msrs[SURVIVING_MSRS_BYTES];
	uint64_t pat;
};

static void keep(struct survivors *s, const struct vmcb *vmcb)
{
	memcpy(s->msrs, (const uint8_t *)vmcb + SURVIVING_MSRS_AT, SURVIVING_MSRS_BYTES);
	s->pat = vmcb->g_pat;
}

static void put_back(const struct survivors *s, struct vmcb *vmcb)
{
	memcpy((uint8_t *)vmcb + SURVIVING_MSRS_AT, s->msrs, SURVIVING_MSRS_BYTES);
	vmcb->g_pat = s->pat;
}

void svm_initial_state(struct vmcb *vmcb, const struct vcpu_entry *entry)
{
	const size_t saved_at = offsetof(struct vmcb, es);
	struct survivors survivors;

	keep(&survivors, vmcb);
	memset((uint8_t *)vmcb + saved_at, 0, sizeof(*vmcb) - saved_at);
	vmcb->efer = EFER_SVME; /* VMRUN demands it; the guest reads 0 */
	vmcb->cr0 = CR0_ET;
	vmcb->dr6 = DR6_FIXED1;
	vmcb->dr7 = DR7_FIXED1;
	vmcb->rflags = RFLAGS_FIXED1;
	vmcb->g_pat = PAT_RESET;
	if (entry->mode == VCPU_REAL16) {
		set_real16(vmcb, entry->sipi_vector);
		put_back(&survivors, vmcb);
		return;
	}
	if (entry->mode == VCPU_LONG64)
		set_long64(vmcb, entry->page_table);
	else
		set_flat32(vmcb);
	vmcb->gdtr.base = entry->gdt;
	vmcb->gdtr.limit = entry->gdt_limit;
	vmcb->rip = entry->rip;
	vmcb->rsp = entry->rsp;
}

/* ---- What instruction emulation asks ---- */

static void get_segment(const struct vmcb_segment *from, struct guest_segment *s)
{
	const uint32_t attributes = from->attributes;

	s->base = from->base;
	s->limit = from->limit;
	s->selector = from->selector;
	s->access = (uint16_t)((attributes & 0xff) | (attributes & 0xf00) << 4);
	s->is_unusable = !(attributes & SEGMENT_PRESENT);
}

void svm_segment(const struct vmcb *vmcb, enum guest_segment_name name, struct guest_segment *s)
{
	const struct vmcb_segment *const from[SEG_COUNT] = {
		[SEG_ES] = &vmcb->es, [SEG_CS] = &vmcb->cs, [SEG_SS] = &vmcb->ss,
		[SEG_DS] = &vmcb->ds, [SEG_FS] = &vmcb->fs, [SEG_GS] = &vmcb->gs,
	};

	get_segment(from[name], s);
}

void svm_context(const struct vmcb *vmcb, uint64_t cr0, uint64_t cr4, struct guest_context *c)
{
	c->rip = vmcb->rip;
	c->rflags = vmcb->rflags;
	c->cr0 = cr0;
	c->cr3 = vmcb->cr3;
	c->cr4 = cr4;
	c->efer = vmcb->efer & ~EFER_SVME;
	c->cpl = vmcb->cpl;
	get_segment(&vmcb->cs, &c->segments[SEG_CS]);
}
