/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/svm/vmcb.h - AMD-V registers and in-memory structures we use.
 *
 * Source   APM Vol. 2, "Secure Virtual Machine"; its appendices "Layout of VMCB" and
 *	    "SVM Intercept Exit Codes".
 */
#pragma once
#include "core/lib/base.h"

/* clang-format off */
/* CPUID Fn8000_000A, "SVM Features". */
#define CPUID_SVM	    0x8000000au
#define   CPUID_SVM_EDX_NP  BIT32(0)	/* nested paging */
#define   CPUID_SVM_EDX_NRIPS  BIT32(3)	/* next RIP is saved */
#define   CPUID_SVM_EDX_ASSISTS BIT32(7)	/* decode assists */

/* APM Vol. 2, "SVM Related MSRs". */
#define MSR_VM_CR	    0xc0010114u
#define   VM_CR_SVMDIS	    BIT64(4)	/* EFER.SVME cannot be set */
#define MSR_VM_HSAVE_PA	    0xc0010117u

#define INTERCEPT_CR_READ(n)  BIT32(n)	/* offset 000H */
#define INTERCEPT_CR_WRITE(n) BIT32(16 + (n))

/* Instruction intercepts, first word (offset 00CH). */
#define INTERCEPT_INTR	    BIT32(0)
#define INTERCEPT_NMI	    BIT32(1)
#define INTERCEPT_SMI	    BIT32(2)
#define INTERCEPT_INIT	    BIT32(3)
#define INTERCEPT_VINTR	    BIT32(4)	/* a virtual interrupt is about to be taken */
#define INTERCEPT_CR0_SEL   BIT32(5)	/* a write to CR0 that changes more than TS, MP */
#define INTERCEPT_RDPMC	    BIT32(15)
#define INTERCEPT_CPUID	    BIT32(18)
#define INTERCEPT_IRET	    BIT32(20)
#define INTERCEPT_INVD	    BIT32(22)
#define INTERCEPT_HLT	    BIT32(24)
#define INTERCEPT_INVLPGA   BIT32(26)
#define INTERCEPT_IOIO	    BIT32(27)
#define INTERCEPT_MSR	    BIT32(28)
#define INTERCEPT_FERR	    BIT32(30)	/* legacy FERR# freeze */
#define INTERCEPT_SHUTDOWN  BIT32(31)
/* Second word (offset 010H). */
#define INTERCEPT2_VMRUN    BIT32(0)	/* must be set */
#define INTERCEPT2_VMMCALL  BIT32(1)
#define INTERCEPT2_VMLOAD   BIT32(2)
#define INTERCEPT2_VMSAVE   BIT32(3)
#define INTERCEPT2_STGI	    BIT32(4)
#define INTERCEPT2_CLGI	    BIT32(5)
#define INTERCEPT2_SKINIT   BIT32(6)
#define INTERCEPT2_WBINVD   BIT32(9)
#define INTERCEPT2_MONITOR  BIT32(10)
#define INTERCEPT2_MWAIT    BIT32(11)	/* whether armed or not */
#define INTERCEPT2_XSETBV   BIT32(13)

/* Virtual interrupt control (offset 060H). */
#define VINTR_TPR	    UINT32_C(0x0f)	/* 3:0, the guest's CR8 */
#define VINTR_IRQ	    BIT32(8)		/* a virtual interrupt waits */
#define VINTR_PRIORITY(v)   ((uint32_t)(v) >> 4 << 16)	/* 19:16, the vector's class */
#define VINTR_IGNORE_TPR    BIT32(20)	/* V_IRQ is taken whatever its priority */
#define VINTR_MASKING	    BIT32(24)	/* guest IF and CR8 concern virtual interrupts only */

#define TLB_KEEP	    0u
#define TLB_FLUSH_ALL	    1u

#define INTERRUPT_SHADOW    BIT64(0)	/* offset 068H */
#define NESTED_PAGING	    BIT64(0)	/* offset 090H */

/* EVENTINJ and EXITINTINFO, "Event Injection". */
#define EVENT_VECTOR	    UINT64_C(0xff)
#define EVENT_TYPE	    (UINT64_C(7) << 8)
#define	  EVENT_INTR	    (UINT64_C(0) << 8)
#define	  EVENT_NMI	    (UINT64_C(2) << 8)
#define	  EVENT_EXCEPTION   (UINT64_C(3) << 8)
#define	  EVENT_SOFTWARE    (UINT64_C(4) << 8)
#define EVENT_ERROR_VALID   BIT64(11)
#define EVENT_VALID	    BIT64(31)
#define EVENT_ERROR(code)   ((uint64_t)(code) << 32)

/* EXITCODE. Compared as 32 bits: an emulator leaves bits 63:32 of VMEXIT_INVALID zero. */
#define VMEXIT_CR_READ	    0x000u	/* + register */
#define VMEXIT_CR_WRITE	    0x010u
#define VMEXIT_EXCEPTION    0x040u	/* + vector */
#define VMEXIT_INTR	    0x060u
#define VMEXIT_NMI	    0x061u
#define VMEXIT_SMI	    0x062u
#define VMEXIT_INIT	    0x063u
#define VMEXIT_VINTR	    0x064u
#define VMEXIT_CR0_SEL_WRITE 0x065u
#define VMEXIT_RDPMC	    0x06fu
#define VMEXIT_CPUID	    0x072u
#define VMEXIT_IRET	    0x074u
#define VMEXIT_INVD	    0x076u
#define VMEXIT_HLT	    0x078u
#define VMEXIT_INVLPGA	    0x07au
#define VMEXIT_IOIO	    0x07bu
#define VMEXIT_MSR	    0x07cu
#define VMEXIT_FERR	    0x07eu
#define VMEXIT_SHUTDOWN	    0x07fu
#define VMEXIT_VMRUN	    0x080u
#define VMEXIT_VMMCALL	    0x081u
#define VMEXIT_VMLOAD	    0x082u
#define VMEXIT_VMSAVE	    0x083u
#define VMEXIT_STGI	    0x084u
#define VMEXIT_CLGI	    0x085u
#define VMEXIT_SKINIT	    0x086u
#define VMEXIT_WBINVD	    0x089u
#define VMEXIT_MONITOR	    0x08au
#define VMEXIT_MWAIT	    0x08bu
#define VMEXIT_XSETBV	    0x08du
#define VMEXIT_NPF	    0x400u
#define VMEXIT_INVALID	    0xffffffffu

/* EXITINFO1 of VMEXIT_IOIO, "I/O Intercepts". */
#define IOIO_IN		    BIT32(0)
#define IOIO_STRING	    BIT32(2)
#define IOIO_WIDTH(info)    ((info) >> 4 & 7)	/* one bit set: 1, 2 or 4 bytes */
#define IOIO_PORT(info)	    ((info) >> 16)		/* of 32 bits */

/* EXITINFO1 of control registers, with decode assists: "MOV CRx/DRx Intercepts". */
#define CR_INFO_GPR	    UINT64_C(0xf)
#define CR_INFO_MOV	    BIT64(63)	/* not LMSW, SMSW, CLTS */

#define MSR_WRITE	    BIT64(0)	/* EXITINFO1 of VMEXIT_MSR */
#define NPF_WRITE	    BIT64(1)	/* EXITINFO1 of VMEXIT_NPF: as a page-fault error code */

/* "Segmentation": the attributes of a descriptor, bits 55:52 and 47:40 together. */
#define SEGMENT_CODE16	    0x09bu	/* present, code, readable, accessed */
#define SEGMENT_DATA16	    0x093u	/* present, data, writable, accessed */
#define SEGMENT_CODE32	    0xc9bu	/* and D, G */
#define SEGMENT_DATA32	    0xc93u	/* and B, G */
#define SEGMENT_CODE64	    0xa9bu	/* and L, G */
#define SEGMENT_LDT	    0x082u
#define SEGMENT_TSS	    0x08bu	/* busy, of 32 or 64 bits */
#define SEGMENT_PRESENT	    BIT32(7)
#define SEGMENT_LONG	    BIT32(9)	/* 64-bit code */
#define SEGMENT_BIG	    BIT32(10)	/* 32-bit code */

/* clang-format on */

struct vmcb_segment {
	uint16_t selector;
	uint16_t attributes;
	uint32_t limit;
	uint64_t base;
};

struct vmcb {
	/* Control area */
	uint32_t intercept_cr;
	uint32_t intercept_dr;
	uint32_t intercept_exceptions;
	uint32_t intercept;
	uint32_t intercept2;
	uint8_t reserved_014[0x40 - 0x14];
	uint64_t iopm_base;
	uint64_t msrpm_base;
	uint64_t tsc_offset;
	uint32_t asid;
	uint32_t tlb_control;
	uint32_t vintr; /* VINTR_* */
	uint32_t vintr_vector;
	uint64_t interrupt_shadow;
	uint64_t exit_code;
	uint64_t exit_info1;
	uint64_t exit_info2;
	uint64_t exit_int_info;
	uint64_t nested_control;
	uint8_t reserved_098[0xa8 - 0x98];
	uint64_t event_injection;
	uint64_t nested_cr3;
	uint64_t lbr_control;
	uint32_t clean;
	uint32_t reserved_0c4;
	uint64_t next_rip; /* 0 on CPUs that do not save it */
	uint8_t reserved_0d0[0x400 - 0xd0];
	/* State save area */
	struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	uint8_t reserved_4a0[0x4cb - 0x4a0];
	uint8_t cpl;
	uint32_t reserved_4cc;
	uint64_t efer;
	uint8_t reserved_4d8[0x548 - 0x4d8];
	uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
	uint8_t reserved_580[0x5d8 - 0x580];
	uint64_t rsp;
	uint8_t reserved_5e0[0x5f8 - 0x5e0];
	uint64_t rax, star, lstar, cstar, sfmask, kernel_gs_base;
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip, cr2;
	uint8_t reserved_648[0x668 - 0x648];
	uint64_t g_pat;
	uint8_t reserved_670[0x1000 - 0x670];
};
#define VMCB_AT(field, offset) \
	_Static_assert(offsetof(struct vmcb, field) == (offset), "APM Vol. 2, \"Layout of VMCB\"")
VMCB_AT(iopm_base, 0x040);
VMCB_AT(asid, 0x058);
VMCB_AT(tlb_control, 0x05c);
VMCB_AT(vintr, 0x060);
VMCB_AT(exit_code, 0x070);
VMCB_AT(exit_int_info, 0x088);
VMCB_AT(nested_control, 0x090);
VMCB_AT(event_injection, 0x0a8);
VMCB_AT(nested_cr3, 0x0b0);
VMCB_AT(clean, 0x0c0);
VMCB_AT(next_rip, 0x0c8);
VMCB_AT(es, 0x400);
VMCB_AT(tr, 0x490);
VMCB_AT(cpl, 0x4cb);
VMCB_AT(efer, 0x4d0);
VMCB_AT(cr4, 0x548);
VMCB_AT(rip, 0x578);
VMCB_AT(rsp, 0x5d8);
VMCB_AT(rax, 0x5f8);
VMCB_AT(star, 0x600);
VMCB_AT(kernel_gs_base, 0x620);
VMCB_AT(cr2, 0x640);
VMCB_AT(g_pat, 0x668);
_Static_assert(sizeof(struct vmcb) == 4096, "APM Vol. 2: a VMCB is one page");

/* "MSR Intercepts": two bits per MSR, read and write, for three ranges of 8192 each. */
#define MSRPM_BYTES      8192u
#define MSRPM_RANGE_MSRS 0x2000u
/* "I/O Intercepts": one bit per port, and a page for accesses that cross the end. */
#define IOPM_BYTES 12288u
