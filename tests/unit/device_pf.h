/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/device_pf.h - what tests/unit/device_pf.c does, and has seen. */
#pragma once
#include "core/pf.h"
#include "tests/fake/pci.h"

struct device_pf {
	bool never_comes_up;
	uint32_t command; /* of the last one that began */
	uint32_t used_count;
	uint32_t served[CONFIG_PF_MAX]; /* rounds */
	uint64_t served_tsc[CONFIG_PF_MAX];
};

extern struct device_pf device_pf;
