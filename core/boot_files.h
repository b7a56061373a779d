/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/boot_files.h - which files of the boot volume a partition is made of.
 *
 * Model    File 0 is the image, file n its module n - 1. A configuration that the planner has not
 *	    seen yet is taken as it is: names may be NULL, and of too many modules only the
 *	    first CONFIG_MODULE_MAX count.
 */
#pragma once
#include "core/config.h"

struct config_file {
	const char *name;   /* NULL: not given */
	const char *sha256; /* NULL: any content */
};

static inline uint32_t config_file_count(const struct partition_config *p)
{
	return 1 + (p->modules ? (uint32_t)min_u64(p->module_count, CONFIG_MODULE_MAX) : 0);
}

static inline struct config_file config_file_of(const struct partition_config *p, uint32_t file)
{
	if (file == 0)
		return (struct config_file){ p->image, p->image_sha256 };
	return (struct config_file){ p->modules[file - 1].name, p->modules[file - 1].sha256 };
}
