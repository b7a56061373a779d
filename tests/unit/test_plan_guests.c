/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest is booted from and what is around it: protocols, files with their digests, the
 * virtual PC, life actions, the console's rate. Expected texts are written from the rules.
 */
#include <stdlib.h>
#include "arch/boot_info.h"
#include "tests/unit/plan_rig.h"

#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

static struct module_config modules[CONFIG_MODULE_MAX + 1];
static struct partition_config parts[MAX_PARTITIONS];

enum { OWN, LINUX, MULTI };

/* One of each protocol; Linux with its initial RAM disk, multiboot without modules. */
void good_system(void)
{
	memset(parts, 0, sizeof(parts));
	memset(modules, 0, sizeof(modules));
	modules[0] = (struct module_config){ .name = "initrd.gz", .sha256 = DIGEST };
	parts[OWN] = (struct partition_config){
		.name = "own0", .cpu = OWN_CORE(0), .memory_bytes = MIB(16), .image = "tasks.elf"
	};
	parts[LINUX] = (struct partition_config){ .name = "linux0",
						  .cpu = OWN_CORE(1),
						  .memory_bytes = MIB(128),
						  .boot = BOOT_LINUX,
						  .image = "vmlinuz",
						  .image_sha256 = DIGEST,
						  .modules = modules,
						  .module_count = 1,
						  .args = "console=ttyS0",
						  .has_exit_port = true,
						  .on_reset = LIFE_RESTART };
	parts[MULTI] = (struct partition_config){ .name = "multi0",
						  .cpu = OWN_CORE(2),
						  .memory_bytes = MIB(16),
						  .boot = BOOT_MULTIBOOT,
						  .image = "kernel" };
	sys = (struct config){ .name = "good",
			       .board = { .core_count = 3, .memory_bytes = MIB(256) },
			       .partitions = parts,
			       .partition_count = 3 };
	plan_board_from_config(&sys, &board);
}

static void who_is_in_a_pc_is_planned(void)
{
	good_system();
	CHECK(build_on_board() == OK);
	CHECK(!plan.partitions[OWN].has_pc && plan.partitions[LINUX].has_pc &&
	      plan.partitions[MULTI].has_pc);
	parts[OWN].platform = parts[LINUX].platform = PLATFORM_PC;
	CHECK(build_on_board() == OK);
	CHECK(plan.partitions[OWN].has_pc && plan.partitions[LINUX].has_pc);
}

/* refused_on_board() leaves good_system() behind. */
static void direct_system(void)
{
	good_system();
	sys.board.switch_overhead_ns = US(100);
	sys.board.timer_resolution_ns = US(1);
	sys.board.core_count = 4;
	plan_board_from_config(&sys, &board);
	for (uint32_t i = 0; i < sys.partition_count; i++)
		parts[i].apic = APIC_DIRECT;
}

/* Others on its core would not be interrupted any more. */
static void a_cores_own_apic_is_for_who_owns_the_core(void)
{
	const struct cpu_claim claims[] = { OWN_CORE(0), RESERVATION(3, MS(10), MS(50)) };

	direct_system();
	CHECK(build_on_board() == OK);
	parts[OWN].cpu = (struct cpu_claim)RESERVATION(0, MS(10), MS(50));
	CHECK(refused_on_board(
		"partition 'own0': apic = APIC_DIRECT: cpu does not own its core, whose APIC "
		"others need; give OWN_CORE() for every virtual CPU, or APIC_AUTO"));
	direct_system();
	parts[OWN].cpu = (struct cpu_claim)BEST_EFFORT(0, 1);
	CHECK(refused_on_board("partition 'own0': apic = APIC_DIRECT: cpu does not own its core"));
	direct_system();
	parts[OWN].cpu = (struct cpu_claim){ 0 };
	parts[OWN].cpus = claims;
	parts[OWN].cpu_count = ARRAY_SIZE(claims);
	CHECK(refused_on_board(
		"partition 'own0': apic = APIC_DIRECT: cpus[1] does not own its core"));
	direct_system();
	parts[OWN].cpu = (struct cpu_claim){ 0 };
	parts[OWN].cpus = claims;
	parts[OWN].cpu_count = 1;
	CHECK(build_on_board() == OK);
}

static void digests_are_64_hexadecimal_digits(void)
{
	char digest[80];

	good_system();
	for (uint32_t n = 0; n < 70; n++) {
		memset(digest, 'f', sizeof(digest));
		digest[n] = '\0';
		parts[LINUX].image_sha256 = digest;
		if (n == 64)
			CHECK(build_on_board() == OK);
		else
			CHECK(refused_on_board("partition 'linux0': image_sha256 = '"));
	}
	memset(digest, 'f', sizeof(digest));
	digest[64] = '\0';
	for (uint32_t c = 1; c < 256; c++) {
		digest[63] = (char)c;
		modules[0].sha256 = digest;
		if (strchr("0123456789abcdefABCDEF", (int)c))
			CHECK(build_on_board() == OK);
		else
			CHECK(refused_on_board(
				"partition 'linux0': modules[0].sha256 = 'ffffffffffffffffffff"
				"ffff...': a SHA-256 is 64 hexadecimal digits"));
	}
}

static void the_consoles_rate_is_a_serial_lines(void)
{
	static const uint64_t good[] = { 0, 960, 11520, MIB(1), MIB(16) };

	good_system();
	for (uint32_t i = 0; i < ARRAY_SIZE(good); i++) {
		sys.board.console_bytes_per_second = good[i];
		CHECK(build_on_board() == OK);
	}
	sys.board.console_bytes_per_second = 959;
	CHECK(refused_on_board(
		"system: board.console_bytes_per_second = 959: a serial line carries 960"));
	sys.board.console_bytes_per_second = MIB(16) + 1;
	CHECK(refused_on_board("system: board.console_bytes_per_second = 16777217: a serial line"));
}

static char printed[8192];

static void put_line(const char *line)
{
	CHECK(strlen(printed) + strlen(line) + 2 < sizeof(printed) && strlen(line) < 300);
	strcat(printed, line);
	strcat(printed, "\n");
}

static void print(void)
{
	CHECK(build_on_board() == OK);
	printed[0] = '\0';
	plan_print(&sys, &board, &plan, put_line);
}

static void the_printed_plan_shows_files_and_platform(void)
{
	good_system();
	parts[LINUX].apic = APIC_SOFTWARE;
	sys.board.console_bytes_per_second = MIB(1);
	print();
	CHECK(strstr(printed, "image vmlinuz, a Linux kernel, SHA-256 checked\n"
			      "                  args console=ttyS0\n"
			      "                  module initrd.gz, SHA-256 checked\n"
			      "                  PC with 1 CPU, APICs by software, exit port F4H; "
			      "reset restarts it, power-off ends it\n"));
	CHECK(strstr(printed,
		     "image kernel, a multiboot kernel\n"
		     "                  PC with 1 CPU; reset ends it, power-off ends it\n"));
	CHECK(strstr(printed, "image tasks.elf\n  linux0"));
	CHECK(strstr(printed, "guests' lines: 1048576 bytes a second in all\n"));
}

/* Nothing of a long command line is lost: its words, joined again, are what was given. */
static void long_command_lines_are_printed_whole(void)
{
	char args[2048], all[4096] = "", *line;

	for (uint32_t word = 1; word < 400; word += 37) {
		good_system();
		for (uint32_t i = 0; i < 2047; i++)
			args[i] = i % (word + 1) == word ? ' ' : (char)('a' + i % 26);
		args[2047] = '\0';
		parts[LINUX].args = args;
		print();
		all[0] = '\0';
		line = strstr(printed, "                  args ") + 18;
		for (char *end; strncmp(line, "args ", 5) == 0 || strncmp(line, "     ", 5) == 0;
		     line = end + 1 + 18) {
			end = strchr(line, '\n');
			strncat(all, line + 5, (size_t)(end - line) - 5);
			if (strlen(all) < 2047 && args[strlen(all)] == ' ')
				strcat(all, " ");
		}
		CHECK(strcmp(all, args) == 0);
	}
}

int main(void)
{
	RUN(who_is_in_a_pc_is_planned);
	RUN(a_cores_own_apic_is_for_who_owns_the_core);
	RUN(digests_are_64_hexadecimal_digits);
	RUN(the_consoles_rate_is_a_serial_lines);
	RUN(the_printed_plan_shows_files_and_platform);
	RUN(long_command_lines_are_printed_whole);
	return test_failed;
}
