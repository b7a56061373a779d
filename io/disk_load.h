/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/disk_load.h - what a shared disk is asked for, and what its scheduler is set to: the input and the
 * output of the latency models (io/latency.h) and of the optimizer (io/disk_optimizer.h).
 *
 * Model    A guest is a client of the scheduler, a task is one of its virtqueues: a stream of requests
 *	    of request_bytes, half of them writes, at random places, each sent when the last is complete
 *	    (synchronous), at most `iops` a second: what is late is caught up with (fio: rate_iops).
 * Units    ns, bytes, requests a second; weights as in io/iosched.h.
 * Source   Paper 000 (RT-VirtIO), Table I and section IV.A: guests G_i, tasks tau_j, phi, SI, TS.
 */
#pragma once
#include "io/iosched.h"

struct disk_load_task {
	uint32_t iops;      /* from 1 */
	uint32_t weight;    /* within its guest; 1 to IOSCHED_WEIGHT_MAX */
	uint64_t target_ns; /* of its tail latency; 0: none */
};

struct disk_load_guest {
	uint32_t weight;  /* 1 to IOSCHED_WEIGHT_MAX */
	bool is_critical; /* its targets come before those of guests that are not */
	uint32_t task_count;
	struct disk_load_task tasks[IOSCHED_QUEUE_MAX];
};

struct disk_load {
	uint32_t guest_count;
	struct disk_load_guest guests[IOSCHED_CLIENT_MAX];
	uint32_t request_bytes;
	uint64_t slice_idle_ns, timeout_ns; /* SI, TS of the host */
	uint64_t max_budget_bytes;          /* B_max */
	uint64_t bytes_per_s;               /* T_agg of the host */
};
