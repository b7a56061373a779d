/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vmx/regs.h - VT-x: MSRs, VMCS fields, control bits and exit reasons.
 *
 * Source   SDM Vol. 3C, "Virtual Machine Control Structures"; Vol. 3D, appendix "Field
 *	    Encoding in VMCS", "VMX Capability Reporting Facility", "VMX Basic Exit Reasons".
 * Names    as in the manual, with the group as prefix. Private to arch/x86/vmx/.
 */
#pragma once
#include "core/lib/base.h"

/* --- MSRs: SDM Vol. 3D, "VMX Capability Reporting Facility" --- */
#define MSR_VMX_BASIC               0x480u
#define MSR_VMX_PINBASED_CTLS       0x481u
#define MSR_VMX_PROCBASED_CTLS      0x482u
#define MSR_VMX_EXIT_CTLS           0x483u
#define MSR_VMX_ENTRY_CTLS          0x484u
#define MSR_VMX_MISC                0x485u
#define MSR_VMX_CR0_FIXED0          0x486u
#define MSR_VMX_CR0_FIXED1          0x487u
#define MSR_VMX_CR4_FIXED0          0x488u
#define MSR_VMX_CR4_FIXED1          0x489u
#define MSR_VMX_PROCBASED_CTLS2     0x48bu
#define MSR_VMX_EPT_VPID_CAP        0x48cu
#define MSR_VMX_TRUE_PINBASED_CTLS  0x48du
#define MSR_VMX_TRUE_PROCBASED_CTLS 0x48eu
#define MSR_VMX_TRUE_EXIT_CTLS      0x48fu
#define MSR_VMX_TRUE_ENTRY_CTLS     0x490u

/* SDM Vol. 4, "IA32_FEATURE_CONTROL". */
#define FEATURE_CONTROL_LOCK       BIT64(0)
#define FEATURE_CONTROL_VMX_NO_SMX BIT64(2)

/* "Basic VMX Information". */
#define VMX_BASIC_REVISION(msr)    ((uint32_t)(msr)&0x7fffffffu)
#define VMX_BASIC_BYTES(msr)       ((uint32_t)((msr) >> 32) & 0x1fffu)
#define VMX_BASIC_MEMORY_TYPE(msr) ((uint32_t)((msr) >> 50) & 0xfu)
#define VMX_BASIC_TRUE_CTLS        BIT64(55)
#define VMX_MEMORY_TYPE_WB         6u

/* "Miscellaneous Data". */
#define VMX_MISC_TIMER_SHIFT(msr) ((uint32_t)(msr)&0x1fu)

/* "VPID and EPT Capabilities". */
#define EPT_CAP_WALK_4           BIT64(6)
#define EPT_CAP_MEMORY_WB        BIT64(14)
#define EPT_CAP_2M               BIT64(16)
#define EPT_CAP_1G               BIT64(17)
#define EPT_CAP_INVEPT           BIT64(20)
#define EPT_CAP_INVEPT_CONTEXT   BIT64(25)
#define EPT_CAP_INVEPT_ALL       BIT64(26)
#define VPID_CAP_INVVPID         BIT64(32)
#define VPID_CAP_INVVPID_CONTEXT BIT64(41)
#define VPID_CAP_INVVPID_ALL     BIT64(42)

/* "Extended-Page-Table Pointer (EPTP)": memory type, page-walk length minus 1. */
#define EPTP_MEMORY_WB UINT64_C(6)
#define EPTP_WALK_4    (UINT64_C(3) << 3)

/* INVEPT, INVVPID types: SDM Vol. 3C, "VMX Instruction Reference". */
#define INVEPT_CONTEXT  1u
#define INVEPT_ALL      2u
#define INVVPID_CONTEXT 1u
#define INVVPID_ALL     2u

/* --- Pin-based VM-execution controls --- */
#define PIN_EXTERNAL_INTERRUPT_EXITING BIT32(0)
#define PIN_NMI_EXITING                BIT32(3)
#define PIN_VIRTUAL_NMIS               BIT32(5)
#define PIN_ACTIVATE_PREEMPTION_TIMER  BIT32(6)
#define PIN_PROCESS_POSTED_INTERRUPTS  BIT32(7)

/* --- Primary processor-based VM-execution controls --- */
#define PROC_INTERRUPT_WINDOW_EXITING BIT32(2)
#define PROC_USE_TSC_OFFSETTING       BIT32(3)
#define PROC_HLT_EXITING              BIT32(7)
#define PROC_INVLPG_EXITING           BIT32(9)
#define PROC_MWAIT_EXITING            BIT32(10)
#define PROC_RDPMC_EXITING            BIT32(11)
#define PROC_RDTSC_EXITING            BIT32(12)
#define PROC_CR3_LOAD_EXITING         BIT32(15)
#define PROC_CR3_STORE_EXITING        BIT32(16)
#define PROC_CR8_LOAD_EXITING         BIT32(19)
#define PROC_CR8_STORE_EXITING        BIT32(20)
#define PROC_USE_TPR_SHADOW           BIT32(21)
#define PROC_NMI_WINDOW_EXITING       BIT32(22)
#define PROC_MOV_DR_EXITING           BIT32(23)
#define PROC_UNCONDITIONAL_IO_EXITING BIT32(24)
#define PROC_USE_MSR_BITMAPS          BIT32(28)
#define PROC_MONITOR_EXITING          BIT32(29)
#define PROC_PAUSE_EXITING            BIT32(30)
#define PROC_ACTIVATE_SECONDARY       BIT32(31)

/* --- Secondary processor-based VM-execution controls --- */
#define PROC2_VIRTUALIZE_APIC_ACCESSES     BIT32(0)
#define PROC2_ENABLE_EPT                   BIT32(1)
#define PROC2_ENABLE_RDTSCP                BIT32(3)
#define PROC2_VIRTUALIZE_X2APIC_MODE       BIT32(4)
#define PROC2_ENABLE_VPID                  BIT32(5)
#define PROC2_WBINVD_EXITING               BIT32(6)
#define PROC2_UNRESTRICTED_GUEST           BIT32(7)
#define PROC2_APIC_REGISTER_VIRTUALIZATION BIT32(8)
#define PROC2_VIRTUAL_INTERRUPT_DELIVERY   BIT32(9)
#define PROC2_ENABLE_INVPCID               BIT32(12)
#define PROC2_ENCLS_EXITING                BIT32(15)

/* --- VM-exit controls --- */
#define EXIT_SAVE_DEBUG_CONTROLS BIT32(2)
#define EXIT_HOST_64BIT          BIT32(9) /* "Host address-space size" */
#define EXIT_ACK_INTERRUPT       BIT32(15)
#define EXIT_SAVE_PAT            BIT32(18)
#define EXIT_LOAD_PAT            BIT32(19)
#define EXIT_SAVE_EFER           BIT32(20)
#define EXIT_LOAD_EFER           BIT32(21)

/* --- VM-entry controls --- */
#define ENTRY_LOAD_DEBUG_CONTROLS BIT32(2)
#define ENTRY_IA32E_GUEST         BIT32(9) /* "IA-32e mode guest" */
#define ENTRY_LOAD_PAT            BIT32(14)
#define ENTRY_LOAD_EFER           BIT32(15)

/* --- VMCS fields: "Field Encoding in VMCS" --- */
enum vmcs_field {
	/* 16 bits */
	VMCS_VPID = 0x0000,
	VMCS_POSTED_VECTOR = 0x0002,
	VMCS_GUEST_ES = 0x0800,
	VMCS_GUEST_CS = 0x0802,
	VMCS_GUEST_SS = 0x0804,
	VMCS_GUEST_DS = 0x0806,
	VMCS_GUEST_FS = 0x0808,
	VMCS_GUEST_GS = 0x080a,
	VMCS_GUEST_LDTR = 0x080c,
	VMCS_GUEST_TR = 0x080e,
	VMCS_GUEST_INTERRUPT_STATUS = 0x0810,
	VMCS_HOST_ES = 0x0c00,
	VMCS_HOST_CS = 0x0c02,
	VMCS_HOST_SS = 0x0c04,
	VMCS_HOST_DS = 0x0c06,
	VMCS_HOST_FS = 0x0c08,
	VMCS_HOST_GS = 0x0c0a,
	VMCS_HOST_TR = 0x0c0c,
	/* 64 bits */
	VMCS_MSR_BITMAP = 0x2004,
	VMCS_TSC_OFFSET = 0x2010,
	VMCS_VIRTUAL_APIC = 0x2012,
	VMCS_APIC_ACCESS = 0x2014,
	VMCS_POSTED_DESCRIPTOR = 0x2016,
	VMCS_EPTP = 0x201a,
	VMCS_EOI_EXIT_0 = 0x201c, /* 0 to 3, in steps of VMCS_EOI_EXIT_STEP */
	VMCS_ENCLS_EXITING_BITMAP = 0x202e,
	VMCS_GUEST_PHYSICAL_ADDRESS = 0x2400,
	VMCS_LINK_POINTER = 0x2800,
	VMCS_GUEST_DEBUGCTL = 0x2802,
	VMCS_GUEST_PAT = 0x2804,
	VMCS_GUEST_EFER = 0x2806,
	VMCS_HOST_PAT = 0x2c00,
	VMCS_HOST_EFER = 0x2c02,
	/* 32 bits */
	VMCS_PIN_CONTROLS = 0x4000,
	VMCS_PROC_CONTROLS = 0x4002,
	VMCS_EXCEPTION_BITMAP = 0x4004,
	VMCS_PAGE_FAULT_MASK = 0x4006,
	VMCS_PAGE_FAULT_MATCH = 0x4008,
	VMCS_CR3_TARGET_COUNT = 0x400a,
	VMCS_EXIT_CONTROLS = 0x400c,
	VMCS_EXIT_MSR_STORE_COUNT = 0x400e,
	VMCS_EXIT_MSR_LOAD_COUNT = 0x4010,
	VMCS_ENTRY_CONTROLS = 0x4012,
	VMCS_ENTRY_MSR_LOAD_COUNT = 0x4014,
	VMCS_ENTRY_INTERRUPTION = 0x4016,
	VMCS_ENTRY_ERROR_CODE = 0x4018,
	VMCS_ENTRY_INSTRUCTION_LENGTH = 0x401a,
	VMCS_TPR_THRESHOLD = 0x401c,
	VMCS_PROC2_CONTROLS = 0x401e,
	VMCS_INSTRUCTION_ERROR = 0x4400,
	VMCS_EXIT_REASON = 0x4402,
	VMCS_EXIT_INTERRUPTION = 0x4404,
	VMCS_EXIT_ERROR_CODE = 0x4406,
	VMCS_IDT_VECTORING = 0x4408,
	VMCS_IDT_ERROR_CODE = 0x440a,
	VMCS_EXIT_INSTRUCTION_LENGTH = 0x440c,
	VMCS_GUEST_ES_LIMIT = 0x4800,
	VMCS_GUEST_LDTR_LIMIT = 0x480c,
	VMCS_GUEST_TR_LIMIT = 0x480e,
	VMCS_GUEST_GDTR_LIMIT = 0x4810,
	VMCS_GUEST_IDTR_LIMIT = 0x4812,
	VMCS_GUEST_ES_ACCESS = 0x4814,
	VMCS_GUEST_CS_ACCESS = 0x4816,
	VMCS_GUEST_SS_ACCESS = 0x4818,
	VMCS_GUEST_LDTR_ACCESS = 0x4820,
	VMCS_GUEST_TR_ACCESS = 0x4822,
	VMCS_GUEST_INTERRUPTIBILITY = 0x4824,
	VMCS_GUEST_ACTIVITY = 0x4826,
	VMCS_GUEST_SYSENTER_CS = 0x482a,
	VMCS_PREEMPTION_TIMER = 0x482e,
	VMCS_HOST_SYSENTER_CS = 0x4c00,
	/* natural width */
	VMCS_CR0_MASK = 0x6000,
	VMCS_CR4_MASK = 0x6002,
	VMCS_CR0_SHADOW = 0x6004,
	VMCS_CR4_SHADOW = 0x6006,
	VMCS_EXIT_QUALIFICATION = 0x6400,
	VMCS_GUEST_CR0 = 0x6800,
	VMCS_GUEST_CR3 = 0x6802,
	VMCS_GUEST_CR4 = 0x6804,
	VMCS_GUEST_ES_BASE = 0x6806,
	VMCS_GUEST_FS_BASE = 0x680e,
	VMCS_GUEST_GS_BASE = 0x6810,
	VMCS_GUEST_LDTR_BASE = 0x6812,
	VMCS_GUEST_TR_BASE = 0x6814,
	VMCS_GUEST_GDTR_BASE = 0x6816,
	VMCS_GUEST_IDTR_BASE = 0x6818,
	VMCS_GUEST_DR7 = 0x681a,
	VMCS_GUEST_RSP = 0x681c,
	VMCS_GUEST_RIP = 0x681e,
	VMCS_GUEST_RFLAGS = 0x6820,
	VMCS_GUEST_PENDING_DEBUG = 0x6822,
	VMCS_GUEST_SYSENTER_ESP = 0x6824,
	VMCS_GUEST_SYSENTER_EIP = 0x6826,
	VMCS_HOST_CR0 = 0x6c00,
	VMCS_HOST_CR3 = 0x6c02,
	VMCS_HOST_CR4 = 0x6c04,
	VMCS_HOST_FS_BASE = 0x6c06,
	VMCS_HOST_GS_BASE = 0x6c08,
	VMCS_HOST_TR_BASE = 0x6c0a,
	VMCS_HOST_GDTR_BASE = 0x6c0c,
	VMCS_HOST_IDTR_BASE = 0x6c0e,
	VMCS_HOST_SYSENTER_ESP = 0x6c10,
	VMCS_HOST_SYSENTER_EIP = 0x6c12,
	VMCS_HOST_RSP = 0x6c14,
	VMCS_HOST_RIP = 0x6c16
};
/* ES, CS, SS, DS, FS, GS, LDTR, TR follow each other in this step, in every group. */
#define VMCS_SEGMENT_STEP  2u
#define VMCS_EOI_EXIT_STEP 2u

#define VMCS_NO_LINK       UINT64_MAX /* "VMCS link pointer" without VMCS shadowing */

/* --- "VMX Basic Exit Reasons" --- */
enum vmx_reason {
	REASON_EXCEPTION_OR_NMI = 0,
	REASON_EXTERNAL_INTERRUPT = 1,
	REASON_TRIPLE_FAULT = 2,
	REASON_INIT_SIGNAL = 3,
	REASON_SIPI = 4,
	REASON_IO_SMI = 5,
	REASON_OTHER_SMI = 6,
	REASON_INTERRUPT_WINDOW = 7,
	REASON_NMI_WINDOW = 8,
	REASON_TASK_SWITCH = 9,
	REASON_CPUID = 10,
	REASON_GETSEC = 11,
	REASON_HLT = 12,
	REASON_INVD = 13,
	REASON_INVLPG = 14,
	REASON_RDPMC = 15,
	REASON_RDTSC = 16,
	REASON_RSM = 17,
	REASON_VMCALL = 18,
	REASON_VMCLEAR = 19,
	REASON_VMLAUNCH = 20,
	REASON_VMPTRLD = 21,
	REASON_VMPTRST = 22,
	REASON_VMREAD = 23,
	REASON_VMRESUME = 24,
	REASON_VMWRITE = 25,
	REASON_VMXOFF = 26,
	REASON_VMXON = 27,
	REASON_CR_ACCESS = 28,
	REASON_MOV_DR = 29,
	REASON_IO = 30,
	REASON_RDMSR = 31,
	REASON_WRMSR = 32,
	REASON_ENTRY_GUEST_STATE = 33,
	REASON_ENTRY_MSR_LOADING = 34,
	REASON_MWAIT = 36,
	REASON_MONITOR_TRAP = 37,
	REASON_MONITOR = 39,
	REASON_PAUSE = 40,
	REASON_ENTRY_MACHINE_CHECK = 41,
	REASON_TPR_BELOW_THRESHOLD = 43,
	REASON_APIC_ACCESS = 44,
	REASON_VIRTUALIZED_EOI = 45,
	REASON_EPT_VIOLATION = 48,
	REASON_EPT_MISCONFIGURATION = 49,
	REASON_INVEPT = 50,
	REASON_RDTSCP = 51,
	REASON_PREEMPTION_TIMER = 52,
	REASON_INVVPID = 53,
	REASON_WBINVD = 54,
	REASON_XSETBV = 55,
	REASON_APIC_WRITE = 56,
	REASON_INVPCID = 58,
	REASON_VMFUNC = 59,
	REASON_ENCLS = 60,
	REASON_COUNT = 78
};
#define REASON_ENTRY_FAILED  BIT32(31)
#define REASON_BASIC(reason) ((reason)&0xffffu)

/* "VM-Instruction Error Numbers". */
#define VM_ERROR_LAUNCH_NOT_CLEAR 4u

/* "Format of Interruption-Information"; the same for entry, exit and IDT vectoring. */
#define INTERRUPTION_VALID          BIT32(31)
#define INTERRUPTION_HAS_ERROR_CODE BIT32(11)
#define INTERRUPTION_TYPE(info)     ((info) >> 8 & 7u)
#define INTERRUPTION_OF_TYPE(type)  ((uint32_t)(type) << 8)
#define INTERRUPTION_VECTOR(info)   ((uint8_t)(info))
/* Bit 12 of exits; reserved on entry. In the qualification of EPT violations likewise. */
#define NMI_UNBLOCKED_BY_IRET BIT32(12)
#define INTERRUPTION_REINJECT (INTERRUPTION_VALID | 0xfffu)
enum interruption_type {
	TYPE_EXTERNAL = 0,
	TYPE_NMI = 2,
	TYPE_HARDWARE_EXCEPTION = 3,
	TYPE_SOFTWARE_INTERRUPT = 4,
	TYPE_PRIVILEGED_SOFTWARE_EXCEPTION = 5,
	TYPE_SOFTWARE_EXCEPTION = 6
};

/* "Format of Interruptibility State". */
#define BLOCKING_BY_STI    BIT32(0)
#define BLOCKING_BY_MOV_SS BIT32(1)
#define BLOCKING_BY_NMI    BIT32(3) /* with virtual NMIs: of the guest's own */

/* "Format of Pending-Debug-Exceptions". */
#define PENDING_DEBUG_BS BIT64(14)

/* "Exit Qualification for Debug Exceptions": B0..B3, BD, BS; 16 is RTM, inverted in DR6. */
#define DEBUG_QUALIFICATION_DR6 UINT64_C(0x600f)
#define DEBUG_QUALIFICATION_RTM BIT64(16)

/* "Format of Access Rights". */
#define ACCESS_CODE32   UINT32_C(0xc09b) /* present, DPL 0, execute/read, accessed, D, G */
#define ACCESS_CODE64   UINT32_C(0xa09b) /* the same, L instead of D */
#define ACCESS_DATA32   UINT32_C(0xc093) /* present, DPL 0, read/write, accessed, B, G */
#define ACCESS_CODE16   UINT32_C(0x009b)
#define ACCESS_DATA16   UINT32_C(0x0093)
#define ACCESS_LDT      UINT32_C(0x0082)
#define ACCESS_TSS_BUSY UINT32_C(0x008b)
#define ACCESS_FIELDS   UINT32_C(0xf0ff) /* all but "unusable"; 11:8 are reserved */
#define ACCESS_UNUSABLE BIT32(16)
#define ACCESS_LONG     BIT32(13)
#define ACCESS_DPL(ar)  ((ar) >> 5 & 3u)

/* Vectors: SDM Vol. 3A, "Exceptions and Interrupts". */
#define EXCEPTION_DB  1u
#define EXCEPTION_NMI 2u
#define EXCEPTION_UD  6u
#define EXCEPTION_DF  8u
#define EXCEPTION_GP  13u
#define EXCEPTION_PF  14u
#define EXCEPTION_AC  17u
#define EXCEPTION_MC  18u

/* MSR bitmaps: SDM Vol. 3C, "MSR-Bitmap Address". A set bit makes the access exit. */
#define MSR_BITMAP_READ_LOW   0u
#define MSR_BITMAP_READ_HIGH  1024u
#define MSR_BITMAP_WRITE_LOW  2048u
#define MSR_BITMAP_WRITE_HIGH 3072u
#define MSR_BITMAP_HIGH_FIRST 0xc0000000u
#define MSR_BITMAP_RANGE      0x2000u

/* "Exit Qualification for APIC-Access VM Exits from Linear Accesses and Guest-Physical Accesses". */
#define APIC_ACCESS_OFFSET(q)   ((q)&0xfffu)
#define APIC_ACCESS_TYPE(q)     ((uint32_t)((q) >> 12) & 15u)
#define APIC_ACCESS_WRITE       1u
#define APIC_ACCESS_BY_DELIVERY 3u /* linear access during event delivery */

/* "Guest Interrupt Status": RVI 7:0, SVI 15:8. */
#define INTERRUPT_STATUS(rvi, svi) ((uint32_t)(svi) << 8 | (uint32_t)(rvi))

/* RFLAGS: CF, PF, AF, ZF, SF, OF. SDM Vol. 1, "Status Flags"; Vol. 3A, "System Flags": RF. */
#define ARITHMETIC_FLAGS UINT64_C(0x8d5)
#define RESUME_FLAG      BIT64(16)
