/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers/igb/igb.h - the physical function (PF) of an Intel 82576, for the sake of its VFs.
 *
 * Model    The PF moves no data: it has no rings and does no DMA. It brings up the link, divides
 *	    the device into one pool per VF and lets the internal switch carry frames between
 *	    pools and to the wire; it serves the VFs' mailboxes, follows their resets and reads
 *	    their counters. A frame that no pool asked for is dropped.
 *
 *	    The life of a VF; _open() and _close() are the caller's, the rest is the guest's:
 *
 *	      CLOSED --igb_vf_open--> OPEN --VF_RESET--> READY --its own or the PF's reset--> OPEN
 *	      OPEN, READY --misbehaves, igb_vf_isolate--> ISOLATED
 *	      any --igb_vf_close--> CLOSED
 *
 *	    Only READY receives and transmits (VFRE, VFTE). OPEN has its address reserved.
 *	    ISOLATED is cut off and its mailbox is not read, whatever resets there are.
 *
 *	    Isolation: a VF receives its own unicast addresses, broadcast, and multicast that
 *	    somebody in its VLAN asked for (the device has one hash table for all pools). A VF with
 *	    a port VLAN is always in that VLAN, and its guest sees untagged frames; a guest may
 *	    tag frames itself only for VLANs that the configuration lists for it. The device drops
 *	    what a VF sends from addresses or in VLANs that are not its own.
 *
 *	    Mailbox: what the in-tree Linux igbvf of the 82576 speaks. Each message is read once
 *	    and checked whole; one that is unknown, malformed or not allowed is answered NACK and
 *	    changes nothing.
 * Source   Intel 82576EB Gigabit Ethernet Controller Datasheet, "Virtualization", "PF Driver",
 *	    "VF Mailbox"; the messages are those of igbvf in Linux 6.1 and 6.12.
 * Units    *_tsc TSC ticks, absolute. Frame sizes in bytes with VLAN tag and CRC. Nothing waits:
 *	    igb_step() and igb_poll() return at once, and touch at most IGB_STEP_ACCESS_MAX and
 *	    IGB_POLL_ACCESS_MAX registers.
 * Errors   ERR_INVAL: the configuration, `igb.why` says what. ERR_NODEV: reads all ones.
 *	    ERR_UNSUPPORTED: not a copper port. ERR_TIMEOUT: does not come out of its reset.
 * Sharing  One caller at a time. VFs write their half of the mailboxes and reset themselves at
 *	    any moment.
 */
#pragma once
#include "core/lib/base.h"

#define IGB_VF_MAX         8u
#define IGB_VF_VECTORS     3u
#define IGB_TAGGED_MAX     8u  /* VLANs that one guest may tag */
#define IGB_VLAN_MAX       32u /* different ones on a device, VLAN 0 included */
#define IGB_MAC_MAX        24u /* addresses on a device, one per VF included */
#define IGB_HASH_MAX       30u /* multicast hashes of a VF: what one message holds */
#define IGB_FRAME_STANDARD 1522u
#define IGB_FRAME_MAX      9728u
#define IGB_EVENT_MAX      48u
#define IGB_THROTTLE_MAX   0x7ffcu
#define IGB_THROTTLE_STEP  4u      /* the two lowest bits are 0 */
#define IGB_THROTTLE_PS    250000u /* a unit by the data sheet: bits 14:2 count microseconds */

#define IGB_JOBS_PER_POLL  2u /* messages and resets */

/* Published bounds, checked by test: register accesses of one call. */
#define IGB_STEP_ACCESS_MAX 200u
#define IGB_POLL_ACCESS_MAX 256u

struct igb_mac {
	uint8_t byte[6];
};

/* How registers are reached: offsets into BAR 0, 32 bits each. */
struct igb_io {
	uint32_t (*read)(void *context, uint32_t reg);
	void (*write)(void *context, uint32_t reg, uint32_t value);
	void *context;
};
/* BAR 0 as arch_mem_map_device() gives it: 128 KiB. */
struct igb_io igb_io_mapped(volatile void *bar);

/* --- configuration: zero means "not given" --------------------------------------------------- */

enum igb_vf_flags {
	IGB_VF_MAY_SET_MAC = 1,   /* any address of its choice that nobody here has */
	IGB_VF_NO_BROADCAST = 2,  /* receives none */
	IGB_VF_NO_MULTICAST = 4,  /* receives none */
	IGB_VF_ALL_MULTICAST = 8, /* may ask for all of it */
};

struct igb_vf_config {
	struct igb_mac mac;              /* none: derived from the PF's, locally administered */
	uint16_t vlan;                   /* port VLAN, 1 to 4094 */
	uint8_t priority;                /* of the port VLAN's tags, 0 to 7 */
	uint8_t extra_mac_count;         /* unicast addresses that it may receive besides its own */
	uint16_t tagged[IGB_TAGGED_MAX]; /* ends at the first 0; not with a port VLAN */
	uint16_t frame_max_bytes;        /* none: IGB_FRAME_STANDARD */
	uint32_t flags;                  /* enum igb_vf_flags */
};

struct igb_config {
	uint64_t tsc_hz;
	uint32_t vf_count; /* as many as SR-IOV has enabled */
	struct igb_vf_config vfs[IGB_VF_MAX];
	/* More than this in one interval and a VF is isolated; none: 1 s, 256 and 64. */
	uint64_t interval_ns;
	uint32_t message_max; /* messages and resets */
	uint32_t spoof_max;   /* times that the device caught it sending what is not its own */
	bool has_interrupt;   /* MSI-X vector 0 tells when to call igb_poll() */
};

/* --- what happened ---------------------------------------------------------------------------- */

enum igb_event_kind {
	IGB_LINK_UP,
	IGB_LINK_DOWN,
	IGB_VF_READY,    /* its driver has done VF_RESET */
	IGB_VF_GONE,     /* READY before, and has reset itself */
	IGB_VF_REFUSED,  /* detail: first word of the message. Once per interval and VF */
	IGB_VF_SPOOFED,  /* likewise; detail: how often the device saw it since it was opened */
	IGB_VF_ISOLATED, /* detail: enum igb_offence */
	IGB_VF_STUCK,    /* held its mailbox for too long and has lost it. Once per interval */
	IGB_DEVICE_LOST,
};
enum igb_offence {
	IGB_FLOODS,       /* code: messages and resets in the interval */
	IGB_SPOOFS,       /* code: times in the interval */
	IGB_MISBEHAVES,   /* the device blocked one of its queues; code: LVMMC */
	IGB_IS_CONDEMNED, /* igb_vf_isolate(); code: the caller's */
};

struct igb_event {
	enum igb_event_kind kind;
	uint32_t vf;
	uint32_t detail, code;
};
struct igb_events {
	bool has_more; /* there was more to do than one call does */
	uint32_t count, lost;
	struct igb_event list[IGB_EVENT_MAX];
};
/* One line of words. */
void igb_event_text(const struct igb_event *event, char *text, size_t bytes);

struct igb_vf_stats {
	uint64_t rx_packets, tx_packets, rx_octets, tx_octets, rx_multicast;
	uint64_t messages, refused, resets, spoofed;
};

/* --- state: read it if you like, write none of it --------------------------------------------- */

enum igb_vf_state { IGB_VF_CLOSED, IGB_VF_OPEN, IGB_VF_IS_READY, IGB_VF_IS_ISOLATED };
enum igb_state { IGB_COMING, IGB_UP, IGB_FAILED };

struct igb_vf {
	enum igb_vf_state state;
	struct igb_mac home; /* from the configuration, or derived */
	struct igb_mac mac;  /* what it uses now */
	bool wants_all_multicast;
	uint16_t frame_bytes; /* longest that it asked for; 0: standard */
	uint32_t vlan_slots;  /* of igb.vlans, those that it is in */
	uint32_t hash_count;
	uint16_t hashes[IGB_HASH_MAX];
	uint32_t gate; /* enum igb_gate */
	/* accounting of one interval */
	uint64_t interval_end_tsc;
	uint32_t interval_messages, interval_spoofed, interval_told;
	uint64_t nack_tsc;
	uint64_t unread_tsc; /* until then our answer may still wait to be read */
	uint32_t held_count; /* times in a row that the VF had its mailbox, since held_tsc */
	uint64_t held_tsc;
	uint32_t throttle[IGB_VF_VECTORS], throttle_set;
	uint32_t generation; /* changes with each of its resets, and the PF's */
	uint32_t last[5];    /* hardware's counters, as read last */
	struct igb_vf_stats stats;
};

struct igb {
	struct igb_io io;
	struct igb_config config;
	enum igb_state state;
	enum err error;
	const char *why;
	uint32_t step, port;
	uint64_t due_tsc, deadline_tsc;
	uint64_t slow_tsc; /* when link, misbehaviour and counters are looked at again */
	uint32_t slow_vf;
	bool has_tables; /* the device has what the tables below say */
	bool is_link_up, has_phy, was_forced;
	uint32_t throttle_ps; /* a unit of the interrupt throttle; 0: not known yet */
	bool throttle_is_measured;
	uint64_t measure_tsc; /* when that began; 0: it has not */
	struct igb_mac mac;   /* the PF's own */
	uint32_t notify;      /* VFs that a message is still owed to */
	uint32_t next_vf;     /* whose turn it is */
	struct igb_vf vfs[IGB_VF_MAX];
	/* tables of the device, as they have been written */
	struct igb_mac extra[IGB_MAC_MAX - IGB_VF_MAX];
	uint8_t extra_owner[IGB_MAC_MAX - IGB_VF_MAX]; /* 0: free; otherwise VF + 1 */
	uint32_t vlan_count;
	uint16_t vlans[IGB_VLAN_MAX]; /* slot 0: VLAN 0, priority tags */
	uint32_t vlvf[IGB_VLAN_MAX];
	uint32_t mta[128];
};

/* --- the device ------------------------------------------------------------------------------- */

/* Touches no register. Then igb_step() until igb_is_up(); all VFs are CLOSED. */
MUST_CHECK enum err igb_init(struct igb *d, const struct igb_config *config,
			     const struct igb_io *io);
/*
 * The next step of coming up. ERR_BUSY: again at `*again_tsc`. OK: it is up; autonegotiation goes
 * on. Other errors are final until igb_restart().
 */
MUST_CHECK enum err igb_step(struct igb *d, uint64_t now_tsc, uint64_t *again_tsc);
/* PF reset: igb_step() stops the VFs and tells them, resets the device, and brings it up again. VFs
 * keep what the configuration gives them, and come back by a VF_RESET of their own. */
void igb_restart(struct igb *d);
bool igb_is_up(const struct igb *d);

/* Serves what there is: at most IGB_JOBS_PER_POLL, VFs in turn. Nothing while it is not up. */
void igb_poll(struct igb *d, uint64_t now_tsc, struct igb_events *events);

/* --- its VFs ---------------------------------------------------------------------------------- */

/* For its new owner: ERR_BUSY unless CLOSED; ERR_RANGE: there is no such VF. */
MUST_CHECK enum err igb_vf_open(struct igb *d, uint32_t vf);
/* Cut off, queues reset, forgotten. For after its partition has ended. */
void igb_vf_close(struct igb *d, uint32_t vf);
/* For what only the caller can see. */
void igb_vf_isolate(struct igb *d, uint32_t vf, uint32_t code, struct igb_events *events);

/* What a READY VF may do; both from igb_vf_open() on. */
enum igb_gate { IGB_RECEIVE = 1, IGB_TRANSMIT = 2 };
void igb_vf_set_gate(struct igb *d, uint32_t vf, uint32_t gate);

/*
 * What waits in its first queue while it must not transmit is to be sent as soon as it may; an emulator
 * waits for the next write to the queue's tail. So the tail is written again as it is: only while nobody can
 * write another to it, or that one would be lost.
 */
void igb_vf_resume_transmit(struct igb *d, uint32_t vf);

/*
 * Interrupt throttle of a VF's vector: least time between two interrupts, in the device's units,
 * up to IGB_THROTTLE_MAX. How long a unit is, is measured while the device first comes up:
 * igb.throttle_ps; where it cannot be, it is the data sheet's. The VF can write this register, too:
 * write it again each period. Survives igb_restart().
 */
void igb_vf_set_throttle(struct igb *d, uint32_t vf, uint32_t vector, uint32_t interval);
uint32_t igb_vf_throttle(const struct igb *d, uint32_t vf, uint32_t vector);
enum igb_rounding { IGB_ROUND_DOWN, IGB_ROUND_UP };
/* A time in units; what is longer than the longest becomes that. */
uint32_t igb_throttle_of(const struct igb *d, uint64_t interval_ns, enum igb_rounding rounding);

/* Since igb_vf_open(). The device's counters are 32 bits wide; igb_poll() looks often enough. */
void igb_vf_read_stats(struct igb *d, uint32_t vf, struct igb_vf_stats *stats);
/* Its driver has done VF_RESET, and the link was up at the last look. */
bool igb_vf_has_link(const struct igb *d, uint32_t vf);
