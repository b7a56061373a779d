/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests that share disks, at random: every request ends once, with its own data at its own place;
 * interrupts come when they were asked for; what was reset, restarted or ended is left alone.
 *
 * The service works when somebody wanted it to, later, or earlier. In the end everybody but sends
 * nothing more, and only does what an interrupt told him to: all that is open must end then.
 */
#include "tests/property/disk_guest.h"

static struct guest guests[PART_COUNT];
static uint64_t total_sent, restarts, resets, ends, broken, steps, moods, kicked_again, droppings;

/* ---- What always holds ---- */

static bool is_blind(const struct guest *g)
{
	return g->state != GUEST_LIVE || (device_read(g, 0x14, 1) & VIRTIO_DEVICE_NEEDS_RESET);
}

static void check_interrupts(const struct guest *g)
{
	const uint64_t irq = device_of(g)->irq;

	CHECK(irq >> (g->queue_count + 1) == 0);
	if (is_blind(g))
		return;
	for (uint32_t q = 0; q < g->queue_count; q++) {
		const struct queue *const k = &g->queues[q];

		if (k->is_armed)
			CHECK(!driver_has_used(&k->ring) || (irq >> q & 1));
		else
			CHECK(!(irq >> q & 1));
	}
}

/* Of a client's requests: those that the scheduler has. */
static uint32_t queued_count(const struct disk_unit *u, uint32_t client)
{
	uint32_t elsewhere = m.given[u->number][client] + (u->held && u->held->client == client);

	for (const struct block_request *r = u->failed; r; r = r->next)
		elsewhere += r->client == client;
	return vblk_taken_count(&u->clients[client].vblk) - elsewhere;
}

/* Where somebody waits for the service alone, the service is to come. */
static void check_waits(const struct disk_unit *u, uint32_t i)
{
	const struct disk_client *const c = &u->clients[i];
	const bool has_old = vblk_is_resetting(&c->vblk) && queued_count(u, i) > 0;
	const bool is_told = !c->wants_quiet || vblk_taken_count(&c->vblk) != 0;

	CHECK(!has_old || (u->waiting >> i & 1));
	CHECK(is_told || (u->touched >> i & 1));
	if (has_old || !is_told)
		CHECK(m.is_polled || m.due_tsc <= m.now_tsc);
	droppings += has_old;
}

static void check_unit(const struct disk_unit *u)
{
	for (uint32_t i = 0; i < u->client_count; i++) {
		const struct disk_client *const c = &u->clients[i];
		uint32_t free_count = 0;

		for (const struct block_request *r = c->free; r; r = r->next)
			free_count++;
		CHECK(free_count + vblk_taken_count(&c->vblk) == c->request_count);
		CHECK(c->vectors == 0 && c->touched == 0);
		check_waits(u, i);
	}
	CHECK(u->lock.next == u->lock.serving);
}

static void check_machine(void)
{
	for (uint32_t i = 0; i < partition_count; i++)
		check_interrupts(&guests[i]);
	for (uint32_t i = 0; i < disks.count; i++)
		check_unit(disks.units[i]);
}

static void check_disks(void)
{
	for (uint32_t u = 0; u < disks.count; u++)
		for (uint64_t i = 0; i < DISK_SECTORS; i++)
			CHECK(m.is_unknown[u][i] || memcmp(m.data[u] + i * BLOCK_SECTOR_BYTES,
							   m.shadow[u] + i * BLOCK_SECTOR_BYTES,
							   BLOCK_SECTOR_BYTES) == 0);
}

/* ---- Life ---- */

static void remember(struct guest *g)
{
	g->memory_then = malloc(RAM_BYTES);
	memcpy(g->memory_then, ram_of(g), RAM_BYTES);
}

static void check_untouched(struct guest *g)
{
	CHECK(memcmp(g->memory_then, ram_of(g), RAM_BYTES) == 0);
	free(g->memory_then);
	g->memory_then = NULL;
}

static void begin_reset(struct guest *g)
{
	resets++;
	device_write(g, 0x14, 1, 0);
	guest_forget(g);
	g->state = GUEST_RESETTING;
}

/* Its device says so when nothing of its old life is left. */
static void wait_for_reset(struct guest *g)
{
	const struct disk_unit *const u = client_of(g->part)->unit;
	const uint32_t old = queued_count(u, client_of(g->part)->index);
	const bool is_over = device_read(g, 0x14, 1) == 0;

	CHECK(queued_count(u, client_of(g->part)->index) == old - min_u64(old, DISK_STEP_MAX));
	CHECK(is_over == (vblk_taken_count(&client_of(g->part)->vblk) == 0));
	if (is_over)
		guest_start(g);
}

/* Once it was told to wait, it is poked when the wait is over: not earlier, and surely. */
static void park(struct guest *g)
{
	const struct partition *const p = &partitions[g->part];
	const bool was_told = g->state == GUEST_PARKING;

	if (was_told && !(m.poked & BIT64(g->part)))
		return;
	m.poked &= ~BIT64(g->part);
	if (!was_told)
		guest_forget(g);
	if (!disk_is_quiet(p)) {
		CHECK(!was_told);
		g->state = GUEST_PARKING;
		return;
	}
	CHECK(vblk_taken_count(&client_of(g->part)->vblk) == 0);
	device_of(g)->irq = 0;
	remember(g);
	g->state = GUEST_QUIET;
}

static void restart(struct guest *g)
{
	restarts++;
	CHECK(disk_is_quiet(&partitions[g->part]));
	check_untouched(g);
	CHECK(device_of(g)->irq == 0);
	device_of(g)->model.ops->reset(device_of(g)->model.context);
	CHECK(device_read(g, 0x14, 1) == 0);
	guest_start(g);
}

static void end_partition(struct guest *g)
{
	ends++;
	guest_forget(g);
	disk_cut_off(&partitions[g->part]);
	g->state = GUEST_ENDED;
}

/* Another of its vCPUs has not heard yet, and drives on: nothing of that is taken. */
static void drive_on(struct guest *g)
{
	struct vblk *const d = &client_of(g->part)->vblk;

	if (vblk_taken_count(d) != 0 || random_below(8) != 0)
		return;
	guest_start(g);
	guest_send(g);
	guest_kick(g, 0);
	CHECK(vblk_taken_count(d) == 0);
	device_write(g, 0x14, 1, 0);
	guest_forget(g);
	g->state = GUEST_ENDED;
}

/* ---- Random lives ---- */

static void live(struct guest *g)
{
	const uint32_t q = (uint32_t)random_below(g->queue_count);
	const uint64_t dice = random_below(400);

	if (is_blind(g)) {
		CHECK(g->is_broken && (device_of(g)->irq >> g->queue_count & 1));
		broken++;
		begin_reset(g);
	} else if (dice == 0) {
		begin_reset(g);
	} else if (dice == 1) {
		park(g);
	} else if (dice == 2 && random_below(4) == 0) {
		end_partition(g);
	} else if (dice < 20) {
		guest_disarm(g, q);
	} else if (dice < 200) {
		guest_send(g);
	} else if (dice < 220) {
		guest_kick(g, q);
	} else if ((device_of(g)->irq >> q & 1) || random_below(8) == 0) {
		guest_reap(g, q);
	}
}

/* Somebody in the guest still has the registers in hand, when it is about to restart or has ended. */
static void meddle(struct guest *g)
{
	switch (random_below(4)) {
	case 0:
		(void)device_read(g, 0x14, 1);
		break;
	case 1:
		device_write(g, 0x14, 1, 0);
		break;
	case 2:
		device_write(g, VIRTIO_PCI_NOTIFY, 2, 0);
		break;
	}
}

static void act(struct guest *g)
{
	switch (g->state) {
	case GUEST_OFF:
		guest_start(g);
		break;
	case GUEST_RESETTING:
		wait_for_reset(g);
		break;
	case GUEST_LIVE:
		live(g);
		break;
	case GUEST_PARKING:
		meddle(g);
		park(g);
		break;
	case GUEST_QUIET:
		if (random_below(16) == 0)
			restart(g);
		break;
	case GUEST_ENDED:
		meddle(g);
		drive_on(g);
		break;
	}
}

static void run(uint32_t rounds)
{
	const uint64_t late = random_below(2) ? 2 : 16; /* how late the service is */

	for (; rounds > 0; rounds--) {
		act(&guests[random_below(partition_count)]);
		check_machine();
		m.now_tsc += random_below(US(5));
		if (m.is_polled || m.due_tsc <= m.now_tsc ? !random_below(late)
							  : !random_below(50)) {
			step();
			check_machine();
		}
	}
}

/* ---- The end ---- */

static bool settle(struct guest *g)
{
	const uint64_t irq = device_of(g)->irq & (BIT64(g->queue_count) - 1);
	const enum guest_state before = g->state;

	if (g->state == GUEST_LIVE && is_blind(g)) {
		begin_reset(g);
		return true;
	}
	if (g->state == GUEST_LIVE) {
		for (uint32_t q = 0; q < g->queue_count; q++)
			if (irq >> q & 1)
				guest_reap(g, q);
		return irq != 0;
	}
	if (g->state == GUEST_QUIET)
		restart(g);
	else
		act(g);
	return g->state != before;
}

static bool is_open(const struct guest *g)
{
	if (g->state == GUEST_ENDED)
		return vblk_taken_count(&client_of(g->part)->vblk) != 0;
	if (g->state != GUEST_LIVE)
		return true;
	for (uint32_t q = 0; q < g->queue_count; q++)
		for (uint32_t i = 0; i < SLOT_COUNT; i++)
			if (g->queues[q].slots[i].is_used)
				return true;
	return false;
}

static bool any_is_open(void)
{
	bool any = false;

	for (uint32_t i = 0; i < partition_count; i++)
		any |= is_open(&guests[i]);
	return any;
}

/* Time goes on to what was wanted, and no further. */
static bool go_on(void)
{
	if (m.is_polled)
		m.now_tsc += US(1);
	else if (m.due_tsc == TSC_NEVER)
		return false;
	else
		m.now_tsc = max_u64(m.now_tsc, m.due_tsc);
	step();
	check_machine();
	return true;
}

static void drain(void)
{
	bool goes_on = true;
	uint32_t i;

	m.is_settling = true;
	for (i = 0; i < partition_count; i++)
		for (uint32_t q = 0; guests[i].state == GUEST_LIVE && q < guests[i].queue_count;
		     q++)
			guest_reap(&guests[i], q);
	for (i = 0; any_is_open() && goes_on && i < 200000; i++) {
		bool any = false;

		for (uint32_t n = 0; n < partition_count; n++)
			any |= settle(&guests[n]);
		check_machine();
		goes_on = any || go_on();
	}
	CHECK(!any_is_open());
}

static void start_guests(void)
{
	machine_start();
	memset(guests, 0, sizeof(guests));
	for (uint32_t i = 0; i < partition_count; i++) {
		guests[i].part = i;
		guests[i].queue_count = disk_queue_count(&m.shares[i]);
	}
}

static void end_guests(void)
{
	for (uint32_t i = 0; i < partition_count; i++)
		free(guests[i].memory_then);
	machine_end();
}

/* A device that may not reach memory takes nothing, whoever kicks and however long; then it does. */
static void nothing_is_taken_without_bus_mastering(void)
{
	struct guest *const g = &guests[0];

	start_guests();
	guest_start(g);
	let_reach_memory(g, false);
	while (g->sent == 0)
		guest_send(g);
	for (uint32_t i = 0; i < g->queue_count; i++)
		guest_kick(g, i);
	for (uint32_t i = 0; i < 20; i++)
		step();
	CHECK(vblk_taken_count(&client_of(0)->vblk) == 0 && g->ended == 0);
	let_reach_memory(g, true);
	drain();
	CHECK(g->sent == g->ended);
	end_guests();
}

/* A disk that has one request of guests[other], and is too busy for the first of guests[0]. */
static uint32_t start_with_one_held(void)
{
	for (;;) {
		const struct disk_unit *u;
		uint32_t other;

		start_guests();
		u = disks.units[0];
		other = disks.count;
		if (other < partition_count && !m.is_polled && u->config->scheduler == DISK_FIFO &&
		    u->sched.config.depth > 1) {
			m.is_busy = true;
			guest_start(&guests[other]);
			guest_start(&guests[0]);
			guest_send(&guests[other]);
			guest_send(&guests[0]);
			for (uint32_t n = 0; n < 10 && m.due_tsc <= m.now_tsc; n++)
				step();
			if (m.due_tsc > m.now_tsc + 1000 && u->disk->in_flight == 1 && u->held &&
			    u->held->client == 0)
				return other;
		}
		end_guests();
	}
}

/* .. which is another guest's kick, and something that the one who waits does in between changes nothing. */
static void who_waits_is_told_whoever_brings_back_the_last(void)
{
	for (uint32_t i = 0; i < 2; i++) {
		const uint32_t other = start_with_one_held();

		CHECK(!disk_is_quiet(&partitions[0]) && vblk_taken_count(&client_of(0)->vblk) == 1);
		guest_kick(&guests[other], 0);
		CHECK(vblk_taken_count(&client_of(0)->vblk) == 0 && !(m.poked & 1));
		CHECK(m.due_tsc <= m.now_tsc);
		if (i == 1)
			device_write(&guests[0], 0x14, 1, 0);
		step();
		CHECK((m.poked & 1) && disk_is_quiet(&partitions[0]));
		end_guests();
	}
}

static void trial(void)
{
	start_guests();
	m.is_moody = random_below(2);
	run(1500);
	moods += m.errors + m.refusals + m.busy + m.recoveries;
	drain();
	check_disks();
	disk_summary();
	for (uint32_t i = 0; i < partition_count; i++) {
		total_sent += guests[i].sent;
		CHECK(guests[i].sent == guests[i].ended);
	}
	steps += m.steps;
	kicked_again += m.kicked_again;
	end_guests();
}

static void every_request_ends_once_at_its_own_place(void)
{
	for (uint32_t i = 0; i < 120 && !test_failed; i++)
		trial();
	CHECK(total_sent > 10000 && restarts > 20 && resets > 20 && ends > 3 && broken > 3);
	CHECK(steps > 10000 && moods > 500 && kicked_again > 100);
	CHECK(droppings > 100);
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	srand((unsigned)random_u64());
	RUN(nothing_is_taken_without_bus_mastering);
	RUN(who_waits_is_told_whoever_brings_back_the_last);
	RUN(every_request_ends_once_at_its_own_place);
	return test_failed;
}
