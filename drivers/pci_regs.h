/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers/pci_regs.h - configuration space, registers and bits. Private to drivers/pci*.c and
 * drivers/sriov.c.
 *
 * Source   PCI Express Base Specification, "Configuration Space"; PCI-to-PCI Bridge Architecture
 *	    Specification; PCI Bus Power Management Interface Specification; PCI SIG ECN
 *	    "Advanced Capabilities for Conventional PCI"; the titles below are theirs.
 * Offsets in capabilities are from the capability's first byte.
 */
#pragma once
#include "arch/pci.h"

/* "Common Configuration Space Header Registers" */
#define CFG_VENDOR          0x00u /* r 16 */
#define VENDOR_NONE         0xffffu
#define VENDOR_NOT_READY    0x0001u /* "Configuration RRS Software Visibility" */
#define CFG_DEVICE          0x02u   /* r 16 */
#define CFG_COMMAND         0x04u   /* rw 16 */
#define COMMAND_IO          BIT32(0)
#define COMMAND_MEMORY      BIT32(1)
#define COMMAND_MASTER      BIT32(2)
#define COMMAND_INTX_OFF    BIT32(10)
#define CFG_STATUS          0x06u /* r 16 */
#define STATUS_CAPABILITIES BIT32(4)
#define CFG_REVISION        0x08u /* r 32: 31:8 class code */
#define CFG_CACHE_LINE      0x0cu /* rw 8 */
#define CFG_LATENCY         0x0du /* rw 8 */
#define CFG_HEADER          0x0eu /* r 8 */
#define HEADER_LAYOUT(h)    ((h)&0x7fu)
#define HEADER_MULTI        BIT32(7)
#define LAYOUT_DEVICE       0u
#define LAYOUT_BRIDGE       1u
#define LAYOUT_CARDBUS      2u
#define CFG_BAR(n)          (0x10u + 4 * (n)) /* rw 32 */
#define CFG_CAPABILITIES    0x34u             /* r 8 */
#define CAPABILITY_FIRST    0x40u
#define CFG_INTERRUPT_LINE  0x3cu /* rw 8 */

/* "Base Address Registers" */
#define BAR_IO             BIT32(0)
#define BAR_IO_ADDRESS     UINT32_C(0xfffffffc)
#define BAR_TYPE(b)        ((b) >> 1 & 3u)
#define BAR_TYPE_32        0u
#define BAR_TYPE_1M        1u /* reserved since PCI 3.0 */
#define BAR_TYPE_64        2u
#define BAR_PREFETCHABLE   BIT32(3)
#define BAR_MEMORY_ADDRESS UINT32_C(0xfffffff0)

/* "Type 0 Configuration Space Header" */
#define CFG_SUBSYSTEM 0x2cu /* r 32: vendor, device */
#define CFG_ROM       0x30u /* rw 32 */

/* "Type 1 Configuration Space Header" */
#define CFG_SECONDARY        0x19u /* rw 8 */
#define CFG_SUBORDINATE      0x1au /* rw 8 */
#define CFG_MEMORY_BASE      0x20u /* rw 16; 15:4 are address 31:20, as of all four */
#define CFG_MEMORY_LIMIT     0x22u
#define CFG_PREFETCH_BASE    0x24u /* 3:0: 1, 64-bit addresses */
#define CFG_PREFETCH_LIMIT   0x26u
#define CFG_PREFETCH_BASE_HI 0x28u /* rw 32 */
#define CFG_PREFETCH_LIM_HI  0x2cu /* rw 32 */
#define WINDOW_IS_64(w)      (((w)&0xfu) == 1)
#define WINDOW_ADDRESS(w)    ((uint64_t)((w)&0xfff0u) << 16)
#define CFG_BRIDGE_CONTROL   0x3eu /* rw 16 */
#define BRIDGE_RESET         BIT32(6)

/* Capability IDs */
#define CAP_PM             0x01u
#define CAP_VPD            0x03u
#define CAP_MSI            0x05u
#define CAP_PCIE           0x10u
#define CAP_MSIX           0x11u
#define CAP_AF             0x13u

#define CAP_EXTENDED_FIRST 0x100u
#define CAP_AER            0x0001u
#define CAP_SERIAL         0x0003u
#define CAP_ACS            0x000du
#define CAP_ARI            0x000eu
#define CAP_ATS            0x000fu
#define CAP_SRIOV          0x0010u
#define CAP_PRI            0x0013u
#define CAP_PASID          0x001bu
#define CAP_DPC            0x001du

/* "Power Management Registers" */
#define PM_CONTROL       0x04u /* rw 16 */
#define PM_STATE         0x3u
#define PM_D0            0x0u
#define PM_D3HOT         0x3u
#define PM_NO_SOFT_RESET BIT32(3)
#define PM_STATUS        BIT32(15) /* rw1c */

/* "MSI Capability Structures" */
#define MSI_CONTROL     0x02u /* rw 16 */
#define MSI_ENABLE      BIT32(0)
#define MSI_CAPABLE(c)  ((c) >> 1 & 7u) /* log2 */
#define MSI_CAPABLE_MAX 5u
#define MSI_64          BIT32(7)
#define MSI_MASKS       BIT32(8)

/* "MSI-X Capability and Table Structure" */
#define MSIX_CONTROL     0x02u /* rw 16 */
#define MSIX_COUNT(c)    (((c)&0x7ffu) + 1)
#define MSIX_MASK        BIT32(14)
#define MSIX_ENABLE      BIT32(15)
#define MSIX_TABLE       0x04u /* r 32 */
#define MSIX_PBA         0x08u /* r 32 */
#define MSIX_BAR(r)      ((r)&7u)
#define MSIX_OFFSET(r)   ((r) & ~7u)
#define MSIX_ENTRY_BYTES 16u

/* "PCI Express Capability Structure" */
#define PCIE_FLAGS      0x02u /* r 16 */
#define PCIE_VERSION(f) ((f)&0xfu)
#define PCIE_TYPE(f)    ((f) >> 4 & 0xfu)
#define PCIE_ENDPOINT   0x0u
#define PCIE_ROOT_PORT  0x4u
#define PCIE_UPSTREAM   0x5u
#define PCIE_DOWNSTREAM 0x6u
#define PCIE_TO_PCI     0x7u
#define PCI_TO_PCIE     0x8u
#define PCIE_INTEGRATED 0x9u

#define PCIE_DEVCAP     0x04u /* r 32 */
#define DEVCAP_FLR      BIT32(28)
#define PCIE_DEVCTL     0x08u /* rw 16 */
#define DEVCTL_NO_SNOOP BIT32(11)
#define DEVCTL_FLR      BIT32(15)
#define PCIE_DEVSTA     0x0au /* r 16 */
#define DEVSTA_PENDING  BIT32(5)
#define PCIE_LNKCAP     0x0cu     /* r 32 */
#define LNKCAP_REPORTS  BIT32(20) /* Data Link Layer Link Active Reporting Capable */
#define PCIE_LNKCTL     0x10u     /* rw 16 */
#define PCIE_LNKSTA     0x12u     /* r 16 */
#define LNKSTA_ACTIVE   BIT32(13)
#define PCIE_DEVCAP2    0x24u /* r 32; version 2 on */
#define DEVCAP2_ARI     BIT32(5)
#define PCIE_DEVCTL2    0x28u /* rw 16 */
#define DEVCTL2_ARI     BIT32(5)
#define PCIE_V2_BYTES   0x3cu

/* "Advanced Features Capability" */
#define AF_CAPS       0x03u /* r 8 */
#define AF_PENDS      BIT32(0)
#define AF_RESETS     BIT32(1)
#define AF_CONTROL    0x04u /* w 8 */
#define AF_RESET      BIT32(0)
#define AF_STATUS     0x05u /* r 8 */
#define AF_IS_PENDING BIT32(0)

/* "ACS Extended Capability" */
#define ACS_CAPS     0x04u    /* r 16 */
#define ACS_CONTROL  0x06u    /* rw 16 */
#define ACS_SOURCE   BIT32(0) /* Source Validation */
#define ACS_REQUEST  BIT32(2) /* P2P Request Redirect */
#define ACS_COMPLETE BIT32(3) /* P2P Completion Redirect */
#define ACS_UPSTREAM BIT32(4) /* Upstream Forwarding */
#define ACS_WANTED   (ACS_SOURCE | ACS_REQUEST | ACS_COMPLETE | ACS_UPSTREAM)

/* "ARI Extended Capability" */
#define ARI_NEXT 0x05u /* r 8: Next Function Number; 0: the last */

/* "SR-IOV Extended Capability" */
#define SRIOV_CONTROL 0x08u /* rw 16 */
#define SRIOV_ENABLE  BIT32(0)
#define SRIOV_MEMORY  BIT32(3)
#define SRIOV_ARI     BIT32(4) /* ARI Capable Hierarchy; in the lowest PF only */
#define SRIOV_INITIAL 0x0cu    /* r 16 */
#define SRIOV_TOTAL   0x0eu    /* r 16 */
#define SRIOV_COUNT   0x10u    /* rw 16: NumVFs */
#define SRIOV_OFFSET  0x14u    /* r 16: First VF Offset */
#define SRIOV_STRIDE  0x16u    /* r 16 */
#define SRIOV_DEVICE  0x1au    /* r 16 */
#define SRIOV_PAGES   0x1cu    /* r 32: bit n, 4 KiB << n */
#define SRIOV_PAGE    0x20u    /* rw 32 */
#define SRIOV_PAGE_4K BIT32(0)
#define SRIOV_BAR(n)  (0x24u + 4 * (n)) /* rw 32 */
#define SRIOV_BYTES   0x40u
