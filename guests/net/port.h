/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/net/port.h - a network interface of this guest: a VF, found, mapped, with its interrupt.
 *
 * Model    port_open() waits until the PF answers and the link is up; a guest may be faster than
 *	    the hypervisor's driver. When the PF is reset later, the port starts over by itself.
 *	    Waiting is asleep, until an interrupt or the time; or by looking again and again,
 *	    after port_poll().
 *	    A port interrupts for each frame, as often as its device lets it; a quiet one only
 *	    while somebody waits.
 * Units    Ticks of the guest's TSC; those of *_tsc are absolute.
 * Errors   Said on the console; false.
 * Sharing  The main context only; the interrupt handler just rearms, if at all.
 */
#pragma once
#include "guests/net/frame.h"
#include "guests/net/igbvf.h"

#define PORT_MAX 8u

struct port {
	struct igbvf vf;
	uint32_t index;
	bool is_polled;
	bool is_quiet; /* interrupts only while somebody waits, as Linux' NAPI */
	volatile uint64_t interrupts;
	uint64_t corrupt, foreign, resets; /* frames that were no use; resets of the PF */
};

/* The VF that is number `index` of those that this guest has. */
bool port_open(struct port *p, uint32_t index);
void port_poll(struct port *p);
/* Once more from the reset on. */
bool port_restart(struct port *p);

/* The next frame of ours; false: none until `until_tsc`. */
bool port_receive(struct port *p, struct frame *frame, uint64_t until_tsc);
/* From this port's address. False: the ring stayed full for a second. */
bool port_send(struct port *p, struct frame *frame);

/* Until the device has received something, or at the latest then; perhaps earlier. */
void port_wait(struct port *p, uint64_t until_tsc);
void port_sleep(uint64_t until_tsc);
uint64_t port_ticks_from_ms(uint64_t ms);
/* "02:00:00:00:00:01" */
#define PORT_MAC_TEXT 18u
const char *port_mac_text(const uint8_t mac[FRAME_MAC_BYTES], char text[PORT_MAC_TEXT]);
