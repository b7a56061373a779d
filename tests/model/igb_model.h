/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/model/igb_model.h - an 82576 in software: registers, mailboxes and switch.
 *
 * Model    What the data sheet says of the registers that a PF driver without rings needs; written
 *	    from it and not from the driver: numbers are written out again here on purpose.
 *	    A register that is not modelled is counted as a mistake of the driver.
 * Source   Intel 82576EB Gigabit Ethernet Controller Datasheet, "Programming Interface",
 *	    "Virtualization".
 */
#pragma once
#include "core/lib/base.h"

#define MODEL_POOLS 8u
#define MODEL_WIRE  8u /* as a source, and as a bit of what a frame reaches */

struct igb_model {
	uint32_t reg[0x10800 / 4];
	uint8_t mac[6];         /* in the EEPROM */
	uint32_t vfmailbox[8];  /* the VFs' side; reg[] has the PF's */
	uint32_t queues[8];     /* bit 0, 1: the VF has enabled queues 0, 1 */
	uint32_t link_mode;     /* CTRL_EXT 23:22 after a reset */
	uint32_t port;          /* STATUS 3:2 */
	uint32_t reset_reads;   /* reads of CTRL until a reset is over */
	uint32_t master_reads;  /* reads of STATUS until the bus is quiet */
	uint32_t mdic_reads;    /* reads of MDIC until it is ready */
	uint32_t smbi_reads;    /* reads of SWSM until somebody else lets go of it */
	bool has_no_eeprom;     /* AUTO_RD never comes */
	bool firmware_has_swsm; /* SWESMBI does not stick */
	bool is_gone;           /* reads all ones */
	const uint64_t *clock;  /* in ns; NULL: a microsecond for each access */
	uint32_t throttle_ps; /* a unit of EITR; 0: the data sheet's, a quarter of a microsecond */
	bool never_clears;    /* "Auto-Clear" does nothing */
	bool sends_twice; /* no interval begins with a message that one has held back, as in QEMU */
	/* what happened */
	uint32_t resets, autonegotiations;
	uint32_t accesses;
	uint32_t unknown; /* registers that are not modelled; the last one in unknown_reg */
	uint32_t unknown_reg;
	uint32_t wrongs; /* PHY without its lock, mailbox without PFU, ... */
	const char *wrong;
	uint32_t busy_ctrl, busy_master, busy_mdic;
	uint32_t messages; /* of vector 0 */
	uint64_t free_ns;  /* none of it before */
	/* Called before each access of the driver. */
	void (*hook)(struct igb_model *m, void *context);
	void *context;
	bool is_in_hook;
};

/* Power-up. */
void igb_model_start(struct igb_model *m);
/* For struct igb_io. */
uint32_t igb_model_read(void *model, uint32_t reg);
void igb_model_write(void *model, uint32_t reg, uint32_t value);
/* A register as it is, without what reading it does. */
uint32_t *igb_model_reg(struct igb_model *m, uint32_t reg);

/* The cable. */
void igb_model_link(struct igb_model *m, bool is_up);

/* What a VF can reach, by the VF's own offsets. */
uint32_t igb_model_vf_read(struct igb_model *m, uint32_t vf, uint32_t reg);
void igb_model_vf_write(struct igb_model *m, uint32_t vf, uint32_t reg, uint32_t value);
/* By CTRL.RST of the VF or by FLR: the same to its hardware. */
void igb_model_vf_reset(struct igb_model *m, uint32_t vf);

struct model_frame {
	uint8_t to[6], from[6];
	int32_t tag;        /* VLAN in the frame itself; -1: none */
	int32_t descriptor; /* VLAN that the transmit descriptor wants inserted; -1: none */
	uint32_t bytes;     /* without tags, with CRC */
};
/*
 * Which pools a frame of pool `source` (or of the wire) reaches, and bit MODEL_WIRE: it leaves.
 * Sets WVBR where the device refuses to send it.
 */
uint32_t igb_model_switch(struct igb_model *m, uint32_t source, const struct model_frame *f);
