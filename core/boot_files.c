/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/boot_files.c - for the UEFI loader and `make plan`: which files the configuration needs,
 * images and modules, each once.
 */
#include <string.h>
#include "arch/boot_info.h"
#include "core/boot_files.h"

/* One use of a file; uses are ordered by partition, then by file. */
struct use {
	uint32_t part;
	uint32_t file;
};

static const char *name_of(const struct use *u)
{
	return config_file_of(&config.partitions[u->part], u->file).name;
}

static bool next_use(struct use *u)
{
	if (++u->file < config_file_count(&config.partitions[u->part]))
		return true;
	u->file = 0;
	return ++u->part < config.partition_count;
}

static bool has_uses(void)
{
	return config.partitions != NULL && config.partition_count > 0;
}

static bool is_first_use(const struct use *use)
{
	struct use u = { 0 };
	const char *const name = name_of(use);

	if (name == NULL || name[0] == '\0')
		return false;
	for (; u.part != use->part || u.file != use->file; (void)next_use(&u)) {
		if (name_of(&u) != NULL && strcmp(name_of(&u), name) == 0)
			return false;
	}
	return true;
}

uint32_t boot_wanted_count(void)
{
	struct use u = { 0 };
	uint32_t count = 0;
	bool has_more = has_uses();

	for (; has_more; has_more = next_use(&u))
		count += is_first_use(&u);
	return count;
}

const char *boot_wanted_name(uint32_t index)
{
	struct use u = { 0 };
	bool has_more = has_uses();

	for (; has_more; has_more = next_use(&u)) {
		if (is_first_use(&u) && index-- == 0)
			return name_of(&u);
	}
	return NULL;
}
