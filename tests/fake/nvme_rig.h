/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fake/nvme_rig.h - the driver, the fake controller, their memory and their time, joined.
 *
 * One turn is one call of nvme_step() and one of fake_nvme_run(); time goes on as the driver asked.
 */
#pragma once
#include <stdlib.h>
#include <string.h>
#include "drivers/nvme/nvme.h"
#include "tests/fake/nvme.h"

#define RIG_HZ        UINT64_C(1000000000)
#define RIG_POLL      US(100)
#define RIG_HPA       UINT64_C(0x71234000)
#define RIG_FAULTS    4u
#define RIG_TURNS_MAX 2000000u

struct nvme_rig {
	struct fake_nvme f;
	struct nvme d;
	struct nvme_hook hook;
	struct nvme_config config;
	uint8_t memory[NVME_MEMORY_BYTES] __attribute__((aligned(4096)));
	uint64_t now, again;
	uint32_t budget;
	void (*each_turn)(struct nvme_rig *r); /* owners of queues */
	bool no_flr;
};

static struct nvme_rig rig;

static uint64_t rig_seed = 1;

static inline uint64_t rig_random(uint64_t below)
{
	rig_seed = rig_seed * 6364136223846793005u + 1442695040888963407u;
	return (rig_seed >> 33) % below;
}

/* A fresh, obedient controller; change rig.f before rig_start(). */
static inline void rig_init(void)
{
	memset(&rig, 0, sizeof(rig));
	fake_nvme_init(&rig.f);
	rig.f.cntlid = 5;
	fake_nvme_region(&rig.f, RIG_HPA, rig.memory, sizeof(rig.memory));
	rig.hook = (struct nvme_hook){ fake_nvme_read, fake_nvme_write, &rig.f };
	rig.config = (struct nvme_config){
		.register_bytes = 0x4000,
		.hook = &rig.hook,
		.memory = { rig.memory, { RIG_HPA }, sizeof(rig.memory) },
		.tsc_hz = RIG_HZ,
		.admin_timeout_ns = SEC(1),
		.io_timeout_ns = SEC(2),
		.poll_ns = RIG_POLL,
		.watch_ns = MS(10),
		.fault_limit = RIG_FAULTS,
	};
	rig.now = 12345;
	rig.budget = UINT32_MAX;
}

static inline enum err rig_start(void)
{
	return nvme_init(&rig.d, &rig.config, rig.now);
}

static inline void rig_turn(void)
{
	if (rig.d.state == NVME_WANTS_FLR && !rig.no_flr) {
		fake_nvme_flr(&rig.f);
		nvme_after_flr(&rig.d, rig.now);
	}
	(void)nvme_step(&rig.d, rig.now, &rig.again);
	fake_nvme_run(&rig.f, rig.now, rig.budget);
	if (rig.each_turn)
		rig.each_turn(&rig);
	rig.now += RIG_POLL + 1;
	if (rig.d.state == NVME_ENABLING || rig.d.state == NVME_DISABLING)
		rig.now += MS(1); /* else a test would wait for two minutes of polling */
}

/* False: not in so many turns. FAILED and STOPPED end it, too. */
static inline bool rig_run(enum nvme_state until)
{
	for (uint32_t i = 0; i < RIG_TURNS_MAX; i++) {
		if (rig.d.state == until)
			return true;
		if (rig.d.state == NVME_FAILED || rig.d.state == NVME_STOPPED ||
		    (rig.d.state == NVME_WANTS_FLR && rig.no_flr))
			return false;
		rig_turn();
	}
	return false;
}
