/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/svm/decode.h - from a VMCB after #VMEXIT to struct exit_info. Pure.
 *
 * Lengths  CPUs save the next instruction's address (nRIP). Where one does not (an emulator,
 *	    the first of 2006), and for all but IN and OUT, the opcode's own length counts: a
 *	    guest that puts prefixes before CPUID, HLT, VMMCALL, RDMSR, WRMSR, XSETBV, WBINVD
 *	    or INVD then goes on inside that instruction. It deceives nobody but itself.
 * Privilege  "Exceptions take precedence over intercepts" holds for the privileged
 *	    instructions, so they come from CPL 0; VMMCALL has no privilege of its own and
 *	    gets it here: #UD above CPL 0. XSETBV's order is checked here too.
 * Strings  INS and OUTS come with port, width and direction; which memory they mean is for the
 *	    instruction decoder to find out.
 */
#pragma once
#include "arch/x86/backend.h"
#include "arch/x86/svm/vmcb.h"

/*
 * For the exits that the guest's instructions cause: kind and operands into `out`, the length
 * into v->skip_bytes. Everything else is EXIT_OTHER with the exit code in `value`.
 */
void svm_decode(struct vcpu *v, const struct vmcb *vmcb, struct exit_info *out);

void svm_decode_msr(struct vcpu *v, const struct vmcb *vmcb, struct exit_info *out);
void svm_decode_port(struct vcpu *v, const struct vmcb *vmcb, struct exit_info *out);
void svm_decode_memory(struct vcpu *v, const struct vmcb *vmcb, struct exit_info *out);
void svm_decode_halt(struct vcpu *v, const struct vmcb *vmcb, struct exit_info *out);

/* svm_decode() of RDMSR, WRMSR, IN, OUT, nested page faults and HLT, and false for all others. */
static inline __attribute__((always_inline)) bool svm_decode_frequent(struct vcpu *v,
								      const struct vmcb *vmcb,
								      struct exit_info *out)
{
	const uint32_t code = (uint32_t)vmcb->exit_code;

	if (code == VMEXIT_MSR)
		svm_decode_msr(v, vmcb, out);
	else if (code == VMEXIT_IOIO)
		svm_decode_port(v, vmcb, out);
	else if (code == VMEXIT_NPF)
		svm_decode_memory(v, vmcb, out);
	else if (code == VMEXIT_HLT)
		svm_decode_halt(v, vmcb, out);
	else
		return false;
	return true;
}

/* The most frequent two, apart. */
#define SVM_CPUID_BYTES   2u
#define SVM_VMMCALL_BYTES 3u

static inline void svm_decode_hypercall(struct vcpu *v, const struct vmcb *vmcb,
					struct exit_info *out)
{
	out->kind = vmcb->cpl == 0 ? EXIT_HYPERCALL : EXIT_UNDEFINED;
	out->addr = v->gpr[GPR_RAX];
	out->arg[0] = v->gpr[GPR_RBX];
	out->arg[1] = v->gpr[GPR_RCX];
	out->arg[2] = v->gpr[GPR_RDX];
	out->arg[3] = v->gpr[GPR_RSI];
	v->skip_bytes = SVM_VMMCALL_BYTES;
}

/* The bits of `msr` in a permission map: clears those of read and write. False: in no range. */
bool svm_msrpm_allow(uint8_t *map, uint32_t msr);

/*
 * The save area as `entry` says (not VCPU_WAITS), all else as after INIT. VCPU_REAL16: what
 * survives INIT does so, but CD and NW, which svm_reset_control() sees to; otherwise it is as
 * after power-on, with caches on.
 * APM Vol. 2, "Processor Initialization State"; SDM Vol. 3A, "Processor State After Reset".
 */
void svm_initial_state(struct vmcb *vmcb, const struct vcpu_entry *entry);

/* `cr0`, `cr4`: as the guest believes them to be. */
void svm_context(const struct vmcb *vmcb, uint64_t cr0, uint64_t cr4, struct guest_context *c);
void svm_segment(const struct vmcb *vmcb, enum guest_segment_name name, struct guest_segment *s);
