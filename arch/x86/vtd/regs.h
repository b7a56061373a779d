/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vtd/regs.h - VT-d registers and the words of its structures in memory, legacy mode.
 *
 * Source   Intel Virtualization Technology for Directed I/O, Architecture Specification, rev. 4.1:
 *	    "Register Descriptions", "Remapping Structure Formats",
 *	    "Invalidation Descriptors". Columns: name, offset, access, bits, the register's title.
 */
#pragma once
#include "core/lib/base.h"

/* clang-format off */
#define VTD_VER			0x000u	/* r  32 "Version Register" */

#define VTD_CAP			0x008u	/* r  64 "Capability Register" */
#define   VTD_CAP_ND(cap)	(4 + 2 * ((uint32_t)(cap) & 7))	/* 2:0, bits of a domain ID */
#define   VTD_CAP_RWBF		BIT64(4)	/* required write-buffer flushing */
#define   VTD_CAP_PLMR		BIT64(5)	/* protected low-memory region */
#define   VTD_CAP_PHMR		BIT64(6)	/* protected high-memory region */
#define   VTD_CAP_CM		BIT64(7)	/* caching mode */
#define   VTD_CAP_SAGAW_39	BIT64(9)	/* 12:8, three levels */
#define   VTD_CAP_SAGAW_48	BIT64(10)	/* four levels */
#define   VTD_CAP_MGAW(cap)	(((uint32_t)((cap) >> 16) & 0x3f) + 1)	/* 21:16, address bits */
#define   VTD_CAP_FRO(cap)	(((uint32_t)((cap) >> 24) & 0x3ff) * 16) /* 33:24, fault records */
#define   VTD_CAP_SLLPS_2M	BIT64(34)
#define   VTD_CAP_SLLPS_1G	BIT64(35)
#define   VTD_CAP_NFR(cap)	(((uint32_t)((cap) >> 40) & 0xff) + 1)	/* 47:40, how many */
#define   VTD_CAP_DWD		BIT64(54)	/* write draining */
#define   VTD_CAP_DRD		BIT64(55)	/* read draining */
#define   VTD_CAP_PI		BIT64(59)	/* posted interrupts */

#define VTD_ECAP		0x010u	/* r  64 "Extended Capability Register" */
#define   VTD_ECAP_C		BIT64(0)	/* page walks are coherent */
#define   VTD_ECAP_QI		BIT64(1)	/* queued invalidation */
#define   VTD_ECAP_IR		BIT64(3)	/* interrupt remapping */
#define   VTD_ECAP_EIM		BIT64(4)	/* x2APIC destinations */
#define   VTD_ECAP_SC		BIT64(7)	/* snoop control */
#define   VTD_ECAP_IRO(ecap)	(((uint32_t)((ecap) >> 8) & 0x3ff) * 16) /* 17:8, IOTLB registers */

#define VTD_GCMD		0x018u	/* w  32 "Global Command Register" */
#define VTD_GSTS		0x01cu	/* r  32 "Global Status Register": the same bits */
#define   VTD_G_TE		BIT32(31)	/* translation enable */
#define   VTD_G_SRTP		BIT32(30)	/* set root table pointer; one-shot */
#define   VTD_G_SFL		BIT32(29)	/* set fault log; one-shot */
#define   VTD_G_WBF		BIT32(27)	/* write buffer flush; one-shot; status: in progress */
#define   VTD_G_QIE		BIT32(26)	/* queued invalidation enable */
#define   VTD_G_IRE		BIT32(25)	/* interrupt remapping enable */
#define   VTD_G_SIRTP		BIT32(24)	/* set interrupt remap table pointer; one-shot */
#define   VTD_G_CFI		BIT32(23)	/* compatibility format interrupts pass */
#define   VTD_G_ONE_SHOT	(VTD_G_SRTP | VTD_G_SFL | VTD_G_WBF | VTD_G_SIRTP)

#define VTD_RTADDR		0x020u	/* rw 64 "Root Table Address Register" */
#define   VTD_RTADDR_TTM	(UINT64_C(3) << 10)	/* translation table mode; 0: legacy */

#define VTD_CCMD		0x028u	/* rw 64 "Context Command Register" */
#define   VTD_CCMD_ICC		BIT64(63)	/* invalidate; reads 1 until it is done */
#define   VTD_CCMD_GLOBAL	(UINT64_C(1) << 61)	/* 62:61, granularity */
#define   VTD_CCMD_DOMAIN	(UINT64_C(2) << 61)
#define   VTD_CCMD_DEVICE	(UINT64_C(3) << 61)
#define   VTD_CCMD_SID_SHIFT	16	/* 31:16; 15:0 domain ID */
#define   VTD_CCMD_CAIG(v)	((uint32_t)((v) >> 59) & 3)	/* what was done; 0: nothing */

#define VTD_FSTS		0x034u	/* rw 32 "Fault Status Register" */
#define   VTD_FSTS_PFO		BIT32(0)	/* primary fault overflow; RW1C */
#define   VTD_FSTS_PPF		BIT32(1)	/* primary pending fault */
#define   VTD_FSTS_IQE		BIT32(4)	/* invalidation queue error; RW1C */
#define   VTD_FSTS_ICE		BIT32(5)	/* invalidation completion error; RW1C */
#define   VTD_FSTS_ITE		BIT32(6)	/* invalidation time-out error; RW1C */
#define   VTD_FSTS_FRI(v)	((v) >> 8 & 0xff)	/* 15:8, first pending record */
#define   VTD_FSTS_QUEUE	(VTD_FSTS_IQE | VTD_FSTS_ICE | VTD_FSTS_ITE)

#define VTD_FECTL		0x038u	/* rw 32 "Fault Event Control Register" */
#define VTD_IECTL		0x0a0u	/* rw 32 "Invalidation Event Control Register" */
#define   VTD_EVENT_IM		BIT32(31)	/* both: interrupt mask */

#define VTD_PMEN		0x064u	/* rw 32 "Protected Memory Enable Register" */
#define   VTD_PMEN_EPM		BIT32(31)	/* enable */
#define   VTD_PMEN_PRS		BIT32(0)	/* status */

#define VTD_IQH			0x080u	/* r  64 "Invalidation Queue Head Register" */
#define VTD_IQT			0x088u	/* rw 64 "Invalidation Queue Tail Register": 18:4 */
#define   VTD_IQ_SHIFT		4
#define VTD_IQA			0x090u	/* rw 64 "Invalidation Queue Address Register"; 2:0 QS */
#define VTD_IRTA		0x0b8u	/* rw 64 "Interrupt Remapping Table Address Register" */
#define   VTD_IRTA_EIME		BIT64(11)	/* destinations of 32 bits */
#define   VTD_IRTA_S(log2)	((uint64_t)((log2) - 1))	/* 3:0, 2^(S+1) entries */

/* At ECAP.IRO */
#define VTD_IOTLB		0x008u	/* rw 64 "IOTLB Invalidate Register" */
#define   VTD_IOTLB_IVT		BIT64(63)	/* invalidate; reads 1 until it is done */
#define   VTD_IOTLB_GLOBAL	(UINT64_C(1) << 60)	/* 61:60, granularity */
#define   VTD_IOTLB_DOMAIN	(UINT64_C(2) << 60)
#define   VTD_IOTLB_IAIG(v)	((uint32_t)((v) >> 57) & 3)	/* what was done; 0: nothing */
#define   VTD_IOTLB_DR		BIT64(49)	/* drain reads */
#define   VTD_IOTLB_DW		BIT64(48)	/* drain writes */
#define   VTD_IOTLB_DID_SHIFT	32	/* 47:32 */
#define   VTD_IOTLB_BYTES	16u

/* At CAP.FRO, 16 bytes each: "Fault Recording Registers" */
#define   VTD_FRCD_BYTES	16u
#define   VTD_FRCD_HIGH		8u	/* bits 127:64 */
#define   VTD_FRCD_TOP		12u	/* bits 127:96 */
#define   VTD_FRCD_F		BIT32(31)	/* of the top: there is a fault; RW1C */
#define   VTD_FRCD_HI_SID(hi)	((uint16_t)(hi))	/* 79:64 */
#define   VTD_FRCD_HI_T2	BIT64(28)	/* 92: with T1 1, an atomic operation; 0, a page request */
#define   VTD_FRCD_HI_FR(hi)	((uint8_t)((hi) >> 32))	/* 103:96, fault reason */
#define   VTD_FRCD_HI_T1	BIT64(62)	/* 126: a read */
#define   VTD_FRCD_HI_F		BIT64(63)
#define   VTD_FRCD_INDEX_SHIFT	48	/* of the low word: 63:48, interrupt index */

/* "Fault Conditions": the first of interrupt remapping */
#define VTD_REASON_INTERRUPT	0x20u
#define VTD_REASON_INTERRUPT_LAST 0x28u

/* "Root Entry", "Context Entry", "Second-Level Paging Entries" */
#define VTD_ROOT_P		BIT64(0)
#define VTD_CONTEXT_LO_P	BIT64(0)
#define VTD_CONTEXT_HI_AW(levels) ((uint64_t)((levels) - 2))	/* 66:64 */
#define VTD_CONTEXT_HI_DID_SHIFT 8	/* 87:72 */
#define VTD_SL_SNP		BIT64(11)	/* leaf, where ECAP.SC: snooped whatever the device asks */
struct vtd_entry {
	uint64_t lo, hi;
};
_Static_assert(sizeof(struct vtd_entry) == 16, "root, context, interrupt entries, descriptors");

/* "Invalidation Descriptors", 128 bits */
#define VTD_IQ_CONTEXT		UINT64_C(1)	/* 3:0, type */
#define VTD_IQ_IOTLB		UINT64_C(2)
#define VTD_IQ_INTERRUPT	UINT64_C(4)
#define VTD_IQ_WAIT		UINT64_C(5)
#define VTD_IQ_GLOBAL		(UINT64_C(1) << 4)	/* 5:4, granularity of the first two */
#define VTD_IQ_DOMAIN		(UINT64_C(2) << 4)
#define VTD_IQ_DEVICE		(UINT64_C(3) << 4)
#define VTD_IQ_DID_SHIFT	16	/* 31:16 */
#define VTD_IQ_CONTEXT_SID_SHIFT 32	/* 47:32 */
#define VTD_IQ_IOTLB_DW		BIT64(6)
#define VTD_IQ_IOTLB_DR		BIT64(7)
#define VTD_IQ_INTERRUPT_INDEX	BIT64(4)	/* else global */
#define VTD_IQ_INTERRUPT_IIDX_SHIFT 32	/* 47:32 */
#define VTD_IQ_WAIT_SW		BIT64(5)	/* write status */
#define VTD_IQ_WAIT_FN		BIT64(6)	/* fence: what comes later begins after it */
#define VTD_IQ_WAIT_DATA_SHIFT	32	/* 63:32 */

/* "Interrupt Remapping Table Entry (IRTE) for Remapped Interrupts", "... Posted Interrupts" */
#define VTD_IRTE_LO_P		BIT64(0)
#define VTD_IRTE_LO_IM		BIT64(15)	/* posted */
#define VTD_IRTE_LO_V_SHIFT	16	/* 23:16 */
#define VTD_IRTE_LO_DST_SHIFT	32	/* 63:32; xAPIC: 47:40 */
#define VTD_IRTE_LO_DST_XAPIC_SHIFT 40
#define VTD_IRTE_LO_PDAL_SHIFT	32	/* 63:38 are bits 31:6 of the descriptor's address */
#define VTD_IRTE_LO_PDAL_MASK	UINT64_C(0xffffffc0)
#define VTD_IRTE_HI_SVT_SID	(UINT64_C(1) << 18)	/* 83:82; SQ 81:80 = 0: all 16 bits count */
#define VTD_IRTE_HI_PDAH_MASK	UINT64_C(0xffffffff00000000)	/* 127:96 are its bits 63:32 */

/* "Interrupt Requests in Remappable Format": the message of a device */
#define VTD_MSI_ADDRESS		UINT64_C(0xfee00000)
#define VTD_MSI_REMAPPABLE	BIT64(4)
#define VTD_MSI_SHV		BIT64(3)	/* the data's low 16 bits are added to the handle */
#define VTD_MSI_HANDLE_LOW_SHIFT 5	/* 19:5 are bits 14:0 */
#define VTD_MSI_HANDLE_HIGH_SHIFT 2	/* 2 is bit 15 */
/* clang-format on */
