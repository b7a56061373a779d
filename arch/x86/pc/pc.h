/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/pc/pc.h - what the vCPUs' side needs of the virtual PC; the rest is arch/pc.h.
 *
 * Sharing  These take the partition's lock themselves.
 */
#pragma once
#include "arch/guest.h"
#include "arch/pc.h"
#include "arch/x86/backend.h"

/* The RAM of a partition with a PC: constant after creation. */
const struct guest_ram *pc_ram(part_id_t part);

/* A local APIC has ended a level-triggered interrupt: the I/O APIC may send it again. */
vcpu_set_t pc_end_of_interrupt(part_id_t part, uint8_t vector);
