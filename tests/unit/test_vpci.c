/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual PCI bus: everything that is not there, the bridge, write masks, both ways in. */
#include <stdlib.h>
#include <string.h>
#include "io/vpci.h"
#include "tests/test.h"

static struct vpci p;

static uint32_t ones(uint32_t width)
{
	return width == 4 ? 0xffffffff : (1u << 8 * width) - 1;
}

/* Every byte, word and dword of the whole region; an unaligned access is one to nothing. */
static void only_the_bridge_is_there(void)
{
	vpci_init(&p);
	for (uint32_t offset = 0; offset < 0x100000; offset++) {
		for (uint32_t width = 1; width <= 4; width *= 2) {
			uint32_t expected = ones(width);

			if (offset + width <= 256 && offset % width == 0) {
				expected = 0;
				for (uint32_t i = 0; i < width; i++)
					expected |= (uint32_t)p.functions[0].config[offset + i]
						    << 8 * i;
			}
			CHECK(vpci_ecam_read(&p, offset, width) == expected);
		}
	}
	CHECK(vpci_ecam_read(&p, 0x100000, 4) == 0xffffffff);
	CHECK(vpci_ecam_read(&p, UINT64_MAX & ~3ull, 4) == 0xffffffff);
	CHECK(vpci_ecam_read(&p, UINT64_C(0x100000000), 4) == 0xffffffff);
	CHECK(vpci_ecam_read(&p, 0, 4) == 0x00081b36);
	CHECK(vpci_ecam_read(&p, 8, 4) == 0x06000000 && vpci_ecam_read(&p, 0x0e, 1) == 0);
}

static void nothing_of_the_bridge_can_be_written(void)
{
	struct vpci before;

	vpci_init(&p);
	before = p;
	for (uint32_t offset = 0; offset < 0x2000; offset++)
		for (uint32_t width = 1; width <= 4; width *= 2)
			vpci_ecam_write(&p, offset, width, 0x5a5aa5a5);
	vpci_ecam_write(&p, UINT64_C(0x100000000), 4, 0xffffffff);
	CHECK(memcmp(&p, &before, sizeof(p)) == 0);
}

static void exactly_the_masked_bits_change(void)
{
	for (uint32_t width = 1; width <= 4; width *= 2) {
		for (uint32_t reg = 0; reg < 256; reg += width) {
			vpci_init(&p);
			for (uint32_t i = 0; i < 256; i++) {
				p.functions[0].config[i] = (uint8_t)(i * 7);
				p.functions[0].writable[i] = (uint8_t)(i * 13 + 5);
			}
			vpci_ecam_write(&p, reg, width, 0x69c3a55a);
			for (uint32_t i = 0; i < 256; i++) {
				const uint32_t old = (uint8_t)(i * 7), mask = (uint8_t)(i * 13 + 5);
				const uint32_t byte =
					i - reg < width ? 0x69c3a55au >> 8 * (i - reg) & 0xff : old;

				for (uint32_t b = 0; b < 8; b++)
					CHECK((p.functions[0].config[i] >> b & 1) ==
					      ((mask >> b & 1 ? byte : old) >> b & 1));
			}
		}
	}
}

/* Ports and ECAM show the same, wherever the address register points. */
static void both_ways_in_agree(void)
{
	vpci_init(&p);
	for (uint32_t i = 0; i < 256; i++)
		p.functions[0].config[i] = (uint8_t)(i * 11 + 3);
	for (uint32_t devfn = 0; devfn < 256; devfn++) {
		for (uint32_t reg = 0; reg < 256; reg++) {
			vpci_port_write(&p, 0xcf8, 4, 0x80000000 | devfn << 8 | reg);
			CHECK(vpci_port_read(&p, 0xcf8, 4) ==
			      (0x80000000 | devfn << 8 | (reg & 0xfc)));
			for (uint32_t width = 1; width <= 4; width *= 2)
				if (reg % width == 0)
					CHECK(vpci_port_read(&p, (uint16_t)(0xcfc + reg % 4),
							     width) ==
					      vpci_ecam_read(&p, devfn << 12 | reg, width));
		}
	}
	p.functions[0].writable[0x3c] = 0xff;
	vpci_port_write(&p, 0xcf8, 4, 0x8000003c);
	vpci_port_write(&p, 0xcfc, 1, 0x77);
	CHECK(vpci_ecam_read(&p, 0x3c, 1) == 0x77);
	vpci_port_write(&p, 0xcf8, 4, 0x8001003c); /* another bus */
	vpci_port_write(&p, 0xcfc, 1, 0x88);
	CHECK(vpci_port_read(&p, 0xcfc, 1) == 0xff && vpci_ecam_read(&p, 0x3c, 1) == 0x77);
	vpci_port_write(&p, 0xcf8, 4, 0x0000003c); /* not enabled */
	vpci_port_write(&p, 0xcfc, 1, 0x88);
	CHECK(vpci_port_read(&p, 0xcfc, 4) == 0xffffffff && vpci_ecam_read(&p, 0x3c, 1) == 0x77);
}

/* Linux, pci_check_type1() and pci_check_type2(). */
static void the_probe_finds_mechanism_1_and_not_2(void)
{
	uint32_t before;

	vpci_init(&p);
	vpci_port_write(&p, 0xcfb, 1, 0x01);
	before = vpci_port_read(&p, 0xcf8, 4);
	CHECK(before == 0);
	vpci_port_write(&p, 0xcf8, 4, 0x80000000);
	CHECK(vpci_port_read(&p, 0xcf8, 4) == 0x80000000);
	vpci_port_write(&p, 0xcf8, 4, before);
	vpci_port_write(&p, 0xcfb, 1, 0);
	vpci_port_write(&p, 0xcf8, 1, 0);
	vpci_port_write(&p, 0xcfa, 1, 0);
	CHECK(vpci_port_read(&p, 0xcf8, 1) == 0xff && vpci_port_read(&p, 0xcfa, 1) == 0xff);
}

static void odd_accesses_reach_nothing(void)
{
	struct vpci before;

	vpci_init(&p);
	memset(p.functions[0].writable, 0xff, 256);
	vpci_port_write(&p, 0xcf8, 4, 0xffffffff);
	CHECK(vpci_port_read(&p, 0xcf8, 4) == 0x80fffffc);
	vpci_port_write(&p, 0xcf8, 4, 0x80000000);
	before = p;
	for (uint16_t port = 0xcf8; port < 0xd00; port++) {
		for (uint32_t width = 1; width <= 4; width *= 2) {
			if (port % width == 0 && (port >= 0xcfc || width == 4))
				continue;
			CHECK(vpci_port_read(&p, port, width) == ones(width));
			vpci_port_write(&p, port, width, 0x12345678);
		}
	}
	CHECK(memcmp(&p, &before, sizeof(p)) == 0);
}

int main(void)
{
	RUN(only_the_bridge_is_there);
	RUN(nothing_of_the_bridge_can_be_written);
	RUN(exactly_the_masked_bits_change);
	RUN(both_ways_in_agree);
	RUN(the_probe_finds_mechanism_1_and_not_2);
	RUN(odd_accesses_reach_nothing);
	return test_failed;
}
