/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/vmsi.h - what a message that a guest gave its device means.
 *
 * Source   SDM Vol. 3A, "Message Signalled Interrupts": "Message Address Register Format", "Message
 *	    Data Register Format".
 * Pure.
 */
#pragma once
#include "core/lib/base.h"

#define VMSI_BROADCAST UINT32_MAX

/* Delivery modes are those of the message data register, which are the ICR's, too. */
enum vmsi_delivery {
	VMSI_FIXED = 0,
	VMSI_LOWEST = 1,
	VMSI_SMI = 2,
	VMSI_NMI = 4,
	VMSI_INIT = 5,
	VMSI_EXTINT = 7
};

struct vmsi_message {
	uint8_t vector;   /* of fixed and lowest-priority ones any, illegal ones included */
	uint8_t delivery; /* enum vmsi_delivery */
	bool is_logical;
	bool is_level;
	uint32_t destination; /* 8 bits, FFH made VMSI_BROADCAST */
};

/*
 * False: no interrupt: the address is not the interrupt range, the delivery mode is reserved, or it
 * takes a level away. A redirection hint with a logical destination makes it lowest-priority.
 */
bool vmsi_decode(uint64_t address, uint32_t data, struct vmsi_message *message);
