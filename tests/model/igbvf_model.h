/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/model/igbvf_model.h - what a guest sees of the 82576 of tests/model/igb_model.h: a VF's
 * registers, its queue 0 and its DMA.
 *
 * Model    Written from the data sheet: numbers are written out again on purpose. A frame is moved
 *	    when the tail register is written, to wherever the PF's tables let it go. Addresses
 *	    in descriptors are the test's own. A register that no VF has is a mistake.
 * Source   Intel 82576EB Gigabit Ethernet Controller Datasheet, "Virtual Function Device", "Receive
 *	    Functionality", "Transmit Functionality".
 */
#pragma once
#include "tests/model/igb_model.h"

struct igbvf_model {
	struct igb_model *m;
	uint32_t reg[8][0x4000 / 4];
	uint32_t enable_reads; /* reads until a queue is on; UINT32_MAX: never */
	uint32_t busy[8][2];
	uint32_t delivered, dropped; /* frames: in a receive buffer; nobody had one */
	uint32_t raised[8];          /* interrupts */
	uint64_t receive_status;     /* or-ed into what is written back */
	uint32_t wrongs;
	const char *wrong;
};

uint32_t igbvf_model_read(struct igbvf_model *v, uint32_t vf, uint32_t reg);
void igbvf_model_write(struct igbvf_model *v, uint32_t vf, uint32_t reg, uint32_t value);
