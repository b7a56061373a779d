/* SPDX-License-Identifier: Apache-2.0 */
/* drivers/nvme/nvme_disk_priv.h - between the two files of the disk: states there, parts here. */
#pragma once
#include "drivers/nvme/nvme_disk.h"

#define NVME_PART_NONE   UINT16_MAX
#define NVME_BOUNCE_NONE UINT8_MAX

/* All parts are free. */
void nvme_parts_init(struct nvme_disk *n);
/*
 * Cuts and sends as much of it as there is room for; the rest follows in nvme_parts_go_on().
 * ERR_BUSY: not even a first part.
 */
enum err nvme_parts_begin(struct nvme_disk *n, struct block_request *r, uint64_t now_tsc);
/* Takes completions; then sends lost parts again, and cuts on. A bounded step. */
void nvme_parts_go_on(struct nvme_disk *n, uint64_t now_tsc);
/* The disk is GONE: whatever is not in the controller's hands ends with an error. */
void nvme_parts_fail(struct nvme_disk *n);
/* A request is complete: its status is set. poll() gives it back. */
void nvme_parts_finish(struct nvme_disk *n, struct block_request *r);
static inline uint64_t nvme_disk_client(const struct block_request *r)
{
	return BIT64(r->client % 64);
}
