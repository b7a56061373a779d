/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/rt/call.h - hypercalls of guests/abi.h, and what the hypervisor told us at entry.
 *
 * Sharing  guest_info() is constant after entry. Calls are atomic towards interrupts.
 */
#pragma once
#include <stdint.h>
#include "guests/abi.h"

const struct guest_info *guest_info(void);

uint64_t guest_call4(uint64_t number, uint64_t rbx, uint64_t rcx, uint64_t rdx, uint64_t rsi);

static inline uint64_t guest_call(uint64_t number, uint64_t rbx, uint64_t rcx)
{
	return guest_call4(number, rbx, rcx, 0, 0);
}

/* Ends the partition. 0: well. */
__attribute__((noreturn)) void guest_exit(uint64_t status);
