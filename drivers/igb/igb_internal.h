/* SPDX-License-Identifier: Apache-2.0 */
/* drivers/igb/igb_internal.h - between the driver's own files. */
#pragma once
#include "drivers/igb/igb.h"
#include "drivers/igb/igb_regs.h"

static inline uint32_t igb_read(const struct igb *d, uint32_t reg)
{
	return d->io.read(d->io.context, reg);
}

static inline void igb_write(const struct igb *d, uint32_t reg, uint32_t value)
{
	d->io.write(d->io.context, reg, value);
}

static inline uint64_t igb_ticks(const struct igb *d, uint64_t ns)
{
	return mul_div(ns, d->config.tsc_hz, SEC(1));
}

/* igb_vf.c: addresses */
bool igb_mac_is_unicast(const struct igb_mac *mac);
bool igb_mac_is_same(const struct igb_mac *a, const struct igb_mac *b);
/* The configuration's, or derived. */
struct igb_mac igb_vf_home(const struct igb *d, uint32_t vf);
/* NULL, or what is wrong with addresses now that the PF's is known. */
const char *igb_vf_check_macs(const struct igb *d);

/* igb_vf.c: what a guest may ask for. False: refused, and nothing has changed. */
bool igb_vf_set_mac(struct igb *d, uint32_t vf, const struct igb_mac *mac);
bool igb_vf_add_mac(struct igb *d, uint32_t vf, const struct igb_mac *mac);
void igb_vf_clear_macs(struct igb *d, uint32_t vf);
bool igb_vf_set_vlan(struct igb *d, uint32_t vf, uint32_t vlan, bool is_member);
bool igb_vf_set_frame(struct igb *d, uint32_t vf, uint32_t bytes);
bool igb_vf_set_all_multicast(struct igb *d, uint32_t vf, bool is_wanted);
/* All hashes are known to be < 4096. */
void igb_vf_set_hashes(struct igb *d, uint32_t vf, const uint16_t *hashes, uint32_t count);

/* igb_vf.c: life */
void igb_vf_make_ready(struct igb *d, uint32_t vf);
void igb_vf_on_reset(struct igb *d, uint32_t vf, uint64_t now_tsc, struct igb_events *events);
/* Everything that depends on VFs into a device that has just been reset; all READY are OPEN. */
void igb_vf_restore(struct igb *d);
/* Which VFs receive and transmit. */
void igb_vf_write_gates(struct igb *d);
/* Counts a message or a reset. False: it was one too many, and the VF is ISOLATED. */
bool igb_vf_charge(struct igb *d, uint32_t vf, uint64_t now_tsc, struct igb_events *events);
/* The interval that `now_tsc` falls into has begun. */
void igb_vf_account(struct igb *d, struct igb_vf *v, uint64_t now_tsc);
void igb_vf_condemn(struct igb *d, uint32_t vf, enum igb_offence offence, uint32_t code,
		    struct igb_events *events);
void igb_vf_check_behaviour(struct igb *d, uint64_t now_tsc, struct igb_events *events);

/* igb_throttle.c: one step of measuring what a unit is. True: it is known. */
bool igb_throttle_measure(struct igb *d, uint64_t now_tsc);

/* igb_mailbox.c */
void igb_mailbox_serve(struct igb *d, uint32_t vf, uint64_t now_tsc, struct igb_events *events);
void igb_mailbox_on_ack(struct igb *d, uint32_t vf, uint64_t now_tsc);
/* Tells it of the link, or that it must begin again. False: later, it is using its mailbox. */
bool igb_mailbox_notify(struct igb *d, uint32_t vf, uint64_t now_tsc, struct igb_events *events);
/* Before a reset: nobody is clear to send any more. Not repeated. */
void igb_mailbox_warn(struct igb *d, uint32_t vf);

/* igb_stats.c */
void igb_stats_forget(struct igb *d, uint32_t vf);
void igb_stats_sample(struct igb *d, uint32_t vf);
/* The device's counters are 0 again. */
void igb_stats_restarted(struct igb *d);

/* igb_stats.c: events */
void igb_tell(struct igb_events *events, enum igb_event_kind kind, uint32_t vf, uint32_t detail,
	      uint32_t code);
/* Kinds that a guest can cause at will: once per interval. */
void igb_tell_once(struct igb_events *events, struct igb_vf *v, enum igb_event_kind kind,
		   uint32_t vf, uint32_t detail);
