/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/memnic.h - a network controller in memory: ports with the registers and rings of an 82576's VFs, a switch
 * between them, a link that they share.
 *
 * Model    Somebody with time of his own plays the controller: he calls memnic_poll() again and again,
 *	    as often as he can. Each port is a page of registers, plain memory that the guest
 *	    reads and writes as it likes, and rings and buffers in the guest's memory.
 *	    Everything takes the time it would take: what one call finds done late is
 *	    thought to have been done between the last call and this one, at the earliest moment.
 *
 *	    Link     One for all frames of all ports: a frame with its preamble, CRC and gap (24 bytes)
 *		     takes its time, and the next one begins when it ends. That includes frames
 *		     from port to port: a real controller's internal switch may be faster, but
 *		     then there is nothing that ports share, and no quality of service to see.
 *	    Turns    Of the ports that have something to send those of the highest priority, in
 *		     turn, a frame each.
 *	    Switch   By the destination, within the port's VLAN: a port's own address, or all ones for
 *		     all others. Others leave by the link, to nobody. A port sends from its own
 *		     address only.
 *	    Receive  When the frame is on its end, it is copied once, from buffer to buffer. It
 *		     is dropped, and counted, where the receiver has no descriptor, or is not
 *		     allowed to receive: then it costs the receiver nothing at all.
 *	    Shaping  io/shaper.h, frame by frame, each way: a port that has sent more than it may
 *		     waits with its next frame; for one that has received more they are dropped.
 *	    Messages An MSI-X vector is sent when it has a cause, the guest has unmasked it (EIMS, EIMC,
 *		     EIAM, EIAC as in the data sheet), and the interval is over. The longer
 *		     one counts of the guest's (VTEITR, microseconds in 14:2) and the caller's.
 *		     In one interval there is one message, for all that has happened meanwhile.
 *
 *	    What a guest could see as different from the real one: registers that a read clears
 *	    keep their bits until it has written the register; orders (EIMS and the like) read as 0
 *	    once they are taken; a mask that is set and cleared at once may stay set for one more
 *	    message; a frame is one descriptor; no offloads, no multicast; queue 0 only.
 *	    Mailbox: VF_RESET, and SET_MAC with the address that the port has. Others are refused.
 *	    Guests   are believed nothing: each word is read once, checked, used. An address that is not
 *		     in the guest's memory, or a number beyond its ring, costs that guest a frame,
 *		     or its queue. Headers that decide where a frame goes are those that arrive.
 * Source   Intel 82576EB Gigabit Ethernet Controller Datasheet, "Virtualization", "Interrupts".
 * Cost     _poll(): at most MEMNIC_POLL_FRAMES frames, and a bounded time for each port.
 * Units    ns, absolute; bytes. Frames from the destination's address to the last byte before the CRC.
 * Errors   memnic_add(): ERR_INVAL: no such port, or it is there.
 * Sharing  The caller's lock. Guests write their pages, and their memory, at any moment.
 */
#pragma once
#include "io/gmem.h"
#include "io/shaper.h"

#define MEMNIC_VF_MAX      16u
#define MEMNIC_BAR_BYTES   0x4000u
#define MEMNIC_VECTORS     3u
#define MEMNIC_FRAME_MIN   60u /* shorter ones are filled up with 0 */
#define MEMNIC_FRAME_MAX   1514u
#define MEMNIC_WIRE_BYTES  24u
#define MEMNIC_POLL_FRAMES 8u

/* Since the beginning. */
struct memnic_counts {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	uint64_t no_room; /* frames for it: no descriptor, one of no use, or its queue is off */
	uint64_t shaped;  /* frames for it while it might not receive */
	uint64_t refused; /* its own: from no memory, of no length, or from another's address */
	uint64_t raised;  /* causes of messages; and what became of them: */
	uint64_t delivered, merged; /* messages; causes that found one waiting */
	uint32_t generation;        /* changes when it is reset */
};

struct memnic_ring {
	uint8_t *at;                /* NULL: it is off */
	uint32_t count, head, tail; /* tail: as it was seen last, and is below count */
};

/* Buckets that a port's frames are taken out of, each way; NULL: they are not. One controller has one each. */
struct memnic_shaping {
	struct shaper *rx, *tx;
	uint32_t rx_client, tx_client;
};

struct memnic_vf {
	uint8_t *page; /* NULL: there is no such port */
	const struct gmem *memory;
	uint64_t address; /* 48 bits, the first byte lowest; 63:48: VLAN */
	uint32_t priority;
	bool is_master, is_cut; /* .. and nothing is moved */
	bool is_ready;          /* VF_RESET has been answered */
	bool may_receive, may_send;
	struct memnic_shaping shaping;
	struct memnic_ring rx, tx;
	uint32_t rx_buffer_bytes;
	uint32_t mask, causes, latched; /* a bit for each vector */
	uint32_t vectors;               /* to be sent: memnic_take_vectors() */
	uint64_t interval_ns;
	struct {
		uint64_t sent_ns, guest_ns; /* the last message; the guest's own interval */
	} throttle[MEMNIC_VECTORS];
	struct memnic_counts counts;
};

struct memnic_frame { /* on the link */
	const uint8_t *at;
	uint32_t bytes, from;
	uint64_t first; /* its first 12 bytes, read once */
	uint32_t second;
	bool is_reported;
};

struct memnic {
	uint64_t byte_ns;     /* 32 bits after the point */
	uint32_t fraction;    /* of end_ns */
	uint64_t end_ns;      /* the link is free again */
	uint64_t last_ns;     /* the last poll */
	uint64_t frame_count; /* that the link has carried */
	bool is_busy;
	struct memnic_frame frame; /* if it is */
	uint32_t turn, asked,
		look; /* who sent last; was asked to; whose registers were looked at */
	/* A bit for each port. */
	uint32_t present, rx_on, tx_on, filled, waiting;
	uint32_t level_count;
	uint32_t levels[MEMNIC_VF_MAX]; /* of one priority, the highest first */
	uint8_t hints[256];             /* by the address' last byte: who it may be */
	struct shaper *shapers[2];      /* to be filled; NULL: there is none */
	uint64_t shaper_due_ns, look_due_ns;
	struct memnic_vf vfs[MEMNIC_VF_MAX];
};

struct memnic_port {
	uint8_t *page; /* MEMNIC_BAR_BYTES */
	const struct gmem *memory;
	uint8_t mac[6];
	uint16_t vlan;
	uint32_t priority;
};

void memnic_init(struct memnic *m, uint64_t link_bytes_per_s, uint64_t now_ns);
MUST_CHECK enum err memnic_add(struct memnic *m, uint32_t vf, const struct memnic_port *port);
/* From now on memnic_poll() fills the buckets, too. Boot only. */
void memnic_shape(struct memnic *m, uint32_t vf, const struct memnic_shaping *shaping);

/* As after power-on: registers, rings. What cut it off is over. What else is in the page stays. */
void memnic_reset(struct memnic *m, uint32_t vf);
/* From return on its memory is not touched. */
void memnic_cut(struct memnic *m, uint32_t vf);
/* "Bus Master Enable": off, its memory is not touched. */
void memnic_set_master(struct memnic *m, uint32_t vf, bool is_master);
/* At least so long from one message of a vector to the next. */
void memnic_set_interval(struct memnic *m, uint32_t vf, uint64_t interval_ns);
/* What reaches it while it may not receive is dropped; what it sends while it may not waits. */
void memnic_set_gate(struct memnic *m, uint32_t vf, bool may_receive, bool may_send);

/* What is due up to now. Ports that have messages to send: a bit each. */
uint32_t memnic_poll(struct memnic *m, uint64_t now_ns);
/* .. and their vectors, a bit each, once. */
uint32_t memnic_take_vectors(struct memnic *m, uint32_t vf);
static inline bool memnic_has_link(const struct memnic_vf *v)
{
	return v->is_ready && !v->is_cut;
}
