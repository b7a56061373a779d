/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/net/igbvf_regs.h - registers and descriptors of a virtual function of the 82576.
 *
 * Source   Intel 82576EB Gigabit Ethernet Controller Datasheet, "Virtual Function Device",
 *	    "Advanced Receive Descriptors", "Advanced Transmit Data Descriptor".
 *	    Access: r, w, rw, rc (a read clears). Queue 0 only.
 */
#pragma once

#define IGBVF_BIT(n)          (1u << (n))

#define IGBVF_CTRL            0x0000u /* rw "VF Control Register" */
#define IGBVF_CTRL_RST        IGBVF_BIT(26)
#define IGBVF_STATUS          0x0008u /* r  "VF Status Register" */
#define IGBVF_STATUS_LU       IGBVF_BIT(1)
#define IGBVF_VMBMEM(n)       (0x0800u + 4u * (n)) /* rw "VF Mailbox Memory", 16 words */
#define IGBVF_VMBMEM_WORDS    16u
#define IGBVF_MAILBOX         0x0c40u      /* rw "VF Mailbox" */
#define IGBVF_MAILBOX_REQ     IGBVF_BIT(0) /* w: there is a message for the PF */
#define IGBVF_MAILBOX_ACK     IGBVF_BIT(1) /* w: the PF's message has been read */
#define IGBVF_MAILBOX_VFU     IGBVF_BIT(2) /* ours; a write without it lets go */
#define IGBVF_MAILBOX_PFSTS   IGBVF_BIT(4) /* rc: there is a message for us */
#define IGBVF_MAILBOX_PFACK   IGBVF_BIT(5) /* rc: the PF has read ours */
#define IGBVF_MAILBOX_RSTI    IGBVF_BIT(6) /* the PF is in its reset */
#define IGBVF_MAILBOX_RSTD    IGBVF_BIT(7) /* rc: it was, and has come out of it */

#define IGBVF_EICS            0x1520u /* w  "VF Extended Interrupt Cause Set" */
#define IGBVF_EIMS            0x1524u /* rw "VF Extended Interrupt Mask Set/Read" */
#define IGBVF_EIMC            0x1528u /* w  "VF Extended Interrupt Mask Clear" */
#define IGBVF_EIAC            0x152cu /* rw "VF Extended Interrupt Auto Clear" */
#define IGBVF_EIAM            0x1530u /* rw "VF Extended Interrupt Auto Mask Enable" */
#define IGBVF_IVAR            0x1700u /* rw "VF Interrupt Vector Allocation Registers" */
#define IGBVF_IVAR_RX(vector) ((vector) | 0x80u)

#define IGBVF_RDBAL           0x2800u /* rw "Receive Descriptor Base Address Low" */
#define IGBVF_RDBAH           0x2804u
#define IGBVF_RDLEN           0x2808u
#define IGBVF_SRRCTL          0x280cu       /* rw "Split and Replication Receive Control" */
#define IGBVF_SRRCTL_KIB(n)   (n)           /* 6:0 packet buffer size */
#define IGBVF_SRRCTL_ADVANCED IGBVF_BIT(25) /* 27:25 advanced descriptor, one buffer */
#define IGBVF_SRRCTL_DROP     IGBVF_BIT(31) /* without descriptors, drop and hold up nobody */
#define IGBVF_RDH             0x2810u
#define IGBVF_RDT             0x2818u
#define IGBVF_RXDCTL          0x2828u /* rw "Receive Descriptor Control" */
#define IGBVF_TDBAL           0x3800u /* rw "Transmit Descriptor Base Address Low" */
#define IGBVF_TDBAH           0x3804u
#define IGBVF_TDLEN           0x3808u
#define IGBVF_TDH             0x3810u
#define IGBVF_TDT             0x3818u
#define IGBVF_TXDCTL          0x3828u /* rw "Transmit Descriptor Control" */
#define IGBVF_TDWBAL          0x3838u /* rw "Transmit Descriptor Completion Write-Back Address" */
#define IGBVF_TDWBAL_ENABLE   IGBVF_BIT(0)
#define IGBVF_TDWBAH          0x383cu
#define IGBVF_DCTL_WTHRESH(n) ((n) << 16) /* descriptors until they are written back */
#define IGBVF_DCTL_ENABLE     IGBVF_BIT(25)

/* Receive: lo, hi = packet address, 0; written back hi: status 19:0, length 47:32. */
#define IGBVF_RX_DONE      (UINT64_C(1) << 0)
#define IGBVF_RX_LAST      (UINT64_C(1) << 1)
#define IGBVF_RX_BYTES(hi) ((uint32_t)((hi) >> 32 & 0xffff))
#define IGBVF_RX_ERROR     (UINT64_C(1) << 31) /* RXE */
/* Transmit: lo = address, hi = length, type and command, and the packet's length at 63:46. */
#define IGBVF_TX_DATA          (UINT64_C(3) << 20)
#define IGBVF_TX_LAST          (UINT64_C(1) << 24)
#define IGBVF_TX_CRC           (UINT64_C(1) << 25)
#define IGBVF_TX_REPORT        (UINT64_C(1) << 27)
#define IGBVF_TX_ADVANCED      (UINT64_C(1) << 29)
#define IGBVF_TX_PACKET(bytes) ((uint64_t)(bytes) << 46)
#define IGBVF_TX_DONE          (UINT64_C(1) << 32)
