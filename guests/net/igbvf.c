/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mailbox is 16 words that PF and VF share, and a lock: VFU and PFU exclude each other. We hold it
 * while we write a message, and while we read an answer. Bits that a read clears are kept in
 * `seen` until somebody has looked at them.
 */
#include <stddef.h>
#include <string.h>
#include "guests/net/igbvf.h"
#include "guests/net/igbvf_regs.h"

/* First word: 15:0 what, 23:16 how, 31:29 what the PF sets in answers. */
#define MESSAGE_RESET       1u
#define MESSAGE_SET_MAC     2u
#define MESSAGE_ACK         IGBVF_BIT(31)
#define MESSAGE_NACK        IGBVF_BIT(30)
#define MESSAGE_WORDS       3u
#define MAILBOX_READ_CLEARS (IGBVF_MAILBOX_PFSTS | IGBVF_MAILBOX_PFACK | IGBVF_MAILBOX_RSTD)
#define MAILBOX_ANSWERED    (IGBVF_MAILBOX_PFSTS | IGBVF_MAILBOX_PFACK)

static uint32_t read(const struct igbvf *d, uint32_t reg)
{
	return d->io.read(d->io.context, reg);
}

static void write(const struct igbvf *d, uint32_t reg, uint32_t value)
{
	d->io.write(d->io.context, reg, value);
}

const char *igbvf_text(enum igbvf_result result)
{
	static const char *const texts[] = {
		[IGBVF_OK] = "well",
		[IGBVF_GONE] = "its registers read as ones",
		[IGBVF_PF_DOWN] = "the PF does not come out of its reset",
		[IGBVF_NO_MAILBOX] = "the PF does not let go of the mailbox",
		[IGBVF_NO_ANSWER] = "the PF does not answer",
		[IGBVF_REFUSED] = "the PF refuses",
		[IGBVF_STUCK] = "a queue does not turn on",
	};

	return texts[result];
}

void igbvf_init(struct igbvf *d, const struct igbvf_io *io, struct igbvf_memory *memory,
		uint64_t patience)
{
	*d = (struct igbvf){ .io = *io, .memory = memory, .patience = patience };
	igbvf_use_buffers(d, memory->rx_buffer[0]);
}

void igbvf_use_buffers(struct igbvf *d, uint8_t *buffers)
{
	for (uint32_t i = 0; i < IGBVF_RING; i++)
		d->rx_at[i] = buffers + (size_t)i * IGBVF_BUFFER_BYTES;
}

/* --- mailbox ---------------------------------------------------------------------------------- */

static uint32_t mailbox(struct igbvf *d)
{
	const uint32_t value = read(d, IGBVF_MAILBOX);

	d->seen |= value & MAILBOX_READ_CLEARS;
	return value | d->seen;
}

static bool lock(struct igbvf *d, uint64_t until)
{
	do {
		write(d, IGBVF_MAILBOX, IGBVF_MAILBOX_VFU);
		if (mailbox(d) & IGBVF_MAILBOX_VFU)
			return true;
	} while (d->io.now(d->io.context) < until);
	return false;
}

static bool wait_for_answer(struct igbvf *d, uint64_t until)
{
	do {
		if ((mailbox(d) & MAILBOX_ANSWERED) == MAILBOX_ANSWERED)
			return true;
	} while (d->io.now(d->io.context) < until);
	return false;
}

/* Sends the words and reads as many back. */
static enum igbvf_result ask(struct igbvf *d, uint32_t words[MESSAGE_WORDS])
{
	const uint32_t what = words[0];
	const uint64_t until = d->io.now(d->io.context) + d->patience;

	if (!lock(d, until))
		return IGBVF_NO_MAILBOX;
	d->seen &= ~MAILBOX_ANSWERED;
	for (uint32_t i = 0; i < MESSAGE_WORDS; i++)
		write(d, IGBVF_VMBMEM(i), words[i]);
	write(d, IGBVF_MAILBOX, IGBVF_MAILBOX_REQ); /* lets go of it, too */
	if (!wait_for_answer(d, until))
		return IGBVF_NO_ANSWER;
	if (!lock(d, until))
		return IGBVF_NO_MAILBOX;
	for (uint32_t i = 0; i < MESSAGE_WORDS; i++)
		words[i] = read(d, IGBVF_VMBMEM(i));
	d->seen &= ~MAILBOX_ANSWERED;
	write(d, IGBVF_MAILBOX, IGBVF_MAILBOX_ACK);
	if ((words[0] & (MESSAGE_ACK | MESSAGE_NACK)) != MESSAGE_ACK)
		return IGBVF_REFUSED;
	return (words[0] & 0xffffu) == what ? IGBVF_OK : IGBVF_REFUSED;
}

enum igbvf_result igbvf_reset(struct igbvf *d)
{
	const uint64_t until = d->io.now(d->io.context) + d->patience;
	uint32_t words[MESSAGE_WORDS] = { MESSAGE_RESET };
	enum igbvf_result result;

	if (read(d, IGBVF_STATUS) == UINT32_MAX)
		return IGBVF_GONE;
	write(d, IGBVF_EIMC, UINT32_MAX);
	write(d, IGBVF_CTRL, IGBVF_CTRL_RST);
	while (mailbox(d) & IGBVF_MAILBOX_RSTI)
		if (d->io.now(d->io.context) >= until)
			return IGBVF_PF_DOWN;
	d->seen = 0;
	result = ask(d, words);
	if (result == IGBVF_OK)
		memcpy(d->mac, &words[1], IGBVF_MAC_BYTES);
	return result;
}

enum igbvf_result igbvf_set_mac(struct igbvf *d, const uint8_t mac[IGBVF_MAC_BYTES])
{
	uint32_t words[MESSAGE_WORDS] = { MESSAGE_SET_MAC };
	enum igbvf_result result;

	memcpy(&words[1], mac, IGBVF_MAC_BYTES);
	result = ask(d, words);
	if (result == IGBVF_OK)
		memcpy(d->mac, mac, IGBVF_MAC_BYTES);
	return result;
}

bool igbvf_pf_was_reset(struct igbvf *d)
{
	return mailbox(d) & (IGBVF_MAILBOX_RSTI | IGBVF_MAILBOX_RSTD);
}

bool igbvf_link_is_up(const struct igbvf *d)
{
	const uint32_t status = read(d, IGBVF_STATUS);

	return status != UINT32_MAX && status & IGBVF_STATUS_LU;
}

/* --- queues ----------------------------------------------------------------------------------- */

static uint32_t next(uint32_t index)
{
	return (index + 1) % IGBVF_RING;
}

/* Orders stores to descriptors and buffers before the store to the tail register. */
static void publish(const struct igbvf *d, uint32_t tail_reg, uint32_t tail)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
	write(d, tail_reg, tail);
}

static bool turn_on(struct igbvf *d, uint32_t dctl_reg)
{
	const uint64_t until = d->io.now(d->io.context) + d->patience;

	write(d, dctl_reg, IGBVF_DCTL_ENABLE | IGBVF_DCTL_WTHRESH(1));
	while (!(read(d, dctl_reg) & IGBVF_DCTL_ENABLE))
		if (d->io.now(d->io.context) >= until)
			return false;
	return true;
}

static void offer(struct igbvf *d, uint32_t i)
{
	d->memory->rx[i].lo = (uint64_t)d->rx_at[i];
	d->memory->rx[i].hi = 0;
}

enum igbvf_result igbvf_start(struct igbvf *d)
{
	const uint64_t rx = (uint64_t)d->memory->rx, tx = (uint64_t)d->memory->tx;

	d->rx_next = d->tx_next = d->tx_done = 0;
	for (uint32_t i = 0; i < IGBVF_RING; i++) {
		offer(d, i);
		d->memory->tx[i].lo = d->memory->tx[i].hi = 0;
	}
	write(d, IGBVF_RDBAL, (uint32_t)rx);
	write(d, IGBVF_RDBAH, (uint32_t)(rx >> 32));
	write(d, IGBVF_RDLEN, sizeof(d->memory->rx));
	write(d, IGBVF_SRRCTL,
	      IGBVF_SRRCTL_KIB(IGBVF_BUFFER_BYTES / 1024) | IGBVF_SRRCTL_ADVANCED |
		      IGBVF_SRRCTL_DROP);
	write(d, IGBVF_RDH, 0);
	write(d, IGBVF_RDT, 0);
	write(d, IGBVF_TDBAL, (uint32_t)tx);
	write(d, IGBVF_TDBAH, (uint32_t)(tx >> 32));
	write(d, IGBVF_TDLEN, sizeof(d->memory->tx));
	write(d, IGBVF_TDWBAL, 0);
	write(d, IGBVF_TDWBAH, 0);
	write(d, IGBVF_TDH, 0);
	write(d, IGBVF_TDT, 0);
	if (!turn_on(d, IGBVF_RXDCTL) || !turn_on(d, IGBVF_TXDCTL))
		return IGBVF_STUCK;
	publish(d, IGBVF_RDT, IGBVF_RING - 1);
	return IGBVF_OK;
}

void igbvf_interrupt(struct igbvf *d)
{
	write(d, IGBVF_IVAR, IGBVF_IVAR_RX(0));
	write(d, IGBVF_EIAC, IGBVF_BIT(0));
	write(d, IGBVF_EIAM, IGBVF_BIT(0));
	igbvf_rearm(d);
}

void igbvf_rearm(const struct igbvf *d)
{
	write(d, IGBVF_EIMS, IGBVF_BIT(0));
}

static uint32_t bytes_of(uint64_t hi)
{
	const uint64_t state = hi & (IGBVF_RX_LAST | IGBVF_RX_ERROR);
	const uint32_t bytes = IGBVF_RX_BYTES(hi);

	return state == IGBVF_RX_LAST && bytes <= IGBVF_BUFFER_BYTES ? bytes : 0;
}

const uint8_t *igbvf_receive(struct igbvf *d, uint32_t *bytes)
{
	const uint64_t hi = d->memory->rx[d->rx_next].hi;

	if (!(hi & IGBVF_RX_DONE))
		return NULL;
	__atomic_thread_fence(__ATOMIC_ACQUIRE); /* the frame is read after its descriptor */
	*bytes = bytes_of(hi);
	return d->rx_at[d->rx_next];
}

uint32_t igbvf_receive_many(struct igbvf *d, struct igbvf_frame *frames, uint32_t max)
{
	uint32_t n, at = d->rx_next;

	for (n = 0; n < max && n < IGBVF_RING - 1; n++, at = next(at)) {
		const uint64_t hi = d->memory->rx[at].hi;

		if (!(hi & IGBVF_RX_DONE))
			break;
		frames[n].data = d->rx_at[at];
		frames[n].bytes = bytes_of(hi);
	}
	__atomic_thread_fence(__ATOMIC_ACQUIRE); /* frames are read after their descriptors */
	return n;
}

/* The tail is the one before the next: all others are the device's. */
void igbvf_receive_swap(struct igbvf *d, const struct igbvf_frame *frames, uint32_t count)
{
	for (uint32_t n = 0; n < count; n++) {
		d->rx_at[d->rx_next] = frames[n].instead;
		offer(d, d->rx_next);
		d->rx_next = next(d->rx_next);
	}
	publish(d, IGBVF_RDT, (d->rx_next + IGBVF_RING - 1) % IGBVF_RING);
}

void igbvf_receive_done(struct igbvf *d)
{
	const struct igbvf_frame same = { .instead = d->rx_at[d->rx_next] };

	igbvf_receive_swap(d, &same, 1);
}

uint8_t *igbvf_send_buffer(struct igbvf *d)
{
	while (d->tx_done != d->tx_next && d->memory->tx[d->tx_done].hi & IGBVF_TX_DONE)
		d->tx_done = next(d->tx_done);
	return next(d->tx_next) == d->tx_done ? NULL : d->memory->tx_buffer[d->tx_next];
}

void igbvf_send(struct igbvf *d, uint32_t bytes)
{
	struct igbvf_desc *desc = &d->memory->tx[d->tx_next];

	desc->lo = (uint64_t)d->memory->tx_buffer[d->tx_next];
	desc->hi = bytes | IGBVF_TX_DATA | IGBVF_TX_LAST | IGBVF_TX_CRC | IGBVF_TX_REPORT |
		   IGBVF_TX_ADVANCED | IGBVF_TX_PACKET(bytes);
	d->tx_next = next(d->tx_next);
	publish(d, IGBVF_TDT, d->tx_next);
}
