/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/memnic_regs.h - registers and descriptors of an 82576's virtual function, as io/memnic.h has them.
 *
 * Model    Registers are words of plain memory. Access as the guest sees it: r, w, rw; "w1" ones are
 *	    taken out again by the device, so that a 1 written is an order and reads as 0 later.
 * Source   Intel 82576EB Gigabit Ethernet Controller Datasheet, "Virtual Function Device", "Advanced
 *	    Receive Descriptors", "Advanced Transmit Data Descriptor".
 * Units    Bytes.
 * Errors   None.
 * Sharing  Constants; private to io/memnic*.c and their tests.
 */
#pragma once
#include "core/lib/base.h"

#define REG_CTRL       0x0000u /* w1 "VF Control Register" */
#define CTRL_RST       BIT32(26)
#define REG_STATUS     0x0008u  /* r  "VF Status Register" */
#define STATUS_FD      BIT32(0) /* full duplex */
#define STATUS_LU      BIT32(1) /* link up */
#define STATUS_1000    BIT32(7) /* 7:6 */
#define REG_VMBMEM     0x0800u  /* rw "VF Mailbox Memory", 16 words */
#define REG_MAILBOX    0x0c40u  /* rw "VF Mailbox" */
#define MAILBOX_REQ    BIT32(0)
#define MAILBOX_ACK    BIT32(1)
#define MAILBOX_PFSTS  BIT32(4)
#define MAILBOX_PFACK  BIT32(5)
#define REG_EICS       0x1520u              /* w1 "VF Extended Interrupt Cause Set" */
#define REG_EIMS       0x1524u              /* w1 "VF Extended Interrupt Mask Set/Read" */
#define REG_EIMC       0x1528u              /* w1 "VF Extended Interrupt Mask Clear" */
#define REG_EIAC       0x152cu              /* rw "VF Extended Interrupt Auto Clear" */
#define REG_EIAM       0x1530u              /* rw "VF Extended Interrupt Auto Mask Enable" */
#define REG_EICR       0x1580u              /* w1 "VF Extended Interrupt Cause": 1 clears */
#define REG_EITR(n)    (0x1680u + 4 * (n))  /* rw "VF Interrupt Throttle": VTEITR */
#define EITR_US(v)     ((v) >> 2 & 0x1fffu) /* 14:2 */
#define REG_IVAR       0x1700u              /* rw "VF Interrupt Vector Allocation Registers" */
#define IVAR_RX        0u                   /* 7:0 */
#define IVAR_TX        1u                   /* 15:8 */
#define IVAR_VALID     0x80u
#define IVAR_VECTOR(v) ((v)&3u)

/* Of each queue, from here on: receive, transmit. Queue 0. */
#define REG_RX         0x2800u
#define REG_TX         0x3800u
#define QUEUE_BAL      0x00u /* rw: low 7 bits are 0 */
#define QUEUE_BAH      0x04u
#define QUEUE_LEN      0x08u /* rw: of 128 bytes */
#define QUEUE_SRRCTL   0x0cu /* rw: receive only */
#define SRRCTL_KIB(v)  ((v)&0x7fu)
#define QUEUE_HEAD     0x10u /* r  */
#define QUEUE_TAIL     0x18u /* rw */
#define QUEUE_DCTL     0x28u /* rw */
#define DCTL_ENABLE    BIT32(25)

#define RING_UNIT      128u
#define RING_BYTES_MAX KIB(512)
#define DESC_BYTES     16u

/* Words 0 and 2 of the answer to VF_RESET have the address. */
#define MESSAGE_RESET   1u
#define MESSAGE_SET_MAC 2u
#define MESSAGE_WHAT    0xffffu
#define MESSAGE_ACK     BIT32(31)
#define MESSAGE_NACK    BIT32(30)

/* Receive: lo is the buffer's address; written back: lo 0, hi status and length. */
#define RX_DONE     BIT64(0)
#define RX_LAST     BIT64(1)
#define RX_BYTES(n) ((uint64_t)(n) << 32)
/* Transmit: lo is the address, hi as here. */
#define TX_BYTES(hi) ((uint32_t)(hi)&0xffffu)
#define TX_TYPE      (UINT64_C(15) << 20)
#define TX_DATA      (UINT64_C(3) << 20)
#define TX_LAST      BIT64(24)
#define TX_REPORT    BIT64(27)
#define TX_ADVANCED  BIT64(29)
#define TX_DONE      BIT32(0) /* of the upper half */
