/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The controller in memory, with random guests: well-behaved ones, whose every frame is accounted for; and
 * hostile ones, which write what they like wherever they can, while two others go on as if they were alone.
 */
#include "tests/unit/memnic_rig.h"

#define ROUNDS       60u
#define STEPS        3000u
#define HOSTILE_RUNS 120u
#define VICTIMS      2u
#define IN_FLIGHT    512u

static uint64_t seed = 1;

static uint32_t below(uint32_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((seed >> 33) % n);
}

/* ---- Well-behaved ---- */

/* What is on its way from one port to another, in order. */
static struct flow {
	uint32_t bytes[IN_FLIGHT], seeds[IN_FLIGHT], first, count;
} flows[RIG_PORTS][RIG_PORTS];

static void send_some(uint32_t from)
{
	const uint32_t to = below(RIG_PORTS), bytes = 14 + below(1501), what = below(1000);
	struct flow *const f = &flows[from][to];

	if (f->count == IN_FLIGHT || !rig_send(from, to, bytes, what))
		return;
	if (to == from)
		return;
	f->bytes[(f->first + f->count) % IN_FLIGHT] = bytes;
	f->seeds[(f->first + f->count++) % IN_FLIGHT] = what;
}

static uint64_t received[RIG_PORTS];

/* It is that frame, at the receiver's place `at`. */
static bool is_frame(const uint8_t *at, uint32_t got, uint32_t bytes, uint32_t what)
{
	if (got != (bytes < 60 ? 60 : bytes))
		return false;
	for (uint32_t i = 12; i < got; i++)
		if (at[i] != (i < bytes ? (uint8_t)(what + 7 * i) : 0))
			return false;
	return true;
}

/* The next frame is one that its sender has sent, none before was received after it. */
static bool take_one(uint32_t port)
{
	uint32_t bytes = 0;
	const uint8_t *const at = igbvf_receive(&rig.ports[port].driver, &bytes);
	struct flow *f;

	if (!at)
		return false;
	f = &flows[(at[11] - 1u) % RIG_PORTS][port];
	/* Those in front of it have been dropped. */
	while (f->count > 0 && !is_frame(at, bytes, f->bytes[f->first], f->seeds[f->first])) {
		f->first = (f->first + 1) % IN_FLIGHT;
		f->count--;
	}
	CHECK(f->count > 0 && at[5] == port + 1);
	if (f->count > 0) {
		f->first = (f->first + 1) % IN_FLIGHT;
		f->count--;
	}
	received[port]++;
	igbvf_receive_done(&rig.ports[port].driver);
	return true;
}

static uint64_t sum(uint64_t (*of)(const struct memnic_counts *))
{
	uint64_t all = 0;

	for (uint32_t i = 0; i < RIG_PORTS; i++)
		all += of(&rig.m.vfs[i].counts);
	return all;
}

static uint64_t arrived(const struct memnic_counts *c)
{
	return c->rx_packets + c->no_room + c->shaped;
}

static uint64_t told(const struct memnic_counts *c)
{
	return c->raised - c->delivered - c->merged;
}

static void every_frame_is_accounted_for(void)
{
	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint64_t to_itself = 0;

		memset(flows, 0, sizeof(flows));
		memset(received, 0, sizeof(received));
		rig_with(RIG_PORTS, 10000000 + below(1000000000));
		rig.step_ns = 100 + below(20000);
		for (uint32_t n = 0; n < STEPS; n++) {
			send_some(below(RIG_PORTS));
			if (below(4) == 0)
				rig_poll();
			for (uint32_t k = below(3), port = below(RIG_PORTS); k > 0; k--)
				take_one(port);
		}
		rig.step_ns = US(50);
		rig_pass(MS(300));
		for (uint32_t i = 0; i < RIG_PORTS; i++) {
			while (take_one(i))
				;
			CHECK(received[i] == rig.m.vfs[i].counts.rx_packets);
			CHECK(rig.m.vfs[i].counts.refused == 0 && rig_is_untouched(i));
			to_itself += rig.m.vfs[i].counts.tx_packets;
		}
		CHECK(to_itself == rig.m.frame_count && sum(arrived) <= rig.m.frame_count);
		CHECK(sum(told) == 0);
	}
}

/* ---- Hostile ---- */

static uint64_t hostile_address(uint32_t i)
{
	const uint64_t begin = (uint64_t)(uintptr_t)&rig.ports[i].memory;
	const uint64_t bytes = sizeof(rig.ports[i].memory);

	switch (below(6)) {
	case 0:
		return begin + bytes - below(2000);
	case 1:
		return begin - below(2000);
	case 2:
		return (uint64_t)below(UINT32_MAX) << 32 | below(UINT32_MAX);
	case 3:
		return (uint64_t)(uintptr_t)&rig.ports[below(VICTIMS)].memory;
	default:
		return begin + below((uint32_t)bytes);
	}
}

static void write_register(uint32_t i)
{
	static const uint32_t regs[] = {
		REG_CTRL,
		REG_STATUS,
		REG_MAILBOX,
		REG_VMBMEM,
		REG_EICS,
		REG_EIMS,
		REG_EIMC,
		REG_EIAC,
		REG_EIAM,
		REG_EICR,
		REG_EITR(0),
		REG_EITR(1),
		REG_IVAR,
		REG_RX + QUEUE_BAL,
		REG_RX + QUEUE_BAH,
		REG_RX + QUEUE_LEN,
		REG_RX + QUEUE_SRRCTL,
		REG_RX + QUEUE_HEAD,
		REG_RX + QUEUE_TAIL,
		REG_RX + QUEUE_DCTL,
		REG_TX + QUEUE_BAL,
		REG_TX + QUEUE_BAH,
		REG_TX + QUEUE_LEN,
		REG_TX + QUEUE_HEAD,
		REG_TX + QUEUE_TAIL,
		REG_TX + QUEUE_DCTL,
	};
	const uint32_t reg = below(8) ? regs[below(ARRAY_SIZE(regs))] : 4 * below(4096);
	const uint64_t address = hostile_address(i);

	switch (below(5)) {
	case 0:
		*rig_reg(i, reg) = below(2) ? UINT32_MAX : BIT32(below(32));
		break;
	case 1:
		*rig_reg(i, reg) = below(600);
		break;
	case 2: /* a ring that can be, as a rule */
		*rig_reg(i, REG_TX + QUEUE_BAL) = (uint32_t)address;
		*rig_reg(i, REG_TX + QUEUE_BAH) = (uint32_t)(address >> 32);
		*rig_reg(i, REG_TX + QUEUE_LEN) = 128 * below(40);
		*rig_reg(i, REG_TX + QUEUE_DCTL) = below(3) ? DCTL_ENABLE : 0;
		break;
	case 3:
		*rig_reg(i, REG_RX + QUEUE_BAL) = (uint32_t)address;
		*rig_reg(i, REG_RX + QUEUE_BAH) = (uint32_t)(address >> 32);
		*rig_reg(i, REG_RX + QUEUE_LEN) = 128 * below(40);
		*rig_reg(i, REG_RX + QUEUE_DCTL) = below(3) ? DCTL_ENABLE : 0;
		break;
	default:
		*rig_reg(i, reg) = below(UINT32_MAX);
	}
}

static void write_memory(uint32_t i)
{
	struct igbvf_memory *const m = &rig.ports[i].memory;
	struct igbvf_desc *const d =
		below(2) ? &m->rx[below(IGBVF_RING)] : &m->tx[below(IGBVF_RING)];
	uint8_t *const frame = m->tx_buffer[below(IGBVF_RING)];

	d->lo = hostile_address(i);
	d->hi = TX_ADVANCED | TX_DATA | TX_LAST | TX_REPORT | below(1600);
	if (below(4) == 0)
		d->hi = (uint64_t)below(UINT32_MAX) << 32 | below(UINT32_MAX);
	frame[0] = below(3) ? 2 : 0xff;
	frame[5] = (uint8_t)below(6);
	frame[6] = 2;
	frame[11] = (uint8_t)(below(8) ? i + 1 : below(6));
	d->lo = below(2) ? (uint64_t)(uintptr_t)frame : d->lo;
}

static void be_hostile(uint32_t i)
{
	for (uint32_t n = below(12); n > 0; n--) {
		if (below(20) == 0)
			*rig_reg(i, (below(2) ? REG_TX : REG_RX) + QUEUE_TAIL) = below(IGBVF_RING);
		else if (below(10))
			write_memory(i);
		else
			write_register(i);
	}
	switch (below(150)) {
	case 0:
		memnic_reset(&rig.m, i);
		memnic_set_master(&rig.m, i, true);
		break;
	case 1:
		memnic_cut(&rig.m, i);
		break;
	case 2:
		memnic_set_master(&rig.m, i, below(2));
		break;
	case 3: /* it comes up, so that there is something to break */
		memnic_reset(&rig.m, i);
		memnic_set_master(&rig.m, i, true);
		(void)igbvf_reset(&rig.ports[i].driver);
		(void)igbvf_start(&rig.ports[i].driver);
		break;
	default:
		break;
	}
}

/* A frame each way; whatever else comes to the victims is none of theirs. */
static bool is_answered(uint32_t n)
{
	const uint8_t *at;
	uint32_t bytes;
	bool got[VICTIMS] = { false, false };
	const uint64_t until_ns = rig.now_ns + US(200);

	if (!rig_send(0, 1, 200, n) || !rig_send(1, 0, 300, n + 1))
		return false;
	while (!(got[0] && got[1]) && rig.now_ns < until_ns) {
		rig_poll();
		for (uint32_t i = 0; i < VICTIMS; i++)
			while ((at = igbvf_receive(&rig.ports[i].driver, &bytes)) != NULL) {
				if (at[11] == 2 - i)
					got[i] = is_frame(at, bytes, i ? 200 : 300, i ? n : n + 1);
				else
					CHECK(at[11] == 3 || at[11] == 4);
				igbvf_receive_done(&rig.ports[i].driver);
			}
	}
	return got[0] && got[1];
}

static void hostile_guests_harm_nobody(void)
{
	uint64_t moved = 0;

	for (uint32_t run = 0; run < HOSTILE_RUNS; run++) {
		rig_with(RIG_PORTS, RIG_LINK);
		for (uint32_t n = 0; n < STEPS; n++) {
			be_hostile(VICTIMS + below(RIG_PORTS - VICTIMS));
			CHECK(n % 4 != 0 || is_answered(n));
		}
		for (uint32_t i = 0; i < RIG_PORTS; i++)
			CHECK(rig_is_untouched(i));
		for (uint32_t i = VICTIMS; i < RIG_PORTS; i++)
			moved += rig.m.vfs[i].counts.tx_packets;
		CHECK(rig.m.vfs[0].counts.refused + rig.m.vfs[1].counts.refused == 0);
	}
	CHECK(moved > 1000); /* they have not been mere noise */
}

int main(void)
{
	RUN(every_frame_is_accounted_for);
	RUN(hostile_guests_harm_nobody);
	return test_failed;
}
