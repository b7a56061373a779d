/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers/nvme/nvme_regs.h - registers, commands and data structures of NVM Express controllers.
 *
 * Source   NVM Express Base Specification 2.1, "Controller Properties", "Data Structures",
 *	    "Admin Command Set"; NVM Command Set Specification 1.1, "I/O Commands"; NVMe over PCIe
 *	    Transport Specification 1.1, "Doorbell Registers". Names are theirs.
 * Private to drivers/nvme/ and its tests. Memory is little-endian, as this machine is.
 */
#pragma once
#include "core/lib/base.h"

/* --- "Controller Properties" ---------------------------------------------------------------- */

#define NVME_CAP                0x00                      /* r  64 "Controller Capabilities" */
#define NVME_CAP_MQES(cap)      ((uint32_t)(cap)&0xffffu) /* entries of a queue, 0's based */
#define NVME_CAP_TO(cap)        ((uint32_t)((cap) >> 24) & 0xffu) /* units of 500 ms */
#define NVME_CAP_DSTRD(cap)     ((uint32_t)((cap) >> 32) & 0xfu)  /* doorbells every 4 << this */
#define NVME_CAP_CSS_NVM        BIT64(37)                         /* NVM command set */
#define NVME_CAP_CSS_IOCSS      BIT64(43)                         /* one or more I/O command sets */
#define NVME_CAP_MPSMIN(cap)    ((uint32_t)((cap) >> 48) & 0xfu)  /* pages of 4096 << this */
#define NVME_CAP_CRMS_CRWMS     BIT64(59)                         /* CRTO is there */
#define NVME_VS                 0x08 /* r  32 "Version": 31:16 major, 15:8 minor */
#define NVME_VS_1_1             0x00010100u
#define NVME_CC                 0x14 /* rw 32 "Controller Configuration" */
#define NVME_CC_EN              BIT32(0)
#define NVME_CC_CSS_NVM         (0u << 4)
#define NVME_CC_CSS_IOCSS       (6u << 4)
#define NVME_CC_SHN_MASK        (3u << 14)
#define NVME_CC_SHN_NORMAL      (1u << 14)
#define NVME_CC_IOSQES          (6u << 16) /* 2^6 bytes */
#define NVME_CC_IOCQES          (4u << 20) /* 2^4 bytes */
#define NVME_CSTS               0x1c       /* r  32 "Controller Status" */
#define NVME_CSTS_RDY           BIT32(0)
#define NVME_CSTS_CFS           BIT32(1) /* controller fatal status */
#define NVME_CSTS_SHST_MASK     (3u << 2)
#define NVME_CSTS_SHST_COMPLETE (2u << 2)
#define NVME_AQA                0x24 /* rw 32 "Admin Queue Attributes" */
#define NVME_AQA_SIZES(entries) (((entries)-1u) << 16 | ((entries)-1u))
#define NVME_ASQ                0x28             /* rw 64 */
#define NVME_ACQ                0x30             /* rw 64 */
#define NVME_CRTO               0x68             /* r  32 "Controller Ready Timeouts" */
#define NVME_CRTO_CRWMT(crto)   ((crto)&0xffffu) /* units of 500 ms */
#define NVME_DOORBELLS          0x1000u
#define NVME_SQTDBL(id, dstrd)  (NVME_DOORBELLS + (2u * (id)) * (4u << (dstrd)))
#define NVME_CQHDBL(id, dstrd)  (NVME_DOORBELLS + (2u * (id) + 1u) * (4u << (dstrd)))
/* What a read gives when nobody answers. */
#define NVME_GONE UINT32_MAX

/* --- queue entries -------------------------------------------------------------------------- */

struct nvme_sqe {      /* "Common Command Format" */
	uint32_t cdw0; /* 31:16 CID, 15:14 PSDT, 9:8 fused, 7:0 opcode */
	uint32_t nsid;
	uint32_t cdw2, cdw3;
	uint64_t mptr, prp1, prp2;
	uint32_t cdw10, cdw11, cdw12, cdw13, cdw14, cdw15;
};
_Static_assert(sizeof(struct nvme_sqe) == 64, "NVMe: a submission queue entry has 64 bytes");

struct nvme_cqe { /* "Common Completion Queue Entry Layout" */
	uint32_t dw0, dw1;
	uint32_t dw2; /* 31:16 SQID, 15:0 SQHD */
	uint32_t dw3; /* 31:17 status, 16 phase, 15:0 CID */
};
_Static_assert(sizeof(struct nvme_cqe) == 16, "NVMe: a completion queue entry has 16 bytes");
#define NVME_CQE_SQHD(dw2)   ((uint16_t)(dw2))
#define NVME_CQE_SQID(dw2)   ((uint16_t)((dw2) >> 16))
#define NVME_CQE_CID(dw3)    ((uint16_t)(dw3))
#define NVME_CQE_PHASE(dw3)  ((dw3) >> 16 & 1u)
#define NVME_CQE_STATUS(dw3) ((uint16_t)((dw3) >> 17))

/* Status: 14 do not retry, 13 more, 12:11 retry delay, 10:8 type, 7:0 code. */
#define NVME_STATUS_CODE(s)       ((s)&0x7ffu) /* type and code */
#define NVME_STATUS_DNR           0x4000u
#define NVME_SC_SUCCESS           0x000u
#define NVME_SC_INVALID_OPCODE    0x001u
#define NVME_SC_INVALID_FIELD     0x002u
#define NVME_SC_INVALID_NAMESPACE 0x00bu
#define NVME_SC_LBA_RANGE         0x080u
#define NVME_SC_CQ_INVALID        0x100u
#define NVME_SC_QID_INVALID       0x101u
#define NVME_SC_QUEUE_SIZE        0x102u
#define NVME_SC_INVALID_LOG       0x109u
#define NVME_SC_NS_ATTACHED       0x118u
#define NVME_SC_NS_PRIVATE        0x119u
#define NVME_SC_CTRL_LIST         0x11cu
#define NVME_SC_CONTROLLER_ID     0x11fu
#define NVME_SC_SECONDARY_STATE   0x120u
#define NVME_SC_RESOURCE_COUNT    0x121u
#define NVME_SC_RESOURCE_ID       0x122u

/* --- "Admin Command Set" --------------------------------------------------------------------- */

#define NVME_ADMIN_CREATE_SQ       0x01u
#define NVME_ADMIN_GET_LOG_PAGE    0x02u
#define NVME_ADMIN_CREATE_CQ       0x05u
#define NVME_ADMIN_IDENTIFY        0x06u
#define NVME_ADMIN_SET_FEATURES    0x09u
#define NVME_ADMIN_NS_ATTACHMENT   0x15u
#define NVME_ADMIN_VIRTUALIZATION  0x1cu

#define NVME_CNS_NAMESPACE         0x00u
#define NVME_CNS_CONTROLLER        0x01u
#define NVME_CNS_ACTIVE_NAMESPACES 0x02u
#define NVME_CNS_PRIMARY_CAPS      0x14u
#define NVME_CNS_SECONDARY_LIST    0x15u
#define NVME_FEATURE_QUEUES        0x07u
#define NVME_QUEUE_CONTIGUOUS      BIT32(0)
#define NVME_LOG_SMART             0x02u
#define NVME_SMART_BYTES           512u
#define NVME_NSID_ALL              UINT32_MAX

/* "Identify Controller Data Structure", byte offsets */
#define NVME_IDC_SN              4u
#define NVME_IDC_MN              24u
#define NVME_IDC_FR              64u
#define NVME_IDC_MDTS            77u
#define NVME_IDC_CNTLID          78u
#define NVME_IDC_VER             80u
#define NVME_IDC_RTD3E           88u /* us */
#define NVME_IDC_CNTRLTYPE       111u
#define NVME_IDC_OACS            256u
#define NVME_OACS_NS_MANAGEMENT  BIT32(3)
#define NVME_OACS_VIRTUALIZATION BIT32(7)
#define NVME_IDC_SQES            512u
#define NVME_IDC_CQES            513u
#define NVME_IDC_NN              516u
#define NVME_IDC_ONCS            520u
#define NVME_ONCS_DSM            BIT32(2)
#define NVME_ONCS_WRITE_ZEROES   BIT32(3)
#define NVME_IDC_VWC             525u
#define NVME_CNTLID_MAX          0xffefu

/* "Identify Namespace Data Structure, NVM Command Set" */
#define NVME_IDN_NSZE    0u
#define NVME_IDN_NLBAF   25u
#define NVME_IDN_FLBAS   26u
#define NVME_IDN_DPS     29u
#define NVME_IDN_LBAF(i) (128u + 4u * (i)) /* 15:0 metadata, 23:16 log2 of block */

/* "Primary Controller Capabilities Structure": VQ at 32, VI at 64 with the same layout */
#define NVME_PCC_CNTLID          0u
#define NVME_PCC_CRT             4u /* bit 0 VQ, bit 1 VI resources are supported */
#define NVME_PCC_RESOURCES(type) (32u + 32u * (type))
#define NVME_PCC_FRT             0u  /* 32 flexible total */
#define NVME_PCC_RFA             4u  /* 32 assigned to secondaries */
#define NVME_PCC_RFAP            8u  /* 16 allocated to the primary */
#define NVME_PCC_PRT             10u /* 16 private */
#define NVME_PCC_FRSM            12u /* 16 most of a secondary */
#define NVME_PCC_GRAN            14u /* 16 preferred granularity */

/* "Secondary Controller List" */
#define NVME_SCL_COUNT      0u
#define NVME_SCL_ENTRY(i)   (32u + 32u * (i))
#define NVME_SCL_ENTRIES    127u
#define NVME_SCE_SCID       0u
#define NVME_SCE_PCID       2u
#define NVME_SCE_SCS        4u
#define NVME_SCE_SCS_ONLINE 1u
#define NVME_SCE_VFN        8u
#define NVME_SCE_NVQ        10u
#define NVME_SCE_NVI        12u

/* "Virtualization Management command": CDW10 31:16 CNTLID, 10:8 type, 3:0 action; CDW11 15:0 NR */
#define NVME_VM_VQ                          0u
#define NVME_VM_VI                          1u
#define NVME_VM_PRIMARY                     0x1u
#define NVME_VM_OFFLINE                     0x7u
#define NVME_VM_ASSIGN                      0x8u
#define NVME_VM_ONLINE                      0x9u
#define NVME_VM_CDW10(cntlid, type, action) ((uint32_t)(cntlid) << 16 | (type) << 8 | (action))

/* "SMART / Health Information" */
#define NVME_SMART_WARNING          0u
#define NVME_SMART_TEMPERATURE      1u
#define NVME_SMART_SPARE            3u
#define NVME_SMART_SPARE_THRESHOLD  4u
#define NVME_SMART_USED             5u
#define NVME_SMART_UNITS_READ       32u
#define NVME_SMART_UNITS_WRITTEN    48u
#define NVME_SMART_POWER_CYCLES     112u
#define NVME_SMART_POWER_ON_HOURS   128u
#define NVME_SMART_UNSAFE_SHUTDOWNS 144u
#define NVME_SMART_MEDIA_ERRORS     160u

/* --- NVM command set -------------------------------------------------------------------------- */

#define NVME_IO_FLUSH        0x00u
#define NVME_IO_WRITE        0x01u
#define NVME_IO_READ         0x02u
#define NVME_IO_WRITE_ZEROES 0x08u
#define NVME_IO_DSM          0x09u
#define NVME_IO_FUA          BIT32(30) /* CDW12 */
#define NVME_DSM_DEALLOCATE  BIT32(2)  /* CDW11 */

struct nvme_dsm_range { /* "Dataset Management, Range Definition" */
	uint32_t attributes, blocks;
	uint64_t lba;
};
_Static_assert(sizeof(struct nvme_dsm_range) == 16, "NVMe: a range definition has 16 bytes");
