/* SPDX-License-Identifier: Apache-2.0 */
/* core/boot_files.c - for the UEFI loader: which files the configuration needs, each once. */
#include <string.h>
#include "arch/boot_info.h"
#include "core/config.h"

static bool is_first_use(uint32_t partition)
{
	const char *const image = config.partitions[partition].image;

	if (image == NULL)
		return false;
	for (uint32_t i = 0; i < partition; i++) {
		if (config.partitions[i].image != NULL &&
		    strcmp(config.partitions[i].image, image) == 0)
			return false;
	}
	return true;
}

uint32_t boot_wanted_count(void)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < config.partition_count; i++)
		count += is_first_use(i);
	return count;
}

const char *boot_wanted_name(uint32_t index)
{
	for (uint32_t i = 0; i < config.partition_count; i++) {
		if (is_first_use(i) && index-- == 0)
			return config.partitions[i].image;
	}
	return NULL;
}
