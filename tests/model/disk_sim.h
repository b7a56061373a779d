/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/model/disk_sim.h - clients, a scheduler and a device, in simulated time.
 *
 * Model    A tick is a nanosecond. The device has `lanes`; a request takes the lane that is free
 *	    first, for fixed_ns + sectors * sector_ns, and what is submitted while all are taken
 *	    waits in the device, in order. Every stall_every requests one takes stall_ns more.
 *	    A client, while it is on: FLOOD keeps `outstanding` requests in each queue, each replaced
 *	    think_ns after its end; PERIODIC sends one every period_ns (to its queues in turn),
 *	    unless `outstanding` are there already. Sizes are random within limits.
 * Checks   Order within each queue; that nothing is kept back while the scheduler may not idle; with
 *	    a trail, that it passes tests/model/disk_audit.h. DISK_TRAIL in the environment names a
 *	    file that gets the trail of the first simulation, for tools/lib/disk_audit.py.
 */
#pragma once
#include "io/iosched_state.h"
#include "tests/model/disk_audit.h"

#define SIM_REQUEST_MAX 4096u

enum sim_pattern { SIM_OFF, SIM_FLOOD, SIM_PERIODIC };

struct sim_client {
	enum sim_pattern pattern;
	uint32_t outstanding;
	uint32_t sectors_min, sectors_max;
	uint64_t think_ns, period_ns;
	uint32_t write_percent, flush_percent;
	bool is_sequential;
	/* What happens */
	uint32_t in_system[IOSCHED_QUEUE_MAX];
	uint64_t added[IOSCHED_QUEUE_MAX], dispatched[IOSCHED_QUEUE_MAX];
	uint64_t served[IOSCHED_QUEUE_MAX]; /* bytes, given to the device */
	uint64_t next_ns, done_count, done_bytes, worst_ns, at_sector;
	uint32_t turn;
};

struct sim_device {
	uint32_t lanes; /* at most 64 */
	uint64_t fixed_ns, sector_ns;
	uint32_t stall_every;
	uint64_t stall_ns;
};

struct disk_sim {
	struct iosched sched;
	struct iosched_config config;
	struct sim_device device;
	struct sim_client clients[IOSCHED_CLIENT_MAX];
	struct disk_audit audit;
	struct iosched_audit ring[256];
	uint64_t audited;
	uint64_t now_ns, again_ns;
	uint64_t lane_free_ns[64], submitted;
	uint64_t idle_kept; /* times that requests were kept back from a device with room */
	const char *wrong;
	uint32_t slot_top; /* none is used from here on */
	struct sim_slot {
		struct block_request r;
		uint64_t number, arrived_ns, done_ns; /* done_ns: 0: not submitted */
		enum { SIM_FREE, SIM_QUEUED, SIM_THINKING, SIM_IN_DEVICE } state;
	} slots[SIM_REQUEST_MAX];
};

/* For the sizes and kinds of requests. */
void sim_seed(uint64_t seed);
/* config.audit is set by it; config.clients are the caller's. */
void sim_init(struct disk_sim *s, const struct iosched_config *config,
	      const struct sim_device *device);
void sim_run(struct disk_sim *s, uint64_t until_ns);
/* All that the client has queued is taken away, as by a reset of its device. */
void sim_reset_client(struct disk_sim *s, uint32_t client);
uint64_t sim_served(const struct disk_sim *s, uint32_t client);
