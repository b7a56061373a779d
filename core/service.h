/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/service.h - what the service does: devices, disks and network controllers in memory, each linked
 * only where it is configured.
 *
 * Model    The service is a virtual CPU without a guest, with a reservation of its own, or a core
 *	    (config.service). It does one bounded step at a time, of whichever is due first.
 *	    Somebody on another core, or in a guest's exit, may ask for a step of one kind; the
 *	    request is a bit, so none is lost.
 * Sharing  service_step(), service_wait_until(): the service's core. The others: any core.
 */
#pragma once
#include "core/partition.h"

enum service_kind { SERVICE_DISKS, SERVICE_NICS, SERVICE_DEVICES, SERVICE_KIND_COUNT };

/* What core/device.c, core/nic.c and core/disk.c give; absent where not linked. */
struct service_ops {
	/* All of it, for partitions that exist. `reason` says what is missing, and what helps. */
	enum err (*start)(const struct config *system, const struct plan *plan,
			  const char **reason);
	/*
	 * One step; returns when it wants the next: others that were due before have their turn first,
	 * also if that is always.
	 */
	uint64_t (*serve)(uint64_t now_tsc);
	/* The partition has ended: what it had reaches nothing any more when this returns. */
	void (*cut_off)(const struct partition *p);
	/*
	 * All of a restarting partition's vCPUs are parked. False: something may still write its
	 * memory; its first vCPU will be poked. Then true, until the partition runs again.
	 */
	bool (*is_quiet)(const struct partition *p);
	/* What there is to say at the end of the run; or NULL. */
	void (*summarize)(void);
};
extern const struct service_ops device_service __attribute__((weak));
extern const struct service_ops nic_service __attribute__((weak));
extern const struct service_ops disk_service __attribute__((weak));

MUST_CHECK enum err service_start(const struct config *system, const struct plan *plan,
				  const char **reason);
void service_cut_off(const struct partition *p);
bool service_is_quiet(const struct partition *p);
void service_summarize(void);

/* One step of what is due; returns when the next is. */
uint64_t service_step(uint64_t now_tsc);
/* It has no budget before. */
void service_wait_until(uint64_t tsc);
/* A step of that kind is wanted at that time, 0: at once, if it is not due earlier. */
void service_want(enum service_kind kind, uint64_t at_tsc);
