/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/sim/nic_event.h - the next of a fixed number of sources, each of which has one time.
 *
 * Model    A tree of matches: a source's new time is played against its neighbours, up to the root. Of
 *	    equal times the lower source is first.
 */
#pragma once
#include "core/lib/base.h"

#define NIC_SOURCE_COUNT 256u

struct nic_events {
	uint64_t at[NIC_SOURCE_COUNT];
	uint32_t winner[2 * NIC_SOURCE_COUNT]; /* leaves from NIC_SOURCE_COUNT on; the root is 1 */
};

static inline void nic_events_init(struct nic_events *e)
{
	for (uint32_t i = 0; i < NIC_SOURCE_COUNT; i++) {
		e->at[i] = UINT64_MAX;
		e->winner[NIC_SOURCE_COUNT + i] = i;
	}
	for (uint32_t i = NIC_SOURCE_COUNT - 1; i > 0; i--)
		e->winner[i] = e->winner[2 * i];
}

static inline void nic_event_set(struct nic_events *e, uint32_t source, uint64_t at)
{
	e->at[source] = at;
	for (uint32_t i = (NIC_SOURCE_COUNT + source) / 2; i > 0; i /= 2) {
		uint32_t left = e->winner[2 * i], right = e->winner[2 * i + 1];

		e->winner[i] = e->at[right] < e->at[left] ? right : left;
	}
}

static inline uint32_t nic_event_first(const struct nic_events *e)
{
	return e->winner[1];
}

static inline uint64_t nic_event_first_at(const struct nic_events *e)
{
	return e->at[e->winner[1]];
}
