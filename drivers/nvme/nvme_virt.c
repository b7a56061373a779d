/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers/nvme/nvme_virt.c - the sequence that takes SR-IOV VFs of an NVMe controller online.
 *
 * Stages are the primary's, phases are each VF's. One admin command is in flight at a time; which
 * VF it belongs to is `current`. What a command achieved is read back, not believed.
 */
#include "core/lib/fmt.h"
#include "drivers/nvme/nvme_priv.h"
#include "drivers/nvme/nvme_virt.h"
#include <string.h>

static const char *const resource_names[2] = { [NVME_VM_VQ] = "queue", [NVME_VM_VI] = "interrupt" };

static const char *const phase_texts[] = {
	[NVME_VP_OFFLINE] = "to go offline",
	[NVME_VP_ASSIGN_VQ] = "its queues",
	[NVME_VP_ASSIGN_VI] = "its interrupts",
	[NVME_VP_RESET] = "its reset",
	[NVME_VP_ONLINE] = "to go online",
	[NVME_VP_VERIFY] = "to be online with what it was given",
	[NVME_VP_ATTACH] = "its namespace",
	[NVME_VP_UP] = "nothing",
	[NVME_VP_DOWN] = "nothing",
	[NVME_VP_FAILED] = "nothing",
};

static uint32_t wanted_of(const struct nvme_vf *vf, uint32_t type)
{
	return type == NVME_VM_VQ ? vf->want.vq : vf->want.vi;
}

/* Of all VFs together. */
static uint64_t wanted_sum(const struct nvme_virt *v, uint32_t type)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < v->vf_count; i++)
		sum += wanted_of(&v->vfs[i], type);
	return sum;
}

/*
 * Flexible ones that the primary cannot do without: it has its admin queues, its I/O queues and one
 * interrupt, of its private resources first.
 */
static uint16_t kept_of(const struct nvme_virt *v, uint32_t type)
{
	const uint32_t needed = type == NVME_VM_VQ ? 1 + v->d->io_count : 1;
	const uint32_t own = v->resources[type].own;

	return (uint16_t)(needed > own ? needed - own : 0);
}

/* It has what it needs, and what it has leaves enough for the VFs. */
static bool is_primary_right(const struct nvme_virt *v, uint32_t type)
{
	const struct nvme_resources *r = &v->resources[type];

	return r->primary >= kept_of(v, type) && r->primary + wanted_sum(v, type) <= r->total;
}

static void refuse(struct nvme_virt *v)
{
	v->stage = NVME_VIRT_REFUSED;
}

enum err nvme_virt_init(struct nvme_virt *v, struct nvme *d, const struct nvme_vf_want *wants,
			uint32_t count)
{
	memset(v, 0, sizeof(*v));
	v->d = d;
	v->stage = NVME_VIRT_CAPS;
	v->epoch = d->epoch;
	v->flr_count = d->flr_count;
	if (count == 0 || count > NVME_VF_MAX)
		return ERR_INVAL;
	for (uint32_t i = 0; i < count; i++) {
		if (wants[i].number == 0 || wants[i].vq < NVME_VQ_MIN || wants[i].vi < NVME_VI_MIN)
			return ERR_INVAL;
		for (uint32_t j = 0; j < i; j++)
			if (wants[j].number == wants[i].number)
				return ERR_INVAL;
		v->vfs[i].want = wants[i];
		v->vfs[i].is_wanted_up = true;
	}
	v->vf_count = count;
	return OK;
}

/* --- capabilities ---------------------------------------------------------------------------------- */

/* False: refused. */
static bool check_resources(struct nvme_virt *v, uint32_t type)
{
	const struct nvme_resources *r = &v->resources[type];
	const char *name = resource_names[type];
	const uint64_t sum = wanted_sum(v, type);

	for (uint32_t i = 0; i < v->vf_count; i++) {
		const uint32_t wanted = wanted_of(&v->vfs[i], type);

		if (wanted > r->most) {
			fmt_text(v->why, sizeof(v->why), "VF %u wants %u %s resources, may have %u",
				 v->vfs[i].want.number, wanted, name, r->most);
			return false;
		}
	}
	if (sum + kept_of(v, type) > r->total) {
		fmt_text(v->why, sizeof(v->why),
			 "%u %s resources for VFs and %u for the primary, there are %u",
			 (uint32_t)sum, name, kept_of(v, type), r->total);
		return false;
	}
	return true;
}

static void read_resources(struct nvme_virt *v, uint32_t type)
{
	const volatile uint8_t *page = v->d->page;
	const uint32_t at = NVME_PCC_RESOURCES(type);

	v->resources[type] = (struct nvme_resources){
		.total = nvme_get(page, at + NVME_PCC_FRT, 4),
		.assigned = nvme_get(page, at + NVME_PCC_RFA, 4),
		.primary = (uint16_t)nvme_get(page, at + NVME_PCC_RFAP, 2),
		.own = (uint16_t)nvme_get(page, at + NVME_PCC_PRT, 2),
		.most = (uint16_t)nvme_get(page, at + NVME_PCC_FRSM, 2),
	};
}

static void take_caps(struct nvme_virt *v)
{
	const uint32_t cntlid = nvme_get(v->d->page, NVME_PCC_CNTLID, 2);
	const uint32_t types = nvme_get(v->d->page, NVME_PCC_CRT, 1);

	if (cntlid != v->d->id.cntlid || (types & 3) != 3) {
		fmt_text(v->why, sizeof(v->why),
			 "capabilities of controller %u, resource types %u: need %u and 3", cntlid,
			 types & 3, v->d->id.cntlid);
		refuse(v);
		return;
	}
	read_resources(v, NVME_VM_VQ);
	read_resources(v, NVME_VM_VI);
	if (!check_resources(v, NVME_VM_VQ) || !check_resources(v, NVME_VM_VI))
		refuse(v);
	else
		v->stage = NVME_VIRT_LIST;
}

/* --- the list of secondaries ------------------------------------------------------------------------- */

struct entry { /* "Secondary Controller Entry" */
	uint16_t scid, pcid, vfn, nvq, nvi;
	bool is_online;
};

static struct entry get_entry(const struct nvme_virt *v, uint32_t i)
{
	const volatile uint8_t *page = v->d->page;
	const uint32_t at = NVME_SCL_ENTRY(i);

	return (struct entry){
		.scid = (uint16_t)nvme_get(page, at + NVME_SCE_SCID, 2),
		.pcid = (uint16_t)nvme_get(page, at + NVME_SCE_PCID, 2),
		.vfn = (uint16_t)nvme_get(page, at + NVME_SCE_VFN, 2),
		.nvq = (uint16_t)nvme_get(page, at + NVME_SCE_NVQ, 2),
		.nvi = (uint16_t)nvme_get(page, at + NVME_SCE_NVI, 2),
		.is_online = nvme_get(page, at + NVME_SCE_SCS, 1) & NVME_SCE_SCS_ONLINE,
	};
}

static bool is_scid_taken(const struct nvme_virt *v, uint16_t scid)
{
	for (uint32_t i = 0; i < v->vf_count; i++)
		if (v->vfs[i].is_known && v->vfs[i].scid == scid)
			return true;
	return scid == v->d->id.cntlid;
}

static void know(struct nvme_virt *v, const struct entry *e)
{
	for (uint32_t i = 0; i < v->vf_count; i++) {
		struct nvme_vf *vf = &v->vfs[i];

		if (vf->want.number == e->vfn && !vf->is_known && !is_scid_taken(v, e->scid)) {
			vf->scid = e->scid;
			vf->is_known = true;
		}
	}
}

/* What the primary holds too much of, it is told to give up; a reset has to follow. */
static void after_list(struct nvme_virt *v)
{
	const struct nvme_resources *r = v->resources;

	if (is_primary_right(v, NVME_VM_VQ) && is_primary_right(v, NVME_VM_VI)) {
		v->is_primary_changed = false;
		v->stage = NVME_VIRT_WANTS_VFS;
		return;
	}
	if (v->is_primary_changed) {
		fmt_text(v->why, sizeof(v->why),
			 "the primary keeps %u queue and %u interrupt resources after its reset",
			 r[NVME_VM_VQ].primary, r[NVME_VM_VI].primary);
		refuse(v);
		return;
	}
	v->stage = NVME_VIRT_PRIMARY_VQ;
}

/* VF numbers are found by the 127 entries of the first page: that is more than NVME_VF_MAX. */
static void take_list(struct nvme_virt *v)
{
	const uint32_t count =
		(uint32_t)min_u64(nvme_get(v->d->page, NVME_SCL_COUNT, 1), NVME_SCL_ENTRIES);

	for (uint32_t i = 0; i < v->vf_count; i++)
		v->vfs[i].is_known = false;
	for (uint32_t i = 0; i < count; i++) {
		const struct entry e = get_entry(v, i);

		if (e.pcid == v->d->id.cntlid && e.scid <= NVME_CNTLID_MAX)
			know(v, &e);
	}
	for (uint32_t i = 0; i < v->vf_count; i++) {
		if (v->vfs[i].is_known)
			continue;
		fmt_text(v->why, sizeof(v->why), "VF %u is not in the list of %u secondaries",
			 v->vfs[i].want.number, count);
		refuse(v);
		return;
	}
	after_list(v);
}

/* --- one VF ------------------------------------------------------------------------------------------- */

static void fail_vf(struct nvme_vf *vf, uint16_t status)
{
	vf->failed_phase = vf->phase;
	vf->failed_status = status;
	vf->phase = NVME_VP_FAILED;
}

static void take_verify(struct nvme_virt *v, struct nvme_vf *vf)
{
	const struct entry e = get_entry(v, 0);

	if (nvme_get(v->d->page, NVME_SCL_COUNT, 1) == 0 || e.scid != vf->scid || !e.is_online ||
	    e.nvq < vf->want.vq || e.nvi < vf->want.vi)
		fail_vf(vf, 0);
	else
		vf->phase = vf->want.nsid ? NVME_VP_ATTACH : NVME_VP_UP;
}

static bool is_good(enum nvme_vf_phase phase, uint16_t status)
{
	const uint32_t code = NVME_STATUS_CODE(status);

	return code == NVME_SC_SUCCESS || (phase == NVME_VP_ATTACH && code == NVME_SC_NS_ATTACHED);
}

static void take_vf(struct nvme_virt *v, const struct nvme_done *done)
{
	struct nvme_vf *vf = &v->vfs[v->current];

	/* It was sent elsewhere in the meantime. */
	if (vf->phase != v->sent_phase)
		return;
	if (!is_good(vf->phase, done->status)) {
		fail_vf(vf, done->status);
		return;
	}
	switch (vf->phase) {
	case NVME_VP_OFFLINE:
		vf->phase = vf->is_wanted_up ? NVME_VP_ASSIGN_VQ : NVME_VP_DOWN;
		break;
	case NVME_VP_ASSIGN_VQ:
		vf->phase = NVME_VP_ASSIGN_VI;
		break;
	case NVME_VP_ASSIGN_VI:
		vf->phase = NVME_VP_RESET;
		break;
	case NVME_VP_ONLINE:
		vf->phase = NVME_VP_VERIFY;
		break;
	case NVME_VP_VERIFY:
		take_verify(v, vf);
		break;
	case NVME_VP_ATTACH:
		vf->phase = NVME_VP_UP;
		break;
	default:
		break;
	}
}

/* "Controller List": how many, then their identifiers. */
static void put_controller_list(struct nvme *d, uint16_t cntlid)
{
	d->page[0] = 1;
	d->page[1] = 0;
	d->page[2] = (uint8_t)cntlid;
	d->page[3] = (uint8_t)(cntlid >> 8);
}

static struct nvme_sqe management(uint16_t cntlid, uint32_t type, uint32_t action, uint32_t count)
{
	return (struct nvme_sqe){
		.cdw0 = NVME_ADMIN_VIRTUALIZATION,
		.cdw10 = NVME_VM_CDW10(cntlid, type, action),
		.cdw11 = count,
	};
}

/* False: nothing to send in this phase. */
static bool vf_command(struct nvme_virt *v, const struct nvme_vf *vf, struct nvme_sqe *c)
{
	switch (vf->phase) {
	case NVME_VP_OFFLINE:
		*c = management(vf->scid, NVME_VM_VQ, NVME_VM_OFFLINE, 0);
		return true;
	case NVME_VP_ASSIGN_VQ:
		*c = management(vf->scid, NVME_VM_VQ, NVME_VM_ASSIGN, vf->want.vq);
		return true;
	case NVME_VP_ASSIGN_VI:
		*c = management(vf->scid, NVME_VM_VI, NVME_VM_ASSIGN, vf->want.vi);
		return true;
	case NVME_VP_ONLINE:
		*c = management(vf->scid, NVME_VM_VQ, NVME_VM_ONLINE, 0);
		return true;
	case NVME_VP_VERIFY:
		*c = nvme_identify_command(v->d, NVME_CNS_SECONDARY_LIST, 0, vf->scid);
		return true;
	case NVME_VP_ATTACH:
		put_controller_list(v->d, vf->scid);
		*c = (struct nvme_sqe){ .cdw0 = NVME_ADMIN_NS_ATTACHMENT,
					.nsid = vf->want.nsid,
					.prp1 = v->d->page_hpa.v };
		return true;
	default:
		return false;
	}
}

/* --- the sequence --------------------------------------------------------------------------------------- */

/* The VFs that a reset of the primary took down come up again, with their commands repeated. */
static void notice_reset(struct nvme_virt *v)
{
	const bool are_vfs_gone = v->flr_count != v->d->flr_count;

	if (v->epoch == v->d->epoch)
		return;
	v->epoch = v->d->epoch;
	v->flr_count = v->d->flr_count;
	v->is_sent = false;
	if (v->stage == NVME_VIRT_REFUSED)
		return;
	for (uint32_t i = 0; i < v->vf_count; i++) {
		v->vfs[i].lost_count += v->vfs[i].phase == NVME_VP_UP;
		v->vfs[i].phase = NVME_VP_OFFLINE;
	}
	if (v->stage != NVME_VIRT_RUN || are_vfs_gone)
		v->stage = NVME_VIRT_CAPS;
}

static void take_answer(struct nvme_virt *v, const struct nvme_done *done)
{
	const bool is_ok = NVME_STATUS_CODE(done->status) == NVME_SC_SUCCESS;

	if (v->stage == NVME_VIRT_RUN) {
		take_vf(v, done);
		return;
	}
	if (!is_ok) {
		fmt_text(v->why, sizeof(v->why), "the controller answers with status %03x",
			 NVME_STATUS_CODE(done->status));
		refuse(v);
	} else if (v->stage == NVME_VIRT_CAPS) {
		take_caps(v);
	} else if (v->stage == NVME_VIRT_LIST) {
		take_list(v);
	} else if (v->stage == NVME_VIRT_PRIMARY_VQ) {
		v->stage = NVME_VIRT_PRIMARY_VI;
	} else if (v->stage == NVME_VIRT_PRIMARY_VI) {
		v->is_primary_changed = true;
		v->stage = NVME_VIRT_CAPS;
	}
}

/* Round robin, so that a VF that fails and is asked for again does not keep the others waiting. */
static bool next_vf_command(struct nvme_virt *v, struct nvme_sqe *c)
{
	for (uint32_t i = 1; i <= v->vf_count; i++) {
		const uint32_t at = (v->current + i) % v->vf_count;

		if (vf_command(v, &v->vfs[at], c)) {
			v->current = at;
			return true;
		}
	}
	return false;
}

static bool next_command(struct nvme_virt *v, struct nvme_sqe *c)
{
	const uint16_t primary = v->d->id.cntlid;

	switch (v->stage) {
	case NVME_VIRT_CAPS:
		*c = nvme_identify_command(v->d, NVME_CNS_PRIMARY_CAPS, 0, 0);
		return true;
	case NVME_VIRT_LIST:
		*c = nvme_identify_command(v->d, NVME_CNS_SECONDARY_LIST, 0, 0);
		return true;
	case NVME_VIRT_PRIMARY_VQ:
		*c = management(primary, NVME_VM_VQ, NVME_VM_PRIMARY, kept_of(v, NVME_VM_VQ));
		return true;
	case NVME_VIRT_PRIMARY_VI:
		*c = management(primary, NVME_VM_VI, NVME_VM_PRIMARY, kept_of(v, NVME_VM_VI));
		return true;
	case NVME_VIRT_RUN:
		return next_vf_command(v, c);
	default:
		return false;
	}
}

static void check_support(struct nvme_virt *v)
{
	bool wants_attach = false;

	for (uint32_t i = 0; i < v->vf_count; i++)
		wants_attach |= v->vfs[i].want.nsid != 0;
	if (!v->d->id.has_virtualization)
		fmt_text(v->why, sizeof(v->why), "it lacks the Virtualization Management command");
	else if (wants_attach && !v->d->id.has_ns_management)
		fmt_text(v->why, sizeof(v->why), "it lacks the Namespace Attachment command");
	else
		return;
	refuse(v);
}

static void send_next(struct nvme_virt *v, uint64_t now_tsc)
{
	struct nvme_sqe c;

	/* The data page belongs to whoever has the way: do not touch it before. */
	if (v->d->admin.owner)
		return;
	nvme_clear_page(v->d);
	if (!next_command(v, &c))
		return;
	v->sent_phase = v->vfs[v->current].phase;
	v->is_sent = nvme_admin_start(v->d, v, &c, now_tsc) == OK;
}

enum nvme_virt_stage nvme_virt_step(struct nvme_virt *v, uint64_t now_tsc, uint64_t *again_tsc)
{
	struct nvme_done done;

	*again_tsc = TSC_NEVER;
	notice_reset(v);
	if (v->d->state != NVME_READY || v->stage == NVME_VIRT_REFUSED)
		return v->stage;
	if (v->stage == NVME_VIRT_CAPS)
		check_support(v);
	if (v->is_sent && nvme_admin_take(v->d, v, &done)) {
		const bool was_primary = v->stage == NVME_VIRT_PRIMARY_VI;

		v->is_sent = false;
		take_answer(v, &done);
		if (was_primary && v->stage == NVME_VIRT_CAPS) {
			nvme_reset(v->d, NVME_RESET_FUNCTION, now_tsc);
			*again_tsc = now_tsc + v->d->poll_tsc;
			return v->stage;
		}
	}
	if (!v->is_sent)
		send_next(v, now_tsc);
	if (v->is_sent)
		*again_tsc = now_tsc + v->d->poll_tsc;
	return v->stage;
}

/* --- the caller's side ------------------------------------------------------------------------------------ */

void nvme_virt_vfs_enabled(struct nvme_virt *v)
{
	if (v->stage == NVME_VIRT_WANTS_VFS)
		v->stage = NVME_VIRT_RUN;
}

const char *nvme_virt_why(const struct nvme_virt *v)
{
	return v->why;
}

enum nvme_vf_state nvme_virt_vf(const struct nvme_virt *v, uint32_t i)
{
	switch (v->vfs[i].phase) {
	case NVME_VP_UP:
		return NVME_VF_UP;
	case NVME_VP_DOWN:
		return NVME_VF_DOWN;
	case NVME_VP_FAILED:
		return NVME_VF_FAILED;
	case NVME_VP_RESET:
		return NVME_VF_WANTS_RESET;
	default:
		return NVME_VF_WORKING;
	}
}

void nvme_virt_vf_was_reset(struct nvme_virt *v, uint32_t i)
{
	if (v->vfs[i].phase == NVME_VP_RESET)
		v->vfs[i].phase = NVME_VP_ONLINE;
}

void nvme_virt_vf_take_down(struct nvme_virt *v, uint32_t i)
{
	v->vfs[i].is_wanted_up = false;
	v->vfs[i].phase = NVME_VP_OFFLINE;
}

void nvme_virt_vf_bring_up(struct nvme_virt *v, uint32_t i)
{
	v->vfs[i].is_wanted_up = true;
	v->vfs[i].phase = NVME_VP_OFFLINE;
}

void nvme_virt_vf_failure(const struct nvme_virt *v, uint32_t i, char *text, size_t bytes)
{
	const struct nvme_vf *vf = &v->vfs[i];

	if (vf->failed_status)
		fmt_text(text, bytes, "VF %u (controller %u) is refused %s: status %03x",
			 vf->want.number, vf->scid, phase_texts[vf->failed_phase],
			 NVME_STATUS_CODE(vf->failed_status));
	else
		fmt_text(text, bytes, "VF %u (controller %u) is not seen %s", vf->want.number,
			 vf->scid, phase_texts[vf->failed_phase]);
}
