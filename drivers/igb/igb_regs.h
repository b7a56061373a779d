/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers/igb/igb_regs.h - registers of the 82576's physical function that the driver touches.
 *
 * Source   Intel 82576EB Gigabit Ethernet Controller Datasheet, "Programming Interface".
 *	    Access: r, w, rw, rc (a read clears), wc (a one written clears).
 */
#pragma once
#include "core/lib/base.h"

#define IGB_CTRL                  0x00000u /* rw "Device Control Register" */
#define IGB_CTRL_FD               BIT32(0)
#define IGB_CTRL_MASTER_DISABLE   BIT32(2) /* no new requests as a bus master */
#define IGB_CTRL_LRST             BIT32(3) /* link reset */
#define IGB_CTRL_SLU              BIT32(6) /* set link up */
#define IGB_CTRL_FRCSPD           BIT32(11)
#define IGB_CTRL_FRCDPLX          BIT32(12)
#define IGB_CTRL_RST              BIT32(26) /* everything but the PHY; clears itself */
#define IGB_STATUS                0x00008u  /* r  "Device Status Register" */
#define IGB_STATUS_LU             BIT32(1)
#define IGB_STATUS_LAN_ID(s)      ((s) >> 2 & 3u)
#define IGB_STATUS_MASTER_ENABLE  BIT32(19)
#define IGB_EECD                  0x00010u /* rw "EEPROM/Flash Control Register" */
#define IGB_EECD_AUTO_RD          BIT32(9) /* it has been read after the reset */
#define IGB_CTRL_EXT              0x00018u /* rw "Extended Device Control Register" */
#define IGB_CTRL_EXT_PFRSTD       BIT32(14)
#define IGB_CTRL_EXT_LINK_MODE(c) ((c) >> 22 & 3u) /* 0: the internal copper PHY */
#define IGB_CTRL_EXT_DRV_LOAD     BIT32(28)
#define IGB_MDIC                  0x00020u /* rw "MDI Control Register" */
#define IGB_MDIC_REG(n)           ((uint32_t)(n) << 16)
#define IGB_MDIC_PHY(n)           ((uint32_t)(n) << 21)
#define IGB_MDIC_WRITE            BIT32(26)
#define IGB_MDIC_READY            BIT32(28)
#define IGB_MDIC_ERROR            BIT32(30)

/* Interrupts */
#define IGB_ICR            0x000c0u /* rc "Interrupt Cause Read Register" */
#define IGB_ICR_LSC        BIT32(2)
#define IGB_ICR_VMMB       BIT32(8)  /* a mailbox, or a VF's reset */
#define IGB_ICR_DOUTSYNC   BIT32(28) /* a VF misbehaved */
#define IGB_IMS            0x000d0u  /* rw "Interrupt Mask Set/Read Register" */
#define IGB_IMC            0x000d8u  /* w  "Interrupt Mask Clear Register" */
#define IGB_GPIE           0x01514u  /* rw "General Purpose Interrupt Enable" */
#define IGB_GPIE_NSICR     BIT32(0)
#define IGB_GPIE_MSIX_MODE BIT32(4)
#define IGB_GPIE_EIAME     BIT32(30)
#define IGB_GPIE_PBA       BIT32(31)
#define IGB_EICS           0x01520u              /* w  "Extended Interrupt Cause Set" */
#define IGB_EICR           0x01580u              /* rc "Extended Interrupt Cause" */
#define IGB_EIMS           0x01524u              /* rw "Extended Interrupt Mask Set/Read" */
#define IGB_EIMC           0x01528u              /* w  "Extended Interrupt Mask Clear" */
#define IGB_EIAC           0x0152cu              /* rw "Extended Interrupt Auto Clear" */
#define IGB_EIAM           0x01530u              /* rw "Extended Interrupt Auto Mask Enable" */
#define IGB_PF_VECTOR      0u                    /* the only one that is not some VF's */
#define IGB_EITR(n)        (0x01680u + 4u * (n)) /* rw "Interrupt Throttle" */
#define IGB_EITR_INTERVAL  0x7ffeu
#define IGB_EITR_CNT_INGR  BIT32(31) /* the write leaves the running counter alone */
#define IGB_IVAR_MISC      0x01740u  /* rw "Interrupt Vector Allocation Registers - MISC" */
#define IGB_IVAR_OTHER(v)  ((0x80u | (v)) << 8)

/* Receive and transmit */
#define IGB_RCTL               0x00100u /* rw "Receive Control Register" */
#define IGB_RCTL_EN            BIT32(1)
#define IGB_RCTL_LPE           BIT32(5)
#define IGB_RCTL_MO            (3u << 12) /* multicast offset; 0: bits 47:36 of the address */
#define IGB_RCTL_BAM           BIT32(15)
#define IGB_RCTL_VFE           BIT32(18) /* VLAN filter enable */
#define IGB_RCTL_SECRC         BIT32(26)
#define IGB_TCTL               0x00400u /* rw "Transmit Control Register" */
#define IGB_TCTL_EN            BIT32(1)
#define IGB_TCTL_PSP           BIT32(3)
#define IGB_QDE                0x02408u /* rw "Queue Drop Enable Register": a queue without */
#define IGB_QDE_ALL            0xffffu  /* descriptors loses its frames and holds up no other */
#define IGB_TDH(n)             (0x0e010u + 64u * (n)) /* rw "Transmit Descriptor Head", of queue n */
#define IGB_TDT(n)             (0x0e018u + 64u * (n)) /* rw "Transmit Descriptor Tail" */
#define IGB_DTXSWC             0x03500u               /* rw "DMA Tx Switch Control" */
#define IGB_DTXSWC_MACAS(m)    ((uint32_t)(m))
#define IGB_DTXSWC_VLANAS(m)   ((uint32_t)(m) << 8)
#define IGB_DTXSWC_LOOPBACK_EN BIT32(31) /* 23:16, per pool: back to the sender, too */
#define IGB_LVMMC              0x03548u  /* rc "Last VM Misbehavior Cause" */
#define IGB_WVBR               0x03554u  /* rc "VM Wrong Behavior": 15:0, a queue that spoofed */
#define IGB_MDFB               0x03558u  /* wc "Malicious Driver Free Block": 15:0, a queue */
#define IGB_DTXCTL             0x03590u  /* rw "DMA Tx Control" */
#define IGB_DTXCTL_VLAN_ADDED  BIT32(3)
#define IGB_DTXCTL_MDP_EN      BIT32(5)
#define IGB_DTXCTL_SPOOF_INT   BIT32(6)
#define IGB_VMVIR(n)           (0x03700u + 4u * (n)) /* rw "VM VLAN Insert Register" */
#define IGB_VMVIR_DEFAULT      BIT32(30)             /* always the VLAN given here */
#define IGB_VMVIR_NEVER        BIT32(31)
#define IGB_RLPML              0x05004u              /* rw "Receive Long Packet Maximum Length" */
#define IGB_MTA(n)             (0x05200u + 4u * (n)) /* rw "Multicast Table Array" */
#define IGB_MTA_WORDS          128u
#define IGB_RAL(n)             ((n) < 16 ? 0x05400u + 8u * (n) : 0x054e0u + 8u * ((n)-16))
#define IGB_RAH(n)             (IGB_RAL(n) + 4u)
#define IGB_RAH_POOL(n)        BIT32(18 + (n))
#define IGB_RAH_AV             BIT32(31)
#define IGB_RAR_COUNT          24u
#define IGB_VFTA(n)            (0x05600u + 4u * (n)) /* rw "VLAN Filter Table Array" */
#define IGB_VFTA_WORDS         128u
#define IGB_MRQC               0x05818u /* rw "Multiple Receive Queues Command Register" */
#define IGB_MRQC_VMDQ          3u
#define IGB_VT_CTL             0x0581cu  /* rw "VMDq Control Register" */
#define IGB_VT_CTL_DIS_DEF     BIT32(29) /* what no pool asked for is dropped */
#define IGB_VT_CTL_RPL_EN      BIT32(30) /* replication: multicast reaches every pool that asked */
#define IGB_VMOLR(n)           (0x05ad0u + 4u * (n)) /* rw "VM Offload Register" */
#define IGB_VMOLR_LPE          BIT32(16)             /* 13:0, the longest packet */
#define IGB_VMOLR_AUPE         BIT32(24)             /* untagged packets */
#define IGB_VMOLR_ROMPE        BIT32(25)             /* multicast that is in MTA */
#define IGB_VMOLR_BAM          BIT32(27)
#define IGB_VMOLR_MPME         BIT32(28)
#define IGB_VMOLR_STRVLAN      BIT32(30)
#define IGB_VMOLR_STRCRC       BIT32(31)
#define IGB_RPLOLR             0x05af0u /* rw "Replication Offload Register" */
#define IGB_RPLOLR_STRVLAN     BIT32(30)
#define IGB_RPLOLR_STRCRC      BIT32(31)
#define IGB_VLVF(n)            (0x05d00u + 4u * (n)) /* rw "VLAN VM Filter" */
#define IGB_VLVF_COUNT         32u
#define IGB_VLVF_POOLS(m)      ((uint32_t)(m) << 12)
#define IGB_VLVF_EN            BIT32(31)
#define IGB_UTA(n)             (0x0a000u + 4u * (n)) /* w  "Unicast Table Array" */
#define IGB_UTA_WORDS          128u

/* Virtual functions */
#define IGB_VMBMEM(n)        (0x00800u + 64u * (n)) /* rw "VM Mailbox Memory", 16 words */
#define IGB_VMBMEM_WORDS     16u
#define IGB_PFMAILBOX(n)     (0x00c00u + 4u * (n)) /* rw "PF Mailbox" */
#define IGB_PFMAILBOX_STS    BIT32(0)              /* w: there is a message for the VF */
#define IGB_PFMAILBOX_ACK    BIT32(1)              /* w: the VF's message has been read */
#define IGB_PFMAILBOX_PFU    BIT32(3)              /* ours; a write without it lets go */
#define IGB_PFMAILBOX_RVFU   BIT32(4)              /* w: the VF has lost it, and its causes */
#define IGB_MBVFICR          0x00c80u              /* wc "Mailbox VF Interrupt Causes" */
#define IGB_MBVFICR_VFREQ(n) BIT32(n)
#define IGB_MBVFICR_VFACK(n) BIT32(16 + (n))
#define IGB_MBVFIMR          0x00c84u                  /* rw "Mailbox VF Interrupt Mask" */
#define IGB_VFLRE            0x00c88u                  /* wc "VF Level Reset Events" */
#define IGB_VFRE             0x00c8cu                  /* rw "VF Receive Enable" */
#define IGB_VFTE             0x00c90u                  /* rw "VF Transmit Enable" */
#define IGB_PVTCTRL(n)       (0x10000u + 0x100u * (n)) /* w  "VF Control", RST only */
#define IGB_PVFGPRC(n)       (0x10010u + 0x100u * (n)) /* r  "Good Packets Received Count" */
#define IGB_PVFGPTC(n)       (0x10014u + 0x100u * (n)) /* r  "Good Packets Transmitted Count" */
#define IGB_PVFGORC(n)       (0x10018u + 0x100u * (n)) /* r  "Good Octets Received Count" */
#define IGB_PVFGOTC(n)       (0x10034u + 0x100u * (n)) /* r  "Good Octets Transmitted Count" */
#define IGB_PVFMPRC(n)       (0x1003cu + 0x100u * (n)) /* r  "Multicast Packets Received Count" */

/* Shared with firmware and the other port */
#define IGB_SWSM              0x05b50u /* rw "Software Semaphore" */
#define IGB_SWSM_SMBI         BIT32(0) /* a read sets it: who reads 0 has it */
#define IGB_SWSM_SWESMBI      BIT32(1) /* sticks only while firmware does not hold its own */
#define IGB_SW_FW_SYNC        0x05b5cu /* rw "Software-Firmware Synchronization" */
#define IGB_SW_FW_SYNC_PHY(n) BIT32(1 + (n))
#define IGB_SW_FW_SYNC_FW(b)  ((b) << 16)

/* IEEE 802.3, "Management Register Set" */
#define MII_CONTROL         0u
#define MII_CONTROL_RESTART BIT32(9)
#define MII_CONTROL_AUTONEG BIT32(12)
#define IGB_PHY_ADDRESS     1u
