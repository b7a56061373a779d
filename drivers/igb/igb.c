/* SPDX-License-Identifier: Apache-2.0 */
/* Bring-up, link, and the round that igb_poll() makes. */
#include "drivers/igb/igb_internal.h"

#define MASTER_NS       MS(100) /* that requests under way may take to end */
#define MASTER_AGAIN_NS US(100)
#define RESET_NS        MS(1) /* not to be touched */
#define RESET_WAIT_NS   MS(20)
#define RESET_AGAIN_NS  US(500)
#define SEMAPHORE_NS    MS(100)
#define SEMAPHORE_AGAIN MS(1)
#define MDIC_NS         MS(10)
#define MDIC_AGAIN_NS   US(50)
#define SLOW_NS         MS(10)

enum step {
	STEP_QUIESCE,
	STEP_MASTER,
	STEP_RESET,
	STEP_MTA,
	STEP_UTA,
	STEP_VFTA,
	STEP_RAR,
	STEP_SWITCH,
	STEP_MEASURE,
	STEP_PHY_LOCK,
	STEP_PHY,
	STEP_PHY_RELEASE,
	STEP_GO,
	STEP_COUNT
};

/* --- registers in a mapped page --------------------------------------------------------------- */

static uint32_t mapped_read(void *context, uint32_t reg)
{
	return *(volatile uint32_t *)((uintptr_t)context + reg);
}

static void mapped_write(void *context, uint32_t reg, uint32_t value)
{
	*(volatile uint32_t *)((uintptr_t)context + reg) = value;
}

struct igb_io igb_io_mapped(volatile void *bar)
{
	return (struct igb_io){ mapped_read, mapped_write, (void *)(uintptr_t)bar };
}

/* --- configuration ---------------------------------------------------------------------------- */

static bool add_vlan(struct igb *d, uint32_t vlan)
{
	for (uint32_t slot = 0; slot < d->vlan_count; slot++)
		if (d->vlans[slot] == vlan)
			return true;
	if (d->vlan_count == IGB_VLAN_MAX)
		return false;
	d->vlans[d->vlan_count++] = (uint16_t)vlan;
	return true;
}

static const char *check_vf(struct igb *d, const struct igb_vf_config *c)
{
	static const struct igb_mac none;

	if (!igb_mac_is_same(&c->mac, &none) && !igb_mac_is_unicast(&c->mac))
		return "a VF's address is not a unicast one";
	if (c->vlan > 4094 || c->priority > 7)
		return "a port VLAN is 1 to 4094, its priority 0 to 7";
	if (c->vlan && c->tagged[0])
		return "a VF has a port VLAN and may tag, too";
	if (c->frame_max_bytes &&
	    (c->frame_max_bytes < IGB_FRAME_STANDARD || c->frame_max_bytes > IGB_FRAME_MAX))
		return "a longest frame is 1522 to 9728 bytes";
	if (!add_vlan(d, c->vlan))
		return "more VLANs than the device has filters for";
	for (uint32_t i = 0; i < IGB_TAGGED_MAX && c->tagged[i]; i++) {
		if (c->tagged[i] > 4094)
			return "a VLAN to tag is 1 to 4094";
		if (!add_vlan(d, c->tagged[i]))
			return "more VLANs than the device has filters for";
	}
	return NULL;
}

static const char *check_config(struct igb *d)
{
	const struct igb_config *c = &d->config;
	uint32_t extra_macs = 0;

	if (!c->tsc_hz)
		return "no TSC frequency";
	if (!c->vf_count || c->vf_count > IGB_VF_MAX)
		return "1 to 8 VFs";
	for (uint32_t vf = 0; vf < c->vf_count; vf++) {
		const char *why = check_vf(d, &c->vfs[vf]);

		if (why)
			return why;
		extra_macs += c->vfs[vf].extra_mac_count;
	}
	return extra_macs > ARRAY_SIZE(d->extra) ? "more addresses than the device has filters for"
						 : NULL;
}

enum err igb_init(struct igb *d, const struct igb_config *config, const struct igb_io *io)
{
	*d = (struct igb){ .io = *io, .config = *config, .vlan_count = 1 };
	if (!d->config.interval_ns)
		d->config.interval_ns = SEC(1);
	if (!d->config.message_max)
		d->config.message_max = 256;
	if (!d->config.spoof_max)
		d->config.spoof_max = 64;
	d->why = check_config(d);
	if (!d->why)
		return OK;
	d->state = IGB_FAILED;
	return d->error = ERR_INVAL;
}

/* --- bring-up --------------------------------------------------------------------------------- */

static void go(struct igb *d, enum step step, uint64_t due_tsc)
{
	d->step = step;
	d->due_tsc = due_tsc;
}

static void again(struct igb *d, uint64_t now_tsc, uint64_t ns)
{
	d->due_tsc = now_tsc + igb_ticks(d, ns);
}

static void until(struct igb *d, uint64_t now_tsc, uint64_t ns)
{
	d->deadline_tsc = now_tsc + igb_ticks(d, ns);
}

static enum err fail(struct igb *d, enum err error, const char *why)
{
	d->why = why;
	return error;
}

/* Nothing may be under way on the bus when the reset comes: "Master Disable". */
static enum err step_quiesce(struct igb *d, uint64_t now_tsc)
{
	const uint32_t ctrl = igb_read(d, IGB_CTRL);

	if (ctrl == UINT32_MAX)
		return fail(d, ERR_NODEV, "registers read all ones");
	igb_write(d, IGB_VFRE, 0);
	igb_write(d, IGB_VFTE, 0);
	for (uint32_t vf = 0; vf < d->config.vf_count && d->has_tables; vf++) {
		igb_stats_sample(d, vf);
		if (d->vfs[vf].state == IGB_VF_IS_READY) {
			igb_mailbox_warn(d, vf);
			d->notify |= BIT32(vf);
		}
	}
	igb_write(d, IGB_CTRL, ctrl | IGB_CTRL_MASTER_DISABLE);
	until(d, now_tsc, MASTER_NS);
	go(d, STEP_MASTER, now_tsc);
	return OK;
}

/* A device that does not get there is reset all the same, as the data sheet has it. */
static enum err step_master(struct igb *d, uint64_t now_tsc)
{
	if (igb_read(d, IGB_STATUS) & IGB_STATUS_MASTER_ENABLE && now_tsc < d->deadline_tsc) {
		again(d, now_tsc, MASTER_AGAIN_NS);
		return OK;
	}
	d->has_tables = false;
	igb_write(d, IGB_IMC, UINT32_MAX);
	igb_write(d, IGB_EIMC, UINT32_MAX);
	igb_write(d, IGB_RCTL, 0);
	igb_write(d, IGB_TCTL, IGB_TCTL_PSP);
	igb_write(d, IGB_CTRL, igb_read(d, IGB_CTRL) | IGB_CTRL_RST);
	until(d, now_tsc, RESET_WAIT_NS);
	go(d, STEP_RESET, now_tsc + igb_ticks(d, RESET_NS));
	return OK;
}

static void read_mac(struct igb *d)
{
	const uint32_t low = igb_read(d, IGB_RAL(0)), high = igb_read(d, IGB_RAH(0));

	d->mac = (struct igb_mac){ { (uint8_t)low, (uint8_t)(low >> 8), (uint8_t)(low >> 16),
				     (uint8_t)(low >> 24), (uint8_t)high, (uint8_t)(high >> 8) } };
}

/* Without an EEPROM AUTO_RD never comes: not an error in itself. */
static enum err step_reset(struct igb *d, uint64_t now_tsc)
{
	const uint32_t ctrl = igb_read(d, IGB_CTRL);
	const bool is_done = !(ctrl & IGB_CTRL_RST) && igb_read(d, IGB_EECD) & IGB_EECD_AUTO_RD;
	const char *why;

	if (!is_done && now_tsc < d->deadline_tsc) {
		again(d, now_tsc, RESET_AGAIN_NS);
		return OK;
	}
	if (ctrl == UINT32_MAX)
		return fail(d, ERR_NODEV, "registers read all ones after a reset");
	if (ctrl & IGB_CTRL_RST)
		return fail(d, ERR_TIMEOUT, "it does not come out of its reset");
	igb_write(d, IGB_IMC, UINT32_MAX);
	igb_write(d, IGB_EIMC, UINT32_MAX);
	if (IGB_CTRL_EXT_LINK_MODE(igb_read(d, IGB_CTRL_EXT)))
		return fail(d, ERR_UNSUPPORTED, "not a copper port");
	read_mac(d);
	why = igb_vf_check_macs(d);
	if (why)
		return fail(d, ERR_INVAL, why);
	d->port = IGB_STATUS_LAN_ID(igb_read(d, IGB_STATUS));
	igb_stats_restarted(d);
	go(d, STEP_MTA, now_tsc);
	return OK;
}

static enum err step_mta(struct igb *d, uint64_t now_tsc)
{
	for (uint32_t i = 0; i < IGB_MTA_WORDS; i++)
		igb_write(d, IGB_MTA(i), 0);
	go(d, STEP_UTA, now_tsc);
	return OK;
}

static enum err step_uta(struct igb *d, uint64_t now_tsc)
{
	for (uint32_t i = 0; i < IGB_UTA_WORDS; i++)
		igb_write(d, IGB_UTA(i), 0);
	go(d, STEP_VFTA, now_tsc);
	return OK;
}

static enum err step_vfta(struct igb *d, uint64_t now_tsc)
{
	for (uint32_t i = 0; i < IGB_VFTA_WORDS; i++)
		igb_write(d, IGB_VFTA(i), 0);
	go(d, STEP_RAR, now_tsc);
	return OK;
}

/* The PF's own address goes, too: it receives nothing. */
static enum err step_rar(struct igb *d, uint64_t now_tsc)
{
	for (uint32_t i = 0; i < IGB_RAR_COUNT; i++) {
		igb_write(d, IGB_RAH(i), 0);
		igb_write(d, IGB_RAL(i), 0);
	}
	for (uint32_t i = 0; i < IGB_VLVF_COUNT; i++)
		igb_write(d, IGB_VLVF(i), 0);
	for (uint32_t pool = 0; pool < IGB_VF_MAX; pool++) {
		igb_write(d, IGB_VMOLR(pool), IGB_VMOLR_STRCRC);
		igb_write(d, IGB_VMVIR(pool), IGB_VMVIR_NEVER);
	}
	go(d, STEP_SWITCH, now_tsc);
	return OK;
}

/*
 * Replicated frames go by RPLOLR, others by their pool's VMOLR: tags come off in both, and the
 * descriptor tells what it was. No pool gets its own frames back (DTXSWC 23:16).
 */
static enum err step_switch(struct igb *d, uint64_t now_tsc)
{
	const uint32_t all = BIT32(IGB_VF_MAX) - 1;
	uint32_t ctrl = igb_read(d, IGB_CTRL);

	ctrl &= ~(IGB_CTRL_MASTER_DISABLE | IGB_CTRL_LRST | IGB_CTRL_FRCSPD | IGB_CTRL_FRCDPLX);
	igb_write(d, IGB_CTRL, ctrl | IGB_CTRL_SLU | IGB_CTRL_FD);
	igb_write(d, IGB_MRQC, IGB_MRQC_VMDQ);
	igb_write(d, IGB_VT_CTL, IGB_VT_CTL_DIS_DEF | IGB_VT_CTL_RPL_EN);
	igb_write(d, IGB_RPLOLR, IGB_RPLOLR_STRVLAN | IGB_RPLOLR_STRCRC);
	igb_write(d, IGB_DTXSWC,
		  IGB_DTXSWC_LOOPBACK_EN | IGB_DTXSWC_MACAS(all) | IGB_DTXSWC_VLANAS(all));
	igb_write(d, IGB_DTXCTL,
		  igb_read(d, IGB_DTXCTL) | IGB_DTXCTL_VLAN_ADDED | IGB_DTXCTL_MDP_EN |
			  IGB_DTXCTL_SPOOF_INT);
	igb_write(d, IGB_QDE, IGB_QDE_ALL);
	igb_write(d, IGB_RLPML, IGB_FRAME_MAX);
	/* VFs signal by MSI-X, and their vectors work in this mode only. */
	igb_write(d, IGB_GPIE, IGB_GPIE_NSICR | IGB_GPIE_MSIX_MODE | IGB_GPIE_EIAME | IGB_GPIE_PBA);
	igb_vf_restore(d);
	go(d, STEP_MEASURE, now_tsc);
	return OK;
}

/* As often as it is called: what lies between two calls is how exact it is. */
static enum err step_measure(struct igb *d, uint64_t now_tsc)
{
	if (!igb_throttle_measure(d, now_tsc))
		return OK;
	until(d, now_tsc, SEMAPHORE_NS);
	d->has_phy = d->was_forced = false;
	go(d, STEP_PHY_LOCK, now_tsc);
	return OK;
}

/* "Software-Firmware Synchronization": the semaphore guards the word that says who has the PHY. */
static bool take_semaphore(struct igb *d)
{
	if (igb_read(d, IGB_SWSM) & IGB_SWSM_SMBI)
		return false;
	igb_write(d, IGB_SWSM, IGB_SWSM_SMBI | IGB_SWSM_SWESMBI);
	if (igb_read(d, IGB_SWSM) & IGB_SWSM_SWESMBI)
		return true;
	igb_write(d, IGB_SWSM, 0);
	return false;
}

static bool take_phy(struct igb *d)
{
	const uint32_t mine = IGB_SW_FW_SYNC_PHY(d->port);
	uint32_t sync;

	if (!take_semaphore(d))
		return false;
	sync = igb_read(d, IGB_SW_FW_SYNC);
	if (!(sync & (mine | IGB_SW_FW_SYNC_FW(mine)))) {
		igb_write(d, IGB_SW_FW_SYNC, sync | mine);
		d->has_phy = true;
	}
	igb_write(d, IGB_SWSM, 0);
	return d->has_phy;
}

/*
 * Software before us may have kept the semaphore: it is broken once. Who cannot have the PHY even
 * so lets it be: it negotiates by itself after power-up.
 */
static enum err step_phy_lock(struct igb *d, uint64_t now_tsc)
{
	if (take_phy(d)) {
		igb_write(d, IGB_MDIC,
			  IGB_MDIC_WRITE | IGB_MDIC_PHY(IGB_PHY_ADDRESS) |
				  IGB_MDIC_REG(MII_CONTROL) | MII_CONTROL_AUTONEG |
				  MII_CONTROL_RESTART);
		until(d, now_tsc, MDIC_NS);
		go(d, STEP_PHY, now_tsc + igb_ticks(d, MDIC_AGAIN_NS));
		return OK;
	}
	if (now_tsc < d->deadline_tsc) {
		again(d, now_tsc, SEMAPHORE_AGAIN);
		return OK;
	}
	if (d->was_forced) {
		go(d, STEP_GO, now_tsc);
		return OK;
	}
	d->was_forced = true;
	igb_write(d, IGB_SWSM, 0);
	until(d, now_tsc, SEMAPHORE_NS);
	again(d, now_tsc, SEMAPHORE_AGAIN);
	return OK;
}

static enum err step_phy(struct igb *d, uint64_t now_tsc)
{
	if (!(igb_read(d, IGB_MDIC) & IGB_MDIC_READY) && now_tsc < d->deadline_tsc) {
		again(d, now_tsc, MDIC_AGAIN_NS);
		return OK;
	}
	until(d, now_tsc, SEMAPHORE_NS);
	go(d, STEP_PHY_RELEASE, now_tsc);
	return OK;
}

/* At the deadline without the semaphore: the bit is ours, and kept it would be lost for all. */
static enum err step_phy_release(struct igb *d, uint64_t now_tsc)
{
	if (!take_semaphore(d) && now_tsc < d->deadline_tsc) {
		again(d, now_tsc, SEMAPHORE_AGAIN);
		return OK;
	}
	igb_write(d, IGB_SW_FW_SYNC, igb_read(d, IGB_SW_FW_SYNC) & ~IGB_SW_FW_SYNC_PHY(d->port));
	igb_write(d, IGB_SWSM, 0);
	d->has_phy = false;
	go(d, STEP_GO, now_tsc);
	return OK;
}

static void enable_interrupt(struct igb *d)
{
	igb_write(d, IGB_IVAR_MISC, IGB_IVAR_OTHER(IGB_PF_VECTOR));
	igb_write(d, IGB_EIAM, igb_read(d, IGB_EIAM) | BIT32(IGB_PF_VECTOR));
	igb_write(d, IGB_MBVFIMR, BIT32(IGB_VF_MAX) - 1);
	igb_write(d, IGB_IMS, IGB_ICR_VMMB | IGB_ICR_LSC | IGB_ICR_DOUTSYNC);
	igb_write(d, IGB_EIMS, BIT32(IGB_PF_VECTOR));
}

/* PFRSTD comes last: with it VFs see RSTI go, and begin. */
static enum err step_go(struct igb *d, uint64_t now_tsc)
{
	uint32_t tctl = igb_read(d, IGB_TCTL);

	igb_write(d, IGB_RCTL,
		  IGB_RCTL_EN | IGB_RCTL_LPE | IGB_RCTL_BAM | IGB_RCTL_VFE | IGB_RCTL_SECRC);
	igb_write(d, IGB_TCTL, tctl | IGB_TCTL_EN | IGB_TCTL_PSP);
	if (d->config.has_interrupt)
		enable_interrupt(d);
	igb_write(d, IGB_CTRL_EXT,
		  igb_read(d, IGB_CTRL_EXT) | IGB_CTRL_EXT_PFRSTD | IGB_CTRL_EXT_DRV_LOAD);
	d->is_link_up = false;
	d->slow_tsc = now_tsc;
	d->state = IGB_UP;
	d->due_tsc = TSC_NEVER;
	return OK;
}

enum err igb_step(struct igb *d, uint64_t now_tsc, uint64_t *again_tsc)
{
	static enum err (*const steps[STEP_COUNT])(struct igb *, uint64_t) = {
		[STEP_QUIESCE] = step_quiesce, [STEP_MASTER] = step_master,
		[STEP_RESET] = step_reset,     [STEP_MTA] = step_mta,
		[STEP_UTA] = step_uta,         [STEP_VFTA] = step_vfta,
		[STEP_RAR] = step_rar,         [STEP_SWITCH] = step_switch,
		[STEP_MEASURE] = step_measure, [STEP_PHY_LOCK] = step_phy_lock,
		[STEP_PHY] = step_phy,         [STEP_PHY_RELEASE] = step_phy_release,
		[STEP_GO] = step_go,
	};

	if (d->state == IGB_COMING && now_tsc >= d->due_tsc) {
		d->error = steps[d->step](d, now_tsc);
		if (d->error != OK)
			d->state = IGB_FAILED;
	}
	*again_tsc = d->state == IGB_COMING ? d->due_tsc : TSC_NEVER;
	return d->state == IGB_COMING ? ERR_BUSY : d->error;
}

/* A configuration that was refused stays refused. */
void igb_restart(struct igb *d)
{
	if (d->error == ERR_INVAL)
		return;
	d->state = IGB_COMING;
	d->error = OK;
	d->why = NULL;
	go(d, STEP_QUIESCE, 0);
}

bool igb_is_up(const struct igb *d)
{
	return d->state == IGB_UP;
}

/* --- the round -------------------------------------------------------------------------------- */

/* VFs do not look at the link again until they are told to. */
static void check_link(struct igb *d, struct igb_events *events)
{
	const bool is_up = igb_read(d, IGB_STATUS) & IGB_STATUS_LU;

	if (is_up == d->is_link_up)
		return;
	d->is_link_up = is_up;
	igb_tell(events, is_up ? IGB_LINK_UP : IGB_LINK_DOWN, 0, 0, 0);
	for (uint32_t vf = 0; vf < d->config.vf_count; vf++)
		if (d->vfs[vf].state == IGB_VF_IS_READY)
			d->notify |= BIT32(vf);
}

/* Counters of 32 bits: at 1 Gbit/s octets wrap in 34 s, and one VF is read every 10 ms. */
static void slow_round(struct igb *d, uint64_t now_tsc, struct igb_events *events)
{
	if (now_tsc < d->slow_tsc)
		return;
	d->slow_tsc = now_tsc + igb_ticks(d, SLOW_NS);
	check_link(d, events);
	igb_vf_check_behaviour(d, now_tsc, events);
	d->slow_vf = (d->slow_vf + 1) % d->config.vf_count;
	igb_stats_sample(d, d->slow_vf);
}

/* Returns how many jobs it was. Its reset first: it came before the message. */
static uint32_t serve_vf(struct igb *d, uint32_t vf, uint32_t causes, uint32_t resets,
			 uint64_t now_tsc, struct igb_events *events)
{
	const struct igb_vf *v = &d->vfs[vf];
	uint32_t jobs = 0;

	if (v->state == IGB_VF_CLOSED || v->state == IGB_VF_IS_ISOLATED) {
		igb_write(d, IGB_MBVFICR, IGB_MBVFICR_VFREQ(vf) | IGB_MBVFICR_VFACK(vf));
		igb_write(d, IGB_VFLRE, BIT32(vf));
		return 0;
	}
	if (resets & BIT32(vf)) {
		igb_write(d, IGB_VFLRE, BIT32(vf));
		igb_vf_on_reset(d, vf, now_tsc, events);
		jobs++;
	}
	if (causes & IGB_MBVFICR_VFACK(vf))
		igb_mailbox_on_ack(d, vf, now_tsc);
	if (causes & IGB_MBVFICR_VFREQ(vf) && v->state != IGB_VF_IS_ISOLATED) {
		igb_mailbox_serve(d, vf, now_tsc, events);
		jobs++;
	}
	return jobs;
}

/* Causes are read before resets: a message that is seen is not older than a reset that is not. */
static void serve_vfs(struct igb *d, uint64_t now_tsc, struct igb_events *events)
{
	const uint32_t causes = igb_read(d, IGB_MBVFICR), resets = igb_read(d, IGB_VFLRE);
	const uint32_t first = d->next_vf, count = d->config.vf_count;
	uint32_t jobs = 0;

	if (causes == UINT32_MAX && resets == UINT32_MAX) {
		d->state = IGB_FAILED;
		d->has_tables = false;
		d->error = fail(d, ERR_NODEV, "registers read all ones");
		igb_tell(events, IGB_DEVICE_LOST, 0, 0, 0);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t vf = (first + i) % count;

		if (!((causes | causes >> 16 | resets) & BIT32(vf)))
			continue;
		if (jobs >= IGB_JOBS_PER_POLL) {
			events->has_more = true;
			break;
		}
		jobs += serve_vf(d, vf, causes, resets, now_tsc, events);
		if (jobs)
			d->next_vf = (vf + 1) % count;
	}
}

void igb_poll(struct igb *d, uint64_t now_tsc, struct igb_events *events)
{
	events->has_more = false;
	events->count = events->lost = 0;
	if (d->state != IGB_UP)
		return;
	if (d->config.has_interrupt)
		(void)igb_read(d, IGB_ICR);
	serve_vfs(d, now_tsc, events);
	if (d->state != IGB_UP)
		return;
	slow_round(d, now_tsc, events);
	for (uint32_t vf = 0; vf < d->config.vf_count; vf++)
		if (d->notify & BIT32(vf) && igb_mailbox_notify(d, vf, now_tsc, events))
			d->notify &= ~BIT32(vf);
	if (d->config.has_interrupt)
		igb_write(d, IGB_EIMS, BIT32(IGB_PF_VECTOR));
}
