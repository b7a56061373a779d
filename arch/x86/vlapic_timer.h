/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vlapic_timer.h - the timer of a virtual local APIC, for vlapic*.c only.
 *
 * Source   SDM Vol. 3A, "APIC Timer", "Local Vector Table".
 */
#pragma once
#include "arch/x86/vlapic.h"

/* "Local Vector Table". Delivery status and remote IRR are read only: a write drops them. */
#define LVT_VECTOR        UINT32_C(0xff)
#define LVT_DELIVERY_MODE (UINT32_C(7) << 8)
#define LVT_STATUS        BIT32(12)
#define LVT_POLARITY      BIT32(13)
#define LVT_REMOTE_IRR    BIT32(14)
#define LVT_TRIGGER       BIT32(15)
#define LVT_MASKED        BIT32(16)
#define LVT_TIMER_MODE    (UINT32_C(3) << 17)
#define TIMER_ONE_SHOT    (UINT32_C(0) << 17)
#define TIMER_PERIODIC    (UINT32_C(1) << 17)
#define TIMER_DEADLINE    (UINT32_C(2) << 17)
#define TIMER_RESERVED    (UINT32_C(3) << 17)

/* A new value of its LVT, without reserved bits. */
void vlapic_timer_set_lvt(struct vlapic *l, uint32_t value);
void vlapic_timer_set_count(struct vlapic *l, uint32_t count, uint64_t now_tsc);
void vlapic_timer_set_divide(struct vlapic *l, uint32_t value, uint64_t now_tsc);
uint32_t vlapic_timer_count(const struct vlapic *l, uint64_t now_tsc);
void vlapic_timer_reset(struct vlapic *l);
