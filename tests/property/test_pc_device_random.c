/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/property/test_pc_device_random.c - a guest that writes anything to its function's MSI-X
 * table and configuration space, routes that fail, resets and new lives: after each step the real
 * function is what a slow model says.
 */
#include <string.h>
#include "tests/property/random.h"
#include "tests/test.h"
#include "tests/unit/pc_device_rig.h"

#define STEPS 400000u

/* What the guest has written, as the table has it; and what its words mean. */
static struct {
	uint32_t words[RIG_COUNT][4];
	uint32_t msix_control, command;
} guest;

static uint32_t below(uint32_t n)
{
	return (uint32_t)random_below(n);
}

static void forget(void)
{
	memset(&guest, 0, sizeof(guest));
	for (uint32_t i = 0; i < RIG_COUNT; i++)
		guest.words[i][3] = 1;
}

/* ---- The model ---- */

/*
 * The vCPU (0, 1, 2) that a message is for, or -1: SDM Vol. 3A, "Message Signalled Interrupts".
 * All three are equally busy: the lowest is the first.
 */
static int receiver_of(const uint32_t words[4])
{
	const uint32_t to = words[0] >> 12 & 0xff, vector = words[2] & 0xff;
	const uint32_t delivery = words[2] >> 8 & 7;
	const bool is_logical = words[0] & 4;

	if (words[1] != 0 || words[0] >> 20 != 0xfee || delivery > 1 || vector < 16 ||
	    (words[2] & 0x8000))
		return -1;
	for (int i = 0; i < 3; i++)
		if (to == 0xff || (is_logical ? to >> i & 1 : to == (uint32_t)i))
			return i;
	return -1;
}

static bool entry_agrees(uint32_t i)
{
	const uint32_t *const words = guest.words[i];
	const int to = receiver_of(words);

	if ((words[3] & 1) || to < 0)
		return !rig_is_open(i);
	if (rig.routes[i].has_failed)
		return !rig_is_open(i);
	return rig_leads_to(i, (uint32_t)to, (uint8_t)words[2]);
}

/* Words that were never the IOMMU's are those that the table began with. */
static bool entry_is_not_the_guests(uint32_t i)
{
	const struct irq_msi msi = arch_iommu_irq_msi(RIG_IRQ_FIRST + i);
	const bool is_reset = (rig_real(i, 0) | rig_real(i, 1) | rig_real(i, 2)) == 0;

	return is_reset || (rig_real(i, 0) == (uint32_t)msi.address &&
			    rig_real(i, 1) == msi.address >> 32 && rig_real(i, 2) == msi.data);
}

static bool all_agrees(void)
{
	bool agrees = true;

	for (uint32_t i = 0; i < RIG_COUNT; i++)
		agrees = agrees && entry_agrees(i) && entry_is_not_the_guests(i);
	return agrees && rig.blind_writes == 0 && rig.wrong_cores == 0 &&
	       fake_pci_get(rig.function, 4, 2) == (0x402u | (guest.command & 4)) &&
	       fake_pci_get(rig.function, RIG_MSIX + 2, 2) ==
		       ((guest.msix_control & 0xc000) | (RIG_COUNT - 1));
}

/* ---- The guest ---- */

static uint32_t some_address(void)
{
	const uint32_t to = below(4) == 0 ? 0xff : below(10);

	switch (below(8)) {
	case 0:
		return below(UINT32_MAX);
	case 1:
		return 0xfee00000 ^ BIT32(20 + below(12));
	default:
		return 0xfee00000 | to << 12 | below(4) << 2 | below(4);
	}
}

static uint32_t some_value(uint32_t word)
{
	static const uint32_t data[] = {
		0x30, 0x31, 0x130, 0x20, 15, 0x430, 0x8030, 0xc030, 0x4040
	};

	switch (word) {
	case 0:
		return some_address();
	case 1:
		return below(12) == 0 ? BIT32(below(32)) : 0;
	case 2:
		return below(6) == 0 ? below(UINT32_MAX) : data[below(ARRAY_SIZE(data))];
	default:
		return below(5) == 0 ? below(UINT32_MAX) : below(2);
	}
}

static void put(uint32_t i, uint32_t word, uint32_t value)
{
	/* "MSI-X Table Structure": an address has no bits 1:0, Vector Control only a mask. */
	guest.words[i][word] = word == 0 ? value & ~3u : word == 3 ? value & 1 : value;
}

/* "Accessing the MSI-X Table": 4 or 8 bytes, aligned; what else is tried does nothing. */
static void write_table(void)
{
	const uint32_t i = below(RIG_COUNT), word = below(4);
	const uint32_t width = below(10) == 0 ? 1u << below(2) : below(3) == 0 ? 8 : 4;
	const uint32_t off = below(20) == 0 ? below(16) : 0;
	const uint64_t at = RIG_TABLE + 16 * i + 4 * word + off;
	const uint64_t value = some_value(word) | (uint64_t)some_value((word + 1) & 3) << 32;

	if (below(50) == 0)
		rig.route_error = rig.route_error == OK ? ERR_UNSUPPORTED : OK;
	if (off == 0 && width >= 4 && at % width == 0) {
		put(i, word, (uint32_t)value);
		if (width == 8)
			put(i, word + 1, (uint32_t)(value >> 32));
	} else if (at % width == 0 && width >= 4) {
		return; /* another entry's; its turn comes */
	}
	rig_write(at, width, value);
}

static void write_config(void)
{
	const uint32_t value = below(0x10000);

	if (below(2)) {
		rig_config(1, VPCI_MSIX + 2, 2, value);
		guest.msix_control = value;
	} else {
		rig_config(1, 4, 2, value);
		guest.command = value;
	}
}

static void reset_real(void)
{
	fake_pci_set(rig.function, 4, 2, 0x400, 0x547);
	fake_pci_set(rig.function, RIG_MSIX + 2, 2, RIG_COUNT - 1, 0xc000);
	for (uint32_t i = 0; i < RIG_COUNT; i++) {
		memset(&rig.bar[RIG_TABLE + 16 * i], 0, 16);
		rig.bar[RIG_TABLE + 16 * i + 12] = 1;
	}
}

static void step(void)
{
	switch (below(200)) {
	case 0:
		reset_real();
		pc_restart_functions(&rig.pc);
		forget();
		break;
	case 1:
		reset_real();
		arch_pc_function_was_reset(RIG_PART, 0);
		break;
	case 2:
	case 3:
	case 4:
	case 5:
		write_config();
		break;
	default:
		write_table();
	}
}

static void the_real_function_is_what_the_model_says(void)
{
	const struct pc_function f = rig_msix();
	uint32_t open = 0;

	rig_with(&f);
	forget();
	CHECK(all_agrees());
	for (uint32_t i = 0; i < STEPS; i++) {
		bool is_right;

		step();
		is_right = all_agrees();
		if (!is_right)
			printf("after step %u\n", i);
		CHECK(is_right);
		if (!is_right)
			return;
		for (uint32_t n = 0; n < RIG_COUNT; n++)
			open += rig_is_open(n);
	}
	/* It was about something. */
	CHECK(open > STEPS / 10 && open < STEPS * RIG_COUNT / 2);
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(the_real_function_is_what_the_model_says);
	return test_failed;
}
