/* SPDX-License-Identifier: Apache-2.0 */
/* Every image and module is asked for once, in the order in which they first stand. */
#include <string.h>
#include "arch/boot_info.h"
#include "core/config.h"
#include "tests/test.h"

static const struct partition_config partitions[] = {
	{ .name = "linux0", .image = "vmlinuz", .MODULES({ .name = "initrd.gz" }) },
	{ .name = "nothing" },
	{ .name = "multi0",
	  .image = "kernel",
	  .MODULES({ .name = "a" }, { .name = "initrd.gz" }, { .name = NULL }, { .name = "a" },
		   { .name = "" }, { .name = "kernel" }, { .name = "vmlinux" }) },
	{ .name = "linux1", .image = "vmlinuz", .MODULES({ .name = "b" }) },
	{ .name = "not loaded", .image = "kernel", .module_count = 3 },
};

const struct config config = { .partitions = partitions,
			       .partition_count = ARRAY_SIZE(partitions) };

static void files_are_wanted_once_each(void)
{
	static const char *const wanted[] = {
		"vmlinuz", "initrd.gz", "kernel", "a", "vmlinux", "b"
	};

	CHECK(boot_wanted_count() == ARRAY_SIZE(wanted));
	for (uint32_t i = 0; i < ARRAY_SIZE(wanted); i++)
		CHECK(boot_wanted_name(i) && strcmp(boot_wanted_name(i), wanted[i]) == 0);
	CHECK(boot_wanted_name(ARRAY_SIZE(wanted)) == NULL);
	CHECK(boot_wanted_name(UINT32_MAX) == NULL);
}

int main(void)
{
	RUN(files_are_wanted_once_each);
	return test_failed;
}
