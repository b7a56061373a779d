/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "arch/boot_info.h"
#include "core/boot_files.h"
#include "core/lib/fmt.h"
#include "core/plan_check.h"

#define SHA256_DIGITS 64u

/* "image" or "modules[2]": what its fields are called. */
struct file_fields {
	char name[20];
	char sha256[24];
};

static struct file_fields fields_of(uint32_t file)
{
	struct file_fields f = { "image", "image_sha256" };

	if (file > 0) {
		fmt_text(f.name, sizeof(f.name), "modules[%u].name", file - 1);
		fmt_text(f.sha256, sizeof(f.sha256), "modules[%u].sha256", file - 1);
	}
	return f;
}

/* What a FAT volume and every boot path can carry, and no path out of the volume's root. */
static bool is_file_name(const char *name)
{
	uint32_t i = 0;

	for (; name[i] != '\0'; i++) {
		char c = name[i];
		bool is_word =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (!is_word && (i == 0 || (c != '.' && c != '_' && c != '-')))
			return false;
		if (i + 1 == BOOT_NAME_BYTES)
			return false;
	}
	return i > 0;
}

static bool is_on_volume(const struct board *b, const char *name)
{
	for (uint32_t i = 0; i < b->file_count; i++) {
		if (b->files[i] && strcmp(b->files[i], name) == 0)
			return true;
	}
	return b->file_count == 0;
}

static const char *what_boots(enum boot_protocol boot)
{
	switch (boot) {
	case BOOT_LINUX:
		return "a bzImage";
	case BOOT_MULTIBOOT:
		return "a multiboot kernel";
	default:
		return "an ELF64 file";
	}
}

static void check_name(struct check *k, part_id_t i, uint32_t file, const char *name)
{
	struct file_fields f = fields_of(file);

	if (!name || name[0] == '\0') {
		if (file == 0)
			refuse_partition(k, i,
					 "image is not given; a partition boots %s from the boot "
					 "volume: give its name",
					 what_boots(k->config->partitions[i].boot));
		else
			refuse_partition(k, i,
					 "%s is not given; a module is a file on the boot volume: "
					 "give its name",
					 f.name);
	} else if (!is_file_name(name))
		refuse_partition(k, i,
				 "%s = %s: a file name in the boot volume's root is 1 to %u "
				 "characters of [A-Za-z0-9._-], a letter or digit first; rename it",
				 f.name, text_quoted(name).s, BOOT_NAME_BYTES - 1);
	else if (!is_on_volume(k->board, name))
		refuse_partition(k, i,
				 "%s = %s: no such file on the boot volume, which has %u; "
				 "add it, or correct the name",
				 f.name, text_quoted(name).s, k->board->file_count);
}

static void check_digest(struct check *k, part_id_t i, uint32_t file, const char *digits)
{
	uint32_t n = 0;

	if (!digits)
		return;
	while (n <= SHA256_DIGITS &&
	       ((digits[n] >= '0' && digits[n] <= '9') || (digits[n] >= 'a' && digits[n] <= 'f') ||
		(digits[n] >= 'A' && digits[n] <= 'F')))
		n++;
	if (n != SHA256_DIGITS || digits[n] != '\0')
		refuse_partition(k, i,
				 "%s = %s: a SHA-256 is %u hexadecimal digits, as sha256sum prints "
				 "them; give those, or leave it out",
				 fields_of(file).sha256, text_quoted(digits).s, SHA256_DIGITS);
}

/* One use of a file. They are ordered by partition, then by file. */
struct use {
	part_id_t part;
	uint32_t file;
	const char *name;
};

/* True if no use before it has the same name. Names are well-formed or left out. */
static bool is_first_use(const struct check *k, const struct use *u)
{
	if (!u->name || !is_file_name(u->name))
		return false;
	for (part_id_t i = 0; i <= u->part; i++) {
		const struct partition_config *p = &k->config->partitions[i];
		uint32_t count = i == u->part ? u->file : config_file_count(p);

		for (uint32_t f = 0; f < count; f++) {
			const char *name = config_file_of(p, f).name;

			if (name && strcmp(name, u->name) == 0)
				return false;
		}
	}
	return true;
}

void check_files(struct check *k)
{
	uint32_t count = 0;

	for (part_id_t i = 0; i < k->partition_count; i++) {
		const struct partition_config *p = &k->config->partitions[i];

		for (uint32_t f = 0; f < config_file_count(p); f++) {
			struct config_file file = config_file_of(p, f);
			struct use use = { i, f, file.name };

			check_name(k, i, f, file.name);
			check_digest(k, i, f, file.sha256);
			count += is_first_use(k, &use);
		}
	}
	if (count > BOOT_FILE_MAX)
		refuse_system(k,
			      "images and modules: %u different files; the boot paths carry %u: "
			      "use %u fewer",
			      count, BOOT_FILE_MAX, count - BOOT_FILE_MAX);
}
