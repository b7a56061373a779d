/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers/nvme/nvme_identify.c - bring-up commands, and what the controller says about itself.
 *
 * One command at a time, in the order of "Controller Initialization": controller, namespaces,
 * number of queues, the I/O queues. What comes back is copied field by field and checked; what
 * contradicts the specification is a fault, what we cannot use is left out.
 */
#include "core/lib/assert.h"
#include "drivers/nvme/nvme_io.h"
#include "drivers/nvme/nvme_priv.h"
#include <string.h>

enum bringup {
	BR_CONTROLLER,
	BR_LIST,
	BR_NAMESPACE,
	BR_QUEUES,
	BR_CREATE_CQ,
	BR_CREATE_SQ,
	BR_DONE
};

#define BLOCK_SHIFT_MIN   9u
#define BLOCK_SHIFT_MAX   12u
#define LIST_ENTRIES      (PAGE_BYTES / 4)
#define CNTRLTYPE_IO      1u
#define TRANSFER_LOG2_MAX 30u

struct nvme_sqe nvme_identify_command(const struct nvme *d, uint32_t cns, uint32_t nsid,
				      uint32_t cntid)
{
	return (struct nvme_sqe){
		.cdw0 = NVME_ADMIN_IDENTIFY,
		.nsid = nsid,
		.prp1 = d->page_hpa.v,
		.cdw10 = cntid << 16 | cns,
	};
}

const struct nvme_namespace *nvme_namespace(const struct nvme *d, uint32_t nsid)
{
	for (uint32_t i = 0; i < d->namespace_count; i++)
		if (d->namespaces[i].nsid == nsid)
			return d->namespaces[i].is_usable ? &d->namespaces[i] : NULL;
	return NULL;
}

void nvme_clear_page(struct nvme *d)
{
	volatile uint64_t *words = (volatile uint64_t *)(volatile void *)d->page;

	for (uint32_t i = 0; i < PAGE_BYTES / sizeof(*words); i++)
		words[i] = 0;
}

/* --- controller --------------------------------------------------------------------------------------- */

/* ASCII, padded with blanks; anything else becomes '?', as it goes to the log. */
static void get_text(const struct nvme *d, uint32_t offset, uint32_t bytes, char *text)
{
	uint32_t length = 0;

	for (uint32_t i = 0; i < bytes; i++) {
		const uint8_t c = d->page[offset + i];

		text[i] = (char)(c >= 0x20 && c < 0x7f ? c : '?');
		if (text[i] != ' ' && c != 0)
			length = i + 1;
	}
	text[length] = '\0';
}

/* 3:0 the smallest, 7:4 the largest that it takes. */
static bool takes_entries_of(const struct nvme *d, uint32_t offset, uint32_t log2)
{
	const uint32_t sizes = nvme_get(d->page, offset, 1);

	return (sizes & 0xf) <= log2 && log2 <= sizes >> 4;
}

static enum nvme_fault take_controller(struct nvme *d)
{
	const uint32_t oacs = nvme_get(d->page, NVME_IDC_OACS, 2);
	const uint32_t oncs = nvme_get(d->page, NVME_IDC_ONCS, 2);
	const uint32_t mdts = nvme_get(d->page, NVME_IDC_MDTS, 1);
	const uint32_t type = nvme_get(d->page, NVME_IDC_CNTRLTYPE, 1);
	struct nvme_identity *id = &d->id;

	get_text(d, NVME_IDC_SN, 20, id->serial);
	get_text(d, NVME_IDC_MN, 40, id->model);
	get_text(d, NVME_IDC_FR, 8, id->firmware);
	id->version = nvme_read(d, NVME_VS);
	id->cntlid = (uint16_t)nvme_get(d->page, NVME_IDC_CNTLID, 2);
	id->namespace_limit = nvme_get(d->page, NVME_IDC_NN, 4);
	id->transfer_max_bytes =
		mdts == 0 ? UINT64_MAX : (uint64_t)PAGE_BYTES << min_u64(mdts, TRANSFER_LOG2_MAX);
	id->has_virtualization = oacs & NVME_OACS_VIRTUALIZATION;
	id->has_ns_management = oacs & NVME_OACS_NS_MANAGEMENT;
	id->has_dsm = oncs & NVME_ONCS_DSM;
	id->has_write_zeroes = oncs & NVME_ONCS_WRITE_ZEROES;
	id->has_cache = nvme_get(d->page, NVME_IDC_VWC, 1) & 1;
	id->shutdown_us = nvme_get(d->page, NVME_IDC_RTD3E, 4);
	if (id->cntlid > NVME_CNTLID_MAX || id->namespace_limit == 0)
		return NVME_FAULT_DATA;
	/* 0: from before the field was there. Discovery and administrative ones have no I/O. */
	if (type > CNTRLTYPE_IO || !takes_entries_of(d, NVME_IDC_SQES, 6) ||
	    !takes_entries_of(d, NVME_IDC_CQES, 4))
		return NVME_FAULT_UNSUPPORTED;
	return NVME_FAULT_NONE;
}

/* --- namespaces ----------------------------------------------------------------------------------------- */

static void add_namespace(struct nvme *d, uint32_t nsid)
{
	if (d->namespace_count == NVME_NAMESPACE_MAX)
		d->namespaces_left_out++;
	else
		d->namespaces[d->namespace_count++] = (struct nvme_namespace){ .nsid = nsid };
}

/* "Active Namespace ID list": increasing, ended by 0. */
static enum nvme_fault take_list(struct nvme *d)
{
	uint32_t last = 0;

	for (uint32_t i = 0; i < LIST_ENTRIES; i++) {
		const uint32_t nsid = nvme_get(d->page, 4 * i, 4);

		if (nsid == 0)
			break;
		if (nsid <= last || nsid > d->id.namespace_limit)
			return NVME_FAULT_DATA;
		add_namespace(d, nsid);
		last = nsid;
	}
	return NVME_FAULT_NONE;
}

/* Before version 1.1 there was no list: namespaces are numbered from 1. */
static void assume_list(struct nvme *d)
{
	const uint32_t count = (uint32_t)min_u64(d->id.namespace_limit, NVME_NAMESPACE_MAX);

	for (uint32_t nsid = 1; nsid <= count; nsid++)
		add_namespace(d, nsid);
	d->namespaces_left_out = d->id.namespace_limit - count;
}

static enum nvme_fault take_namespace(struct nvme *d)
{
	struct nvme_namespace *n = &d->namespaces[d->bringup_index];
	const uint32_t flbas = nvme_get(d->page, NVME_IDN_FLBAS, 1);
	const uint32_t last_format = nvme_get(d->page, NVME_IDN_NLBAF, 1);
	const uint32_t format = (flbas & 0xf) | (flbas >> 5 & 3) << 4;
	const uint32_t protection = nvme_get(d->page, NVME_IDN_DPS, 1) & 7;
	uint32_t lbaf, shift;

	n->block_count = nvme_get64(d->page, NVME_IDN_NSZE);
	if (n->block_count == 0)
		return NVME_FAULT_NONE;
	if (format > last_format || last_format > 63)
		return NVME_FAULT_DATA;
	lbaf = nvme_get(d->page, NVME_IDN_LBAF(format), 4);
	shift = lbaf >> 16 & 0xff;
	if (shift >= BLOCK_SHIFT_MIN && shift <= BLOCK_SHIFT_MAX && (lbaf & 0xffff) == 0 &&
	    protection == 0) {
		if (n->block_count > UINT64_MAX >> shift)
			return NVME_FAULT_DATA;
		n->block_shift = (uint8_t)shift;
		n->is_usable = true;
	}
	return NVME_FAULT_NONE;
}

/* --- queues --------------------------------------------------------------------------------------------- */

static void take_queue_count(struct nvme *d, const struct nvme_done *done)
{
	const uint32_t sq_count = (done->result & 0xffff) + 1;
	const uint32_t cq_count = (done->result >> 16) + 1;
	const uint64_t granted = min_u64(sq_count, cq_count);

	d->io_granted_count = (uint32_t)min_u64(d->io_count, granted);
}

/* --- the sequence --------------------------------------------------------------------------------------- */

static void go_to(struct nvme *d, enum bringup next)
{
	d->bringup = next;
	d->bringup_index = 0;
}

/* To the next step that has something to do. */
static void settle(struct nvme *d)
{
	if (d->bringup == BR_LIST && d->id.version < NVME_VS_1_1) {
		assume_list(d);
		go_to(d, BR_NAMESPACE);
	}
	if (d->bringup == BR_NAMESPACE && d->bringup_index == d->namespace_count)
		go_to(d, BR_QUEUES);
	if (d->bringup == BR_QUEUES && d->io_count == 0)
		go_to(d, BR_DONE);
	if (d->bringup == BR_CREATE_CQ && d->bringup_index == d->io_granted_count)
		go_to(d, BR_DONE);
}

static struct nvme_sqe command(struct nvme *d)
{
	const uint32_t wanted = d->io_count - 1;

	switch ((enum bringup)d->bringup) {
	case BR_CONTROLLER:
		return nvme_identify_command(d, NVME_CNS_CONTROLLER, 0, 0);
	case BR_LIST:
		return nvme_identify_command(d, NVME_CNS_ACTIVE_NAMESPACES, 0, 0);
	case BR_NAMESPACE:
		return nvme_identify_command(d, NVME_CNS_NAMESPACE,
					     d->namespaces[d->bringup_index].nsid, 0);
	case BR_QUEUES:
		return (struct nvme_sqe){ .cdw0 = NVME_ADMIN_SET_FEATURES,
					  .cdw10 = NVME_FEATURE_QUEUES,
					  .cdw11 = wanted << 16 | wanted };
	case BR_CREATE_CQ:
		return nvme_io_create_cq(d, d->bringup_index);
	case BR_CREATE_SQ:
		return nvme_io_create_sq(d, d->bringup_index);
	case BR_DONE:
		break;
	}
	PANIC("no such step of the bring-up");
}

static enum nvme_fault take(struct nvme *d, const struct nvme_done *done)
{
	enum nvme_fault what = NVME_FAULT_NONE;

	switch ((enum bringup)d->bringup) {
	case BR_CONTROLLER:
		what = take_controller(d);
		go_to(d, BR_LIST);
		break;
	case BR_LIST:
		what = take_list(d);
		go_to(d, BR_NAMESPACE);
		break;
	case BR_NAMESPACE:
		what = take_namespace(d);
		d->bringup_index++;
		break;
	case BR_QUEUES:
		take_queue_count(d, done);
		go_to(d, BR_CREATE_CQ);
		break;
	case BR_CREATE_CQ:
		d->bringup = BR_CREATE_SQ;
		break;
	case BR_CREATE_SQ:
		nvme_io_open(d, d->bringup_index++);
		d->bringup = BR_CREATE_CQ;
		break;
	case BR_DONE:
		break;
	}
	return what;
}

void nvme_bringup_begin(struct nvme *d)
{
	d->namespace_count = d->namespaces_left_out = 0;
	d->io_granted_count = 0;
	go_to(d, BR_CONTROLLER);
}

enum nvme_fault nvme_bringup_step(struct nvme *d, uint64_t now_tsc, bool *is_complete)
{
	enum nvme_fault what;
	struct nvme_done done;
	struct nvme_sqe c;

	if (d->admin.owner && !d->admin.is_done)
		return NVME_FAULT_NONE;
	if (nvme_admin_take(d, d, &done)) {
		if (NVME_STATUS_CODE(done.status) != NVME_SC_SUCCESS)
			return NVME_FAULT_COMMAND;
		what = take(d, &done);
		if (what != NVME_FAULT_NONE)
			return what;
	}
	settle(d);
	*is_complete = d->bringup == BR_DONE;
	if (*is_complete)
		return NVME_FAULT_NONE;
	nvme_clear_page(d);
	c = command(d);
	return nvme_admin_send(d, d, &c, now_tsc) == OK ? NVME_FAULT_NONE : NVME_FAULT_COMMAND;
}

/* --- "SMART / Health Information" --------------------------------------------------------------------------- */

static const char smart_owner; /* its address */

enum err nvme_smart_start(struct nvme *d, uint64_t now_tsc)
{
	const struct nvme_sqe c = {
		.cdw0 = NVME_ADMIN_GET_LOG_PAGE,
		.nsid = NVME_NSID_ALL,
		.prp1 = d->page_hpa.v,
		.cdw10 = (NVME_SMART_BYTES / 4 - 1) << 16 | NVME_LOG_SMART,
	};

	if (d->state != NVME_READY || d->admin.owner)
		return ERR_BUSY;
	nvme_clear_page(d);
	return nvme_admin_start(d, &smart_owner, &c, now_tsc);
}

/* 128-bit counters. */
static uint64_t get_saturated(const struct nvme *d, uint32_t offset)
{
	return nvme_get64(d->page, offset + 8) ? UINT64_MAX : nvme_get64(d->page, offset);
}

enum err nvme_smart_take(struct nvme *d, struct nvme_smart *smart)
{
	struct nvme_done done;

	if (!nvme_admin_is_pending(d, &smart_owner))
		return ERR_NODEV;
	if (!nvme_admin_take(d, &smart_owner, &done))
		return ERR_BUSY;
	if (NVME_STATUS_CODE(done.status) != NVME_SC_SUCCESS)
		return ERR_UNSUPPORTED;
	smart->warning = (uint8_t)nvme_get(d->page, NVME_SMART_WARNING, 1);
	smart->temperature_kelvin = (uint16_t)nvme_get(d->page, NVME_SMART_TEMPERATURE, 2);
	smart->spare_percent = (uint8_t)nvme_get(d->page, NVME_SMART_SPARE, 1);
	smart->spare_threshold_percent = (uint8_t)nvme_get(d->page, NVME_SMART_SPARE_THRESHOLD, 1);
	smart->used_percent = (uint8_t)nvme_get(d->page, NVME_SMART_USED, 1);
	smart->units_read = get_saturated(d, NVME_SMART_UNITS_READ);
	smart->units_written = get_saturated(d, NVME_SMART_UNITS_WRITTEN);
	smart->power_cycles = get_saturated(d, NVME_SMART_POWER_CYCLES);
	smart->power_on_hours = get_saturated(d, NVME_SMART_POWER_ON_HOURS);
	smart->unsafe_shutdowns = get_saturated(d, NVME_SMART_UNSAFE_SHUTDOWNS);
	smart->media_errors = get_saturated(d, NVME_SMART_MEDIA_ERRORS);
	return OK;
}
