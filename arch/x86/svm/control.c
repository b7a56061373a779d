/* SPDX-License-Identifier: Apache-2.0 */
/* arch/x86/svm/control.c - control registers: see svm.h. */
#include "arch/x86/control_registers.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/guest/insn_control.h"
#include "arch/x86/guest/walk.h"
#include "arch/x86/svm/decode.h"
#include "arch/x86/svm/svm.h"

/* The bits that exist: "writes to reserved bits are ignored" below bit 32. */
#define CR0_DEFINED \
	(CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_CACHES | \
	 CR0_PG)
#define CR0_AM BIT64(18)

/*
 * What translations in the TLB depend on. Rare enough to flush for any change, where a CPU would
 * for some only.
 */
#define CR0_TRANSLATES (CR0_PE | CR0_WP | CR0_PG)
#define CR4_TRANSLATES (CR4_PSE | CR4_PAE | CR4_PGE | CR4_PCIDE | CR4_SMEP | CR4_SMAP | CR4_PKE)

#define CR3_PCID       UINT64_C(0xfff)
#define CR3_NOFLUSH    BIT64(63)

/* "Segmentation": TSS types of 16 bits, available and busy. */
#define IS_TSS16(attributes) (((attributes)&0xd) == 1)

/* ---- What the guest believes ---- */

/* Reads exit only while they would show something else. */
static void choose_intercepts(struct vcpu *v)
{
	struct svm_vcpu *const s = v->backend;

	s->cr_intercepts = INTERCEPT_CR_WRITE(4);
	if (s->cr0_hidden)
		s->cr_intercepts |= INTERCEPT_CR_READ(0);
	if (s->cr4_added)
		s->cr_intercepts |= INTERCEPT_CR_READ(4);
	v->lapic.changed = true; /* the next entry takes them over */
}

static void flush(struct svm_vcpu *s)
{
	s->flush = TLB_FLUSH_ALL;
	s->has_rare = true;
}

static void set_cr0(struct vcpu *v, uint64_t value)
{
	struct svm_vcpu *const s = v->backend;
	struct vmcb *const vmcb = v->control;

	value = (value & CR0_DEFINED) | CR0_ET;
	if ((value ^ vmcb->cr0) & CR0_TRANSLATES)
		flush(s);
	if (!(value & CR0_PG))
		vmcb->efer &= ~EFER_LMA;
	else if (vmcb->efer & EFER_LME)
		vmcb->efer |= EFER_LMA;
	vmcb->cr0 = value & ~CR0_CACHES;
	s->cr0_hidden = value & CR0_CACHES;
	choose_intercepts(v);
}

static void set_cr4(struct vcpu *v, uint64_t value)
{
	struct svm_vcpu *const s = v->backend;
	struct vmcb *const vmcb = v->control;

	if ((value ^ vmcb->cr4) & CR4_TRANSLATES)
		flush(s);
	vmcb->cr4 = value | CR4_MCE;
	s->cr4_added = CR4_MCE & ~value;
	choose_intercepts(v);
}

void svm_reset_control(struct vcpu *v)
{
	struct svm_vcpu *const s = v->backend;
	struct vmcb *const vmcb = v->control;

	if (v->entry.mode != VCPU_REAL16)
		s->cr0_hidden = 0;
	s->cr4_added = CR4_MCE;
	vmcb->cr4 |= CR4_MCE;
	choose_intercepts(v);
}

/* ---- What it may load: "MOV - Move to/from Control Registers", #GP ---- */

static bool in_64bit_mode(const struct vmcb *vmcb)
{
	return (vmcb->efer & EFER_LMA) && (vmcb->cs.attributes & SEGMENT_LONG);
}

static bool may_load_cr0(const struct vmcb *vmcb, uint64_t value)
{
	if (!cr0_is_valid(value) || ((value & CR0_PG) && !(value & CR0_PE)))
		return false;
	if (!((value ^ vmcb->cr0) & CR0_PG))
		return true;
	if (!(value & CR0_PG))
		return !in_64bit_mode(vmcb) && !(vmcb->cr4 & CR4_PCIDE);
	return !(vmcb->efer & EFER_LME) ||
	       ((vmcb->cr4 & CR4_PAE) && !(vmcb->cs.attributes & SEGMENT_LONG) &&
		!IS_TSS16(vmcb->tr.attributes));
}

static bool may_load_cr4(const struct vmcb *vmcb, uint64_t value)
{
	if (!cr4_is_valid(value, cpuid_cr4_bits()))
		return false;
	if ((vmcb->efer & EFER_LMA) && !(value & CR4_PAE))
		return false;
	if ((value & CR4_PCIDE) && !(vmcb->cr4 & CR4_PCIDE))
		return (vmcb->efer & EFER_LMA) && !(vmcb->cr3 & CR3_PCID);
	return true;
}

/* ---- Instructions ---- */

static enum insn_mode mode_of(const struct vmcb *vmcb)
{
	if (in_64bit_mode(vmcb))
		return INSN_64;
	return vmcb->cs.attributes & SEGMENT_BIG ? INSN_32 : INSN_16;
}

/* What the CPU says of it, or nothing: "MOV CRx/DRx Intercepts". */
static bool ask_cpu(const struct vmcb *vmcb, uint32_t code, struct insn_control *insn)
{
	if (!svm_has_decode_assists || !(vmcb->exit_info1 & CR_INFO_MOV))
		return false;
	*insn = (struct insn_control){
		.op = code < VMEXIT_CR_WRITE ? INSN_MOV_FROM_CR : INSN_MOV_TO_CR,
		.number = code == VMEXIT_CR0_SEL_WRITE ? 0 : code & 15,
		.gpr = vmcb->exit_info1 & CR_INFO_GPR,
		.width = in_64bit_mode(vmcb) ? 8 : 4,
		.length = (uint8_t)(vmcb->next_rip - vmcb->rip),
	};
	return true;
}

/*
 * ERR_INVAL: no more of it can be fetched, which is a page fault; it is on its way. ERR_RANGE: it is
 * not in RAM. ERR_UNSUPPORTED: another one stands there now; other CPUs of the guest may write.
 */
static enum err look_at_insn(struct vcpu *v, const struct vmcb *vmcb, struct insn_control *insn)
{
	uint8_t bytes[INSN_BYTES_MAX];
	struct guest_context context;
	struct walk_result end;
	uint32_t count;
	enum err e;

	svm_context(vmcb, svm_cr0(v), svm_cr4(v), &context);
	e = guest_fetch(v->ram, &context, bytes, INSN_BYTES_MAX, &count, &end);
	if (e == OK)
		e = insn_decode_control(bytes, count, mode_of(vmcb), insn);
	if (e == ERR_INVAL || (e == ERR_RANGE && end.is_fault)) {
		svm_inject_page_fault(v, end.address, end.fault);
		return ERR_INVAL;
	}
	return e;
}

static uint64_t operand(struct vcpu *v, const struct insn_control *insn)
{
	const uint64_t value = svm_read_gpr(v, insn->gpr);

	return insn->width == 8 ? value : (uint32_t)value;
}

static void write_control(struct vcpu *v, const struct insn_control *insn)
{
	struct vmcb *const vmcb = v->control;
	const uint64_t value = operand(v, insn);

	if (insn->number == 0 && may_load_cr0(vmcb, value)) {
		set_cr0(v, value);
	} else if (insn->number == 4 && may_load_cr4(vmcb, value)) {
		set_cr4(v, value);
	} else {
		svm_inject(v, VCPU_FAULT_GP);
		return;
	}
	svm_retire(v, insn->length, vmcb->rflags);
}

static uint64_t read_control(const struct vcpu *v, uint32_t number)
{
	const struct vmcb *const vmcb = v->control;

	switch (number) {
	case 0:
		return svm_cr0(v);
	case 2:
		return vmcb->cr2;
	case 3:
		return vmcb->cr3;
	case 4:
		return svm_cr4(v);
	default:
		return vlapic_cr8(&v->lapic);
	}
}

/* An emulator lets the intercept of CR0 catch reads of all of them. */
static void show_control(struct vcpu *v, const struct insn_control *insn)
{
	const struct vmcb *const vmcb = v->control;
	const uint64_t low = UINT64_C(0xffff);
	uint64_t value = read_control(v, insn->number);

	if (insn->width == 4)
		value = (uint32_t)value;
	else if (insn->width == 2)
		value = (svm_read_gpr(v, insn->gpr) & ~low) | (value & low);
	svm_write_gpr(v, insn->gpr, value);
	svm_retire(v, insn->length, vmcb->rflags);
}

/*
 * LMSW writes bits 3:0 only, and memory gets 15:0 only: nothing that is not the guest's. The CPU
 * does it, without the intercepts.
 */
static void carry_out(struct vcpu *v, const struct insn_control *insn)
{
	if (insn->op == INSN_LMSW || insn->has_memory)
		svm_step_over(v, STEP_MSW);
	else if (insn->op == INSN_MOV_TO_CR)
		write_control(v, insn);
	else
		show_control(v, insn);
}

/*
 * QEMU answers reserved bits in a MOV to CR3 by this exit, with the state before the instruction.
 * The CPU of the manual raises #GP, and exits so at VMRUN only, for what no guest can bring about.
 */
static bool is_bad_cr3(struct vcpu *v, const struct vmcb *vmcb)
{
	const uint64_t flag = vmcb->cr4 & CR4_PCIDE ? CR3_NOFLUSH : 0;
	struct insn_control insn;

	if (!in_64bit_mode(vmcb) || look_at_insn(v, vmcb, &insn) != OK)
		return false;
	return insn.op == INSN_MOV_TO_CR && insn.number == 3 &&
	       ((operand(v, &insn) & ~flag) >> cpuid_physical_bits()) != 0;
}

bool svm_control_exit(struct vcpu *v, uint32_t code)
{
	const struct vmcb *const vmcb = v->control;
	struct insn_control insn;
	enum err e = OK;

	if (code == VMEXIT_INVALID) {
		if (!is_bad_cr3(v, vmcb))
			return false;
		svm_inject(v, VCPU_FAULT_GP);
		return true;
	}
	if (code != VMEXIT_CR_READ + 0 && code != VMEXIT_CR_READ + 4 &&
	    code != VMEXIT_CR_WRITE + 4 && code != VMEXIT_CR0_SEL_WRITE)
		return false;
	if (!ask_cpu(vmcb, code, &insn))
		e = look_at_insn(v, vmcb, &insn);
	if (e == OK)
		carry_out(v, &insn);
	return e != ERR_RANGE;
}
