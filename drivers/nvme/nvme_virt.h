/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers/nvme/nvme_virt.h - a primary controller's secondaries: VFs with queues and interrupts.
 *
 * Model    Queue (VQ) and interrupt (VI) resources are flexible: they belong to the primary or to
 *	    one secondary. This machine takes from the primary what it shall not keep, and gives
 *	    each VF what it wants, in the order that the specification asks for:
 *
 *	      CAPS     read the capabilities and the list of secondaries; refuse what cannot be
 *	      PRIMARY  only where it holds what the VFs need: the primary keeps the flexible ones
 *	               that it cannot do without. That takes effect at a Controller Level Reset
 *	               other than a Controller Reset: the controller's state becomes
 *	               NVME_WANTS_FLR, and the caller resets the function
 *	      WANTS_VFS  the caller enables the VFs, if they are not (a reset of the function
 *	               disables them), then nvme_virt_vfs_enabled()
 *	      RUN      per VF: offline, assign VQ, assign VI; then a Function Level Reset of the VF
 *	               by the caller, so that its MSI-X table size is right; online; verified in
 *	               the list; its namespace attached, if one is named
 *
 *	    A reset of the primary takes every secondary offline and its resources away. This
 *	    machine sees that (nvme.h, `epoch`) and brings the VFs up again; their guests have seen
 *	    CSTS.CFS, and their drivers reset the VF's controller as they would after any failure.
 * Source   NVM Express Base Specification 2.1, "Virtualization Enhancements", "Virtualization
 *	    Management command", "Secondary Controller States and Resource Configuration".
 * Errors   REFUSED: text() says what and which numbers. A VF that fails does not stop the others.
 * Sharing  The core that steps the controller.
 */
#pragma once
#include "drivers/nvme/nvme.h"

#define NVME_VF_MAX    32u
#define NVME_VQ_MIN    2u /* the admin queues and one pair for I/O */
#define NVME_VI_MIN    1u
#define NVME_WHY_BYTES 96u

struct nvme_vf_want {
	uint16_t number; /* of the VF, from 1 */
	uint16_t vq, vi;
	uint32_t nsid; /* to be attached; 0: leave its namespaces as they are */
};

enum nvme_vf_state {
	NVME_VF_DOWN, /* offline, without resources */
	NVME_VF_WORKING,
	NVME_VF_WANTS_RESET, /* caller: FLR of the VF, then nvme_virt_vf_was_reset() */
	NVME_VF_UP,          /* online, verified */
	NVME_VF_FAILED,      /* offline or unknown; nvme_virt_vf_failure() */
};

enum nvme_virt_stage {
	NVME_VIRT_CAPS,
	NVME_VIRT_LIST,
	NVME_VIRT_PRIMARY_VQ,
	NVME_VIRT_PRIMARY_VI,
	NVME_VIRT_WANTS_VFS, /* caller: SR-IOV enable, then nvme_virt_vfs_enabled() */
	NVME_VIRT_RUN,
	NVME_VIRT_REFUSED,
};

/* "Primary Controller Capabilities Structure", one of VQ and VI */
struct nvme_resources {
	uint32_t total, assigned; /* flexible: all, those of secondaries */
	uint16_t primary;         /* flexible, of the primary */
	uint16_t own, most;       /* private of the primary; most of one secondary */
};

enum nvme_vf_phase {
	NVME_VP_OFFLINE,
	NVME_VP_ASSIGN_VQ,
	NVME_VP_ASSIGN_VI,
	NVME_VP_RESET,
	NVME_VP_ONLINE,
	NVME_VP_VERIFY,
	NVME_VP_ATTACH,
	NVME_VP_UP,
	NVME_VP_DOWN,
	NVME_VP_FAILED,
};

struct nvme_vf {
	struct nvme_vf_want want;
	uint16_t scid; /* controller identifier of the secondary */
	bool is_known;
	bool is_wanted_up;
	enum nvme_vf_phase phase;
	uint16_t failed_status; /* of the command in `failed_phase`; 0: the list says otherwise */
	enum nvme_vf_phase failed_phase;
	uint32_t lost_count; /* times that it was up, and a reset of the primary took it down */
};

struct nvme_virt {
	struct nvme *d;
	enum nvme_virt_stage stage;
	uint32_t epoch, flr_count; /* of the controller when we last looked */
	bool is_primary_changed;   /* and a reset was asked for */
	bool is_sent;
	uint32_t current; /* VF whose command is in flight, and its phase then */
	enum nvme_vf_phase sent_phase;
	struct nvme_resources resources[2];
	struct nvme_vf vfs[NVME_VF_MAX];
	uint32_t vf_count;
	char why[NVME_WHY_BYTES];
};

/* ERR_INVAL: too many VFs, a number twice, less than the least resources. All are wanted up. */
MUST_CHECK enum err nvme_virt_init(struct nvme_virt *v, struct nvme *d,
				   const struct nvme_vf_want *wants, uint32_t count);
/* Like nvme_step(), after it: bounded, at most one command. Nothing while d is not READY. */
enum nvme_virt_stage nvme_virt_step(struct nvme_virt *v, uint64_t now_tsc, uint64_t *again_tsc);
void nvme_virt_vfs_enabled(struct nvme_virt *v);
/* Why it was refused. */
const char *nvme_virt_why(const struct nvme_virt *v);

/* `i` is an index of `wants`. */
enum nvme_vf_state nvme_virt_vf(const struct nvme_virt *v, uint32_t i);
void nvme_virt_vf_was_reset(struct nvme_virt *v, uint32_t i);
/* For hand-over: down (offline, its resources are free), and up again from there or anywhere. */
void nvme_virt_vf_take_down(struct nvme_virt *v, uint32_t i);
void nvme_virt_vf_bring_up(struct nvme_virt *v, uint32_t i);
/* One line about a VF that failed. */
void nvme_virt_vf_failure(const struct nvme_virt *v, uint32_t i, char *text, size_t bytes);
