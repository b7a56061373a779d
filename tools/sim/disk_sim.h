/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/sim/disk_sim.h - guests, their tasks and a shared disk, in simulated time.
 *
 * Model    A tick is a nanosecond. Each task of a disk_load is a stream as fio makes it (psync,
 *	    rate_iops): request k is due at t0 + k / iops, and sent then, or, if it is later, when
 *	    the task was told of the end of request k - 1. t0 lies anywhere in the first period. Every
 *	    request reads or writes, each as often, request_bytes at a random place of the guest's.
 *	      sent --send_ns--> scheduler --> device (service_time) --return_ns--> the guest knows
 *	    A latency is from sent to known. The scheduler is io/iosched.h and the device's times are
 *	    core/lib/service_time.h: the image's own sources.
 *	    In a phase, requests are sent for its duration; those under way at its end are completed,
 *	    and count. A further phase goes on with the same device, in the same time: other
 *	    tasks, and another scheduler or the same.
 * Random   A task's stream is decided by the seed, its guest and its number alone: the same under all
 *	    schedulers. The same seed and phases give the same latencies, to the nanosecond.
 * Numbers  send_ns and return_ns: DISK_SIM_SEND_NS, DISK_SIM_RETURN_NS are what Bochs counts from the
 *	    kick's exit to the interrupt's posting (docs/disk.md, "What a request costs": 2,497
 *	    instructions), at one a nanosecond, half of it before the device.
 * Errors   ERR_INVAL: a load without guests or tasks, or of more guests or tasks than the scheduler's
 *	    clients have queues; no IOPS; no time; or what iosched_init() or service_time_init()
 *	    refuse. ERR_NOMEM.
 * Sharing  The owner's.
 */
#pragma once
#include "core/lib/service_time.h"
#include "io/iosched_state.h"
#include "tools/sim/condition.h"

#define DISK_SIM_SEND_NS   1250u
#define DISK_SIM_RETURN_NS 1250u

struct disk_sim_config {
	const struct service_time_config *time; /* its seed is not used */
	uint64_t seed;
	uint64_t send_ns, return_ns;
	uint64_t lead_ns; /* the first phase begins so long after the device */
};

struct disk_sim;

/* NULL: out of memory, or a device that cannot be: service_time_init(). */
struct disk_sim *disk_sim_new(const struct disk_sim_config *config);
/*
 * `sched` is copied, its clients too. NULL: the scheduler of the phase before, as it is. Of `load`
 * only the tasks matter, and request_bytes.
 */
MUST_CHECK enum err disk_sim_phase(struct disk_sim *s, const struct disk_load *load,
				   const struct iosched_config *sched, uint64_t duration_ns,
				   struct condition_result *result);
/* The latencies of a task in the last phase, in no order. */
const uint64_t *disk_sim_samples(const struct disk_sim *s, uint32_t guest, uint32_t task,
				 size_t *count);
void disk_sim_free(struct disk_sim *s);

/*
 * BFQ as the load wants it, strict, on a device that has `depth` requests at a time: client g is guest
 * g, queue t its task t. `clients` are IOSCHED_CLIENT_MAX of the caller's.
 */
struct iosched_config disk_sim_bfq(const struct disk_load *load, uint32_t depth,
				   struct iosched_client_config *clients);
