/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/cpuid_bits.h - what cpuid.c calls the bits, leaf by leaf, and which are for guests.
 *
 * Source   SDM Vol. 2A, "CPUID-CPU Identification". APM Vol. 3, "Obtaining Processor
 *	    Information Via the CPUID Instruction". Linux, "KVM CPUID bits".
 */
#pragma once
#include "core/lib/base.h"

#define B(n) BIT32(n)

/*
 * 01H:ECX. Not offered: DTES64, MONITOR, DS-CPL, VMX, SMX, EIST, TM2, CNXT-ID, SDBG, xTPR, PDCM,
 * DCA. OSXSAVE is added per call.
 */
#define F1_SSE3       B(0)
#define F1_PCLMUL     B(1)
#define F1_SSSE3      B(9)
#define F1_FMA        B(12)
#define F1_CX16       B(13)
#define F1_PCID       B(17)
#define F1_SSE41      B(19)
#define F1_SSE42      B(20)
#define F1_X2APIC     B(21)
#define F1_MOVBE      B(22)
#define F1_POPCNT     B(23)
#define F1_DEADLINE   B(24)
#define F1_AES        B(25)
#define F1_XSAVE      B(26)
#define F1_OSXSAVE    B(27)
#define F1_AVX        B(28)
#define F1_F16C       B(29)
#define F1_RDRAND     B(30)
#define F1_HYPERVISOR B(31)
#define F1_ECX_PASS \
	(F1_SSE3 | F1_PCLMUL | F1_SSSE3 | F1_FMA | F1_CX16 | F1_PCID | F1_SSE41 | F1_SSE42 | \
	 F1_MOVBE | F1_POPCNT | F1_AES | F1_XSAVE | F1_AVX | F1_F16C | F1_RDRAND)
#define F1_ECX_SET   (F1_X2APIC | F1_DEADLINE | F1_HYPERVISOR)
#define F1_NEEDS_AVX (F1_FMA | F1_AVX | F1_F16C)

/*
 * 01H:EDX, and 80000001H:EDX of AMD, which repeats it. Offered: FPU VME DE PSE TSC MSR PAE CX8 SEP
 * PGE CMOV PAT PSE36 CLFSH MMX FXSR SSE SSE2 SS; MCE and MCA, with no bank that could report.
 * Not: PSN DS ACPI TM PBE. Per vCPU: APIC, MTRR, HTT.
 */
#define F1_APIC B(9)
#define F1_MTRR B(12)
#define F1_HTT  B(28)
#define F1_COMMON \
	(B(0) | B(1) | B(2) | B(3) | B(4) | B(5) | B(6) | B(7) | B(8) | B(13) | B(14) | B(15) | \
	 B(16) | B(17) | B(23) | B(24))
#define F1_EDX_PASS (F1_COMMON | B(11) | B(19) | B(25) | B(26) | B(27))

/*
 * 07H.0:EBX. Offered: FSGSBASE BMI1 AVX2 FDP_EXCPTN SMEP BMI2 ERMS INVPCID FCS_FDS RDSEED ADX
 * SMAP CLFLUSHOPT CLWB SHA and AVX-512. Not: SGX HLE RTM RDT MPX PT. Per vCPU: TSC_ADJUST.
 */
#define F7_TSC_ADJUST B(1)
#define F7_AVX2       B(5)
#define F7_EBX_AVX512 (B(16) | B(17) | B(21) | B(26) | B(27) | B(28) | B(30) | B(31))
#define F7_EBX_PASS \
	(B(0) | B(3) | F7_AVX2 | B(6) | B(7) | B(8) | B(9) | B(10) | B(13) | B(18) | B(19) | \
	 B(20) | B(23) | B(24) | B(29) | F7_EBX_AVX512)
/*
 * 07H.0:ECX. Offered: PREFETCHWT1 UMIP PKU GFNI VAES VPCLMULQDQ RDPID CLDEMOTE MOVDIRI MOVDIR64B
 * and AVX-512. Not: WAITPKG CET TME LA57 MPX KL BUS_LOCK ENQCMD SGX_LC PKS.
 */
#define F7_PKU        B(3)
#define F7_OSPKE      B(4)
#define F7_ECX_AVX    (B(9) | B(10))
#define F7_ECX_AVX512 (B(1) | B(6) | B(11) | B(12) | B(14))
#define F7_ECX_PASS \
	(B(0) | B(2) | F7_PKU | B(8) | B(22) | B(25) | B(27) | B(28) | F7_ECX_AVX | F7_ECX_AVX512)
/*
 * 07H.0:EDX. Offered: FSRM MD_CLEAR SERIALIZE ARCH_CAPABILITIES and AVX-512. Not: what needs
 * IA32_SPEC_CTRL (IBRS with IBPB, STIBP, SSBD), for it would have to be switched at every exit;
 * L1D_FLUSH, CORE_CAPABILITIES, HYBRID, CET, AMX, PCONFIG, TSXLDTRK. IBPB alone: 80000008H.
 */
#define F7_EDX_AVX512 (B(2) | B(3) | B(8) | B(23))
#define F7_SPEC_CTRL  B(26)
#define F7_ARCH_CAPS  B(29)
#define F7_EDX_PASS   (B(4) | B(10) | B(14) | F7_ARCH_CAPS | F7_EDX_AVX512)
/* 07H.1:EAX. Offered: AVX-VNNI, AVX512_BF16, fast short REP forms. */
#define F71_AVX      B(4)
#define F71_AVX512   B(5)
#define F71_EAX_PASS (F71_AVX | F71_AVX512 | B(10) | B(11) | B(12))

/*
 * 80000001H. ECX offered: LAHF64 ABM SSE4A MISALIGNSSE PREFETCHW XOP FMA4 TBM. Not: SVM EXTAPIC
 * ALTMOVCR8 OSVW IBS SKINIT WDT LWP TCE NODEID TOPOEXT PERF* MONITORX. Per vCPU, on AMD: CMPLEGACY.
 * EDX offered: SYSCALL NX MMXEXT 1GB RDTSCP LM 3DNOW. Not: FFXSR.
 */
#define X1_NX        B(20)
#define X1_CMPLEGACY B(1)
#define X1_ECX_AVX   (B(11) | B(16))
#define X1_ECX_PASS  (B(0) | B(5) | B(6) | B(7) | B(8) | B(21) | X1_ECX_AVX)
#define X1_EDX_PASS \
	(F1_COMMON | F1_APIC | B(11) | X1_NX | B(22) | B(26) | B(27) | B(29) | B(30) | B(31))

#define F4_EAX_PASS      UINT32_C(0x00003fff) /* not how many share it, 25:14, 31:26 */
#define F4_TYPE          UINT32_C(0x1f)       /* 0: no more caches */
#define F4_LEVEL(eax)    ((eax) >> 5 & 7)
#define F4_SHARING_AT    14
#define F4_CORES_AT      26
#define F6_ARAT          B(2) /* the timer never stops */
#define FD1_XSAVEOPT     B(0)
#define FD1_XSAVEC       B(1)
#define FD1_XGETBV1      B(2)
#define FD1_PASS         (FD1_XSAVEOPT | FD1_XSAVEC | FD1_XGETBV1) /* not XSAVES, XFD */
#define X7_INVARIANT_TSC B(8)
#define X8_CLZERO        B(0)
#define X8_XSAVEERPTR    B(2)
#define X8_IBPB          B(12)
#define X8_FACTS         (B(26) | B(29) | B(30)) /* SSB_NO, BTC_NO, IBPB_RET */
#define X8_LINEAR        (UINT32_C(48) << 8)     /* LA57 is not offered */
#define X8_PHYSICAL      UINT32_C(0xff)
#define X8_ID_SIZE_AT    12
#define X8_PHYSICAL_MAX  48u /* four levels of nested tables */
#define X8_PHYSICAL_MIN  36u /* where the host does not say */
/* LFENCE serializes, null selectors clear bases, IBPB flushes types, not open to SRSO. */
#define X21_FACTS (B(2) | B(6) | B(28) | B(29))

/* ---- Leaves ---- */

#define LEAF_COUNT        0x20u
#define EXTENDED          UINT32_C(0x80000000)
#define EXTENDED_COUNT    0x22u
#define EXTENDED_MIN      8u
#define BASIC_MIN         0xbu  /* x2APIC is offered, so its topology leaf is */
#define BASIC_MIN_INTEL   0x16u /* and our clock, where systems look for it */

#define HYPERVISOR        UINT32_C(0x40000000)
#define HYPERVISOR_TIMING UINT32_C(0x40000010)
#define HYPERVISOR_KVM    UINT32_C(0x40000100)
#define HYPERVISOR_RANGE  0x200u
/* Linux, "KVM CPUID bits". Not: CLOCKSOURCE*, ASYNC_PF, PV_EOI, PV_UNHALT, and hypercalls. */
#define KVM_NOP_IO_DELAY   B(1)
#define KVM_STEAL_TIME     B(5)
#define KVM_POLL_CONTROL   B(12)
#define KVM_HINT_REALTIME  B(0)

#define LEAF_FEATURES      0x1u
#define LEAF_CACHES        0x4u
#define LEAF_MORE_FEATURES 0x7u
#define LEAF_TOPOLOGY      0xbu
#define LEAF_XSAVE         0xdu
#define LEAF_TSC           0x15u
#define LEAF_FREQUENCY     0x16u
#define LEAF_TOPOLOGY_V2   0x1fu
#define LEAF_EXTENDED_1    UINT32_C(0x80000001)
#define LEAF_EXTENDED_8    UINT32_C(0x80000008)

#define CACHE_COUNT        8u
#define COMPONENT_COUNT    10u  /* XCR0 bits 9:0 */
#define XSAVE_LEGACY_BYTES 576u /* SDM Vol. 1, "XSAVE Area": legacy region and header */

/* XCR0: SDM Vol. 1, "Extended Control Registers". */
#define XCR0_AVX    BIT64(2)
#define XCR0_AVX512 (BIT64(5) | BIT64(6) | BIT64(7))
