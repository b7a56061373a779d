/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong memory, guests and files: each with the sentence that its user needs. */
#include "tests/unit/refusal_rig.h"

#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

enum { OWN, LINUX, MULTI, COUNT };
static struct module_config modules[CONFIG_MODULE_MAX + 1];
static struct module_config many[COUNT + 1][CONFIG_MODULE_MAX];
static char names[(COUNT + 1) * CONFIG_MODULE_MAX][4];
static char long_text[2049];
static struct partition_config parts[COUNT + 1];

/* One of each protocol, and a fourth that counts only where the row says so. */
void good_system(void)
{
	memset(modules, 0, sizeof(modules));
	memset(long_text, 'x', sizeof(long_text) - 1);
	for (uint32_t i = 0; i <= CONFIG_MODULE_MAX; i++)
		modules[i] = (struct module_config){ .name = "initrd.gz", .sha256 = DIGEST };
	for (uint32_t i = 0; i < ARRAY_SIZE(names); i++) {
		names[i][0] = 'f';
		names[i][1] = (char)('0' + i / 10);
		names[i][2] = (char)('0' + i % 10);
		many[i / CONFIG_MODULE_MAX][i % CONFIG_MODULE_MAX] =
			(struct module_config){ .name = names[i] };
	}
	parts[OWN] = (struct partition_config){
		.name = "own0", .cpu = OWN_CORE(0), .memory_bytes = MIB(16), .image = "tasks.elf"
	};
	parts[LINUX] = (struct partition_config){ .name = "linux0",
						  .cpu = OWN_CORE(1),
						  .memory_bytes = MIB(128),
						  .boot = BOOT_LINUX,
						  .image = "vmlinuz",
						  .modules = modules,
						  .module_count = 1 };
	parts[MULTI] = (struct partition_config){ .name = "multi0",
						  .cpu = OWN_CORE(2),
						  .memory_bytes = MIB(16),
						  .boot = BOOT_MULTIBOOT,
						  .image = "kernel" };
	parts[COUNT] = (struct partition_config){ .name = "more",
						  .cpu = OWN_CORE(3),
						  .memory_bytes = MIB(16),
						  .boot = BOOT_MULTIBOOT,
						  .image = "f00",
						  .modules = many[COUNT],
						  .module_count = CONFIG_MODULE_MAX };
	sys = (struct config){ .name = "good",
			       .board = TEST_BOARD(4, US(30)),
			       .partitions = parts,
			       .partition_count = COUNT };
}

static const struct row memory_rows[] = {
	{ "no memory",
	  { SET(parts[OWN].memory_bytes, 0) },
	  "partition 'own0': memory_bytes is not given; a partition has memory of its own: give at least 2 MiB",
	  { SET(parts[OWN].memory_bytes, MIB(2)) } },
	{ "too little for a guest",
	  { SET(parts[OWN].memory_bytes, MIB(1)) },
	  "partition 'own0': memory_bytes = 1 MiB: an ELF64 guest needs more; give at least 2 MiB",
	  { SET(parts[OWN].memory_bytes, MIB(2)) } },
	{ "too little for Linux",
	  { SET(parts[LINUX].memory_bytes, MIB(14)) },
	  "partition 'linux0': memory_bytes = 14 MiB: a Linux kernel unpacks itself behind its first MiB and "
	  "needs more; give at least 16 MiB",
	  { SET(parts[LINUX].memory_bytes, MIB(16)) } },
	{ "too little for multiboot",
	  { SET(parts[MULTI].memory_bytes, MIB(2)) },
	  "partition 'multi0': memory_bytes = 2 MiB: a multiboot kernel and its modules lie behind the first MiB "
	  "and need more; give at least 16 MiB",
	  { SET(parts[MULTI].memory_bytes, MIB(16)) } },
	{ "too much for any guest",
	  { SET(parts[OWN].memory_bytes, GIB(512) + MIB(2)),
	    SET(sys.board.memory_bytes, GIB(1024)) },
	  "partition 'own0': memory_bytes = 524290 MiB: guest RAM is laid out for 512 GiB; give at most that",
	  { SET(parts[OWN].memory_bytes, GIB(512)) } },
	{ "no whole pages",
	  { SET(parts[OWN].memory_bytes, MIB(3)) },
	  "partition 'own0': memory_bytes = 3 MiB: not a multiple of 2 MiB; give 4 MiB",
	  { SET(parts[OWN].memory_bytes, MIB(4)) } },
	{ "more than is left",
	  { SET(parts[LINUX].memory_bytes, MIB(220)) },
	  "partition 'multi0': memory_bytes = 16 MiB does not fit: a partition's memory is contiguous, and 4 MiB "
	  "are left in all, 4 MiB in one piece; give at most 4 MiB, shrink others, or use a larger board",
	  { SET(parts[LINUX].memory_bytes, MIB(208)) } },
	{ "nothing is left",
	  { SET(parts[LINUX].memory_bytes, MIB(224)) },
	  "partition 'multi0': memory_bytes = 16 MiB does not fit: nothing is left after the larger partitions; "
	  "shrink those, or use a larger board",
	  { SET(sys.board.memory_bytes, MIB(272)) } },
};

static const struct row guest_rows[] = {
	{ "a protocol that is none",
	  { SET(parts[OWN].boot, (enum boot_protocol)3) },
	  "partition 'own0': boot = 3: not a choice; give BOOT_GUEST, BOOT_LINUX or BOOT_MULTIBOOT",
	  { SET(parts[OWN].boot, BOOT_MULTIBOOT) } },
	{ "a platform that is none",
	  { SET(parts[OWN].platform, (enum platform_kind)2) },
	  "partition 'own0': platform = 2: not a choice; give PLATFORM_AUTO or PLATFORM_PC",
	  { SET(parts[OWN].platform, PLATFORM_PC) } },
	{ "an APIC that is none",
	  { SET(parts[OWN].apic, (enum apic_kind)3) },
	  "partition 'own0': apic = 3: not a choice; give APIC_AUTO, APIC_SOFTWARE or APIC_DIRECT",
	  { SET(parts[OWN].apic, APIC_DIRECT) } },
	{ "a life that is none",
	  { SET(parts[LINUX].on_reset, (enum life_action)2) },
	  "partition 'linux0': on_reset = 2: not a choice; give LIFE_END or LIFE_RESTART",
	  { SET(parts[LINUX].on_reset, LIFE_RESTART) } },
	{ "an APIC whose core is shared",
	  { SET(parts[OWN].apic, APIC_DIRECT),
	    CLAIM(parts[OWN].cpu, RESERVATION(0, MS(10), MS(50))) },
	  "partition 'own0': apic = APIC_DIRECT: cpu does not own its core, whose APIC others need; give "
	  "OWN_CORE() for every virtual CPU, or APIC_AUTO",
	  { CLAIM(parts[OWN].cpu, OWN_CORE(0)) } },
	{ "an exit port without a PC",
	  { SET(parts[OWN].has_exit_port, true) },
	  "partition 'own0': has_exit_port: there is no PC around this guest for the port to be on; give "
	  ".platform = PLATFORM_PC, or leave it out",
	  { SET(parts[OWN].platform, PLATFORM_PC) } },
	{ "a reset without a PC",
	  { SET(parts[OWN].on_reset, LIFE_RESTART) },
	  "partition 'own0': on_reset = LIFE_RESTART: without a PC around it a guest cannot reset itself; give "
	  ".platform = PLATFORM_PC, or LIFE_END",
	  { SET(parts[OWN].platform, PLATFORM_PC) } },
	{ "a switch without a PC",
	  { SET(parts[OWN].on_power_off, LIFE_RESTART) },
	  "partition 'own0': on_power_off = LIFE_RESTART: without a PC around it a guest cannot switch itself "
	  "off; give .platform = PLATFORM_PC, or LIFE_END",
	  { SET(parts[OWN].on_power_off, LIFE_END) } },
	{ "words too many for a guest of our own",
	  { SET(parts[OWN].args, long_text) },
	  "partition 'own0': args = 'xxxxxxxxxxxxxxxxxxxxxxxx...': more than 255 characters; shorten them",
	  { SET(long_text[255], '\0') } },
	{ "words too many for Linux",
	  { SET(parts[LINUX].args, long_text) },
	  "partition 'linux0': args = 'xxxxxxxxxxxxxxxxxxxxxxxx...': more than 2047 characters; shorten them",
	  { SET(long_text[2047], '\0') } },
};

static const struct row file_rows[] = {
	{ "no image",
	  { SET(parts[OWN].image, NULL) },
	  "partition 'own0': image is not given; a partition boots an ELF64 file from the boot volume: give its "
	  "name",
	  { SET(parts[OWN].image, "compute.elf") } },
	{ "no kernel",
	  { SET(parts[LINUX].image, "") },
	  "partition 'linux0': image is not given; a partition boots a bzImage from the boot volume: give its "
	  "name",
	  { SET(parts[LINUX].image, "vmlinuz") } },
	{ "an image in a folder",
	  { SET(parts[OWN].image, "boot/tasks.elf") },
	  "partition 'own0': image = 'boot/tasks.elf': a file name in the boot volume's root is 1 to 63 "
	  "characters of [A-Za-z0-9._-], a letter or digit first; rename it",
	  { SET(parts[OWN].image, "tasks.elf") } },
	{ "an image that is not there",
	  { SET(parts[OWN].image, "task.elf"),
	    SET(board.file_count, 4),
	    { board.files, (const char *const[]){ "tasks.elf", "vmlinuz", "initrd.gz", "kernel" },
	      4 * sizeof(char *) } },
	  "partition 'own0': image = 'task.elf': no such file on the boot volume, which has 4; add it, or correct "
	  "the name",
	  { SET(parts[OWN].image, "tasks.elf") } },
	{ "a digest of 63 digits",
	  { SET(parts[OWN].image_sha256, &DIGEST[1]) },
	  "partition 'own0': image_sha256 = '0112233445566778899aabbc...': a SHA-256 is 64 hexadecimal digits, as "
	  "sha256sum prints them; give those, or leave it out",
	  { SET(parts[OWN].image_sha256, DIGEST) } },
	{ "a digest that is none",
	  { SET(modules[0].sha256, "none") },
	  "partition 'linux0': modules[0].sha256 = 'none': a SHA-256 is 64 hexadecimal digits, as sha256sum prints "
	  "them; give those, or leave it out",
	  { SET(modules[0].sha256, NULL) } },
	{ "a module without a name",
	  { SET(modules[0].name, NULL) },
	  "partition 'linux0': modules[0].name is not given; a module is a file on the boot volume: give its name",
	  { SET(modules[0].name, "initrd") } },
	{ "a module above the root",
	  { SET(modules[0].name, "../initrd") },
	  "partition 'linux0': modules[0].name = '../initrd': a file name in the boot volume's root is 1 to 63 "
	  "characters of [A-Za-z0-9._-], a letter or digit first; rename it",
	  { SET(modules[0].name, "initrd") } },
	{ "a count of modules without a list",
	  { SET(parts[LINUX].modules, NULL) },
	  "partition 'linux0': module_count = 1, but modules is not given; a list of modules is both: give "
	  ".MODULES() of { .name }",
	  { SET(parts[LINUX].modules, modules) } },
	{ "a list of modules without a count",
	  { SET(parts[LINUX].module_count, 0) },
	  "partition 'linux0': module_count = 0, but modules is given; a list of modules is both: give .MODULES() "
	  "of { .name }",
	  { SET(parts[LINUX].module_count, 1) } },
	{ "a module for a guest of our own",
	  { SET(parts[OWN].modules, modules), SET(parts[OWN].module_count, 1) },
	  "partition 'own0': module_count = 1: too many; a guest of our own takes none: leave them out",
	  { SET(parts[OWN].modules, NULL), SET(parts[OWN].module_count, 0) } },
	{ "two initial RAM disks",
	  { SET(parts[LINUX].module_count, 2) },
	  "partition 'linux0': module_count = 2: too many; Linux takes one, its initial RAM disk: give at most "
	  "that",
	  { SET(parts[LINUX].module_count, 1) } },
	{ "nine modules",
	  { SET(parts[MULTI].modules, modules), SET(parts[MULTI].module_count, 9) },
	  "partition 'multi0': module_count = 9: too many; there is room for 8: give at most that",
	  { SET(parts[MULTI].module_count, 8) } },
	{ "words for an initial RAM disk",
	  { SET(modules[0].args, "quiet") },
	  "partition 'linux0': modules[0].args = 'quiet': an initial RAM disk has no command line; leave it out, "
	  "or add to args",
	  { SET(modules[0].args, NULL), SET(parts[LINUX].args, "quiet") } },
	{ "words too many for a module",
	  { SET(parts[MULTI].modules, many[0]), SET(parts[MULTI].module_count, 1),
	    SET(many[0][0].args, long_text) },
	  "partition 'multi0': modules[0].args = 'xxxxxxxxxxxxxxxxxxxxxxxx...': more than 2047 characters; shorten "
	  "them",
	  { SET(long_text[2047], '\0') } },
	{ "more files than the boot paths carry", /* 8 + 8 + 8 of f.., f00, and 4 others: of these 1 is f00 */
	  { SET(sys.partition_count, 4),
	    SET(parts[OWN], .name = "own0", .cpu = OWN_CORE(0), .memory_bytes = MIB(16),
		.image = "own", .boot = BOOT_MULTIBOOT, .modules = many[0], .module_count = 8),
	    SET(parts[MULTI], .name = "multi0", .cpu = OWN_CORE(2), .memory_bytes = MIB(16),
		.image = "kernel", .boot = BOOT_MULTIBOOT, .modules = many[1], .module_count = 8),
	    SET(parts[LINUX], .name = "linux0", .cpu = OWN_CORE(1), .memory_bytes = MIB(16),
		.image = "linux", .boot = BOOT_MULTIBOOT, .modules = many[2], .module_count = 8) },
	  "system: images and modules: 35 different files; the boot paths carry 32: use 3 fewer",
	  { SET(parts[MULTI].module_count, 5) } },
};

static void wrong_memory_is_told_what_is_wrong(void)
{
	CHECK_ROWS(memory_rows);
}

static void wrong_guests_are_told_what_is_wrong(void)
{
	CHECK_ROWS(guest_rows);
}

static void wrong_files_are_told_what_is_wrong(void)
{
	CHECK_ROWS(file_rows);
}

int main(void)
{
	RUN(wrong_memory_is_told_what_is_wrong);
	RUN(wrong_guests_are_told_what_is_wrong);
	RUN(wrong_files_are_told_what_is_wrong);
	return test_failed;
}
