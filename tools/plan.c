/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/plan.c - `make plan CONFIG=configs/x.c`: the plan of a system, or what is wrong with it.
 *
 * Linked with the configuration's own object and with the planner that runs at boot. Checks
 * against the board that the configuration describes; with --files also that the guests'
 * images are there and can be loaded into the memory they are given.
 *
 *   plan [--files DIR] [--json]	the plan, or all refusals
 *   plan --list-files			the names of the images, each once, one a line
 * Exit code  0 accepted, 1 refused, 2 wrong usage.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arch/boot_info.h"
#include "core/elf.h"
#include "core/memory.h"
#include "core/plan.h"

#define IMAGE_MAX_BYTES MIB(256)
#define PATH_BYTES      4096u

static const char *files_dir;
static struct board board;
static struct plan plan;
static struct plan_refusals refusals;
static char image_refusals[MAX_PARTITIONS][PLAN_REFUSAL_BYTES];
static uint32_t image_refusal_count;

static uint32_t partition_count(void)
{
	if (!config.partitions)
		return 0;
	return (uint32_t)min_u64(config.partition_count, MAX_PARTITIONS);
}

/* Only what the planner accepts as a name is ever looked for. */
static bool image_path(const char *image, char *path)
{
	if (!image || image[0] == '\0' || strlen(image) >= BOOT_NAME_BYTES || strpbrk(image, "/\\"))
		return false;
	return snprintf(path, PATH_BYTES, "%s/%s", files_dir, image) < (int)PATH_BYTES;
}

/* The images that are there become the board's files. */
static void find_files(void)
{
	for (uint32_t i = 0; i < partition_count(); i++) {
		const char *image = config.partitions[i].image;
		char path[PATH_BYTES];
		FILE *f = image_path(image, path) ? fopen(path, "rb") : NULL;

		if (!f)
			continue;
		fclose(f);
		board.files[board.file_count++] = image;
	}
	/* No file at all must not read as "nobody has looked". */
	if (board.file_count == 0)
		board.files[board.file_count++] = "";
}

static void *read_file(const char *path, size_t *bytes)
{
	FILE *f = fopen(path, "rb");
	void *data = f ? malloc(IMAGE_MAX_BYTES) : NULL;

	*bytes = 0;
	if (data)
		*bytes = fread(data, 1, IMAGE_MAX_BYTES, f);
	if (f)
		fclose(f);
	return data;
}

/* What boot would say about this image: core/partition.c. */
static void check_image(const struct partition_config *p)
{
	const char *reason = "cannot be read";
	struct elf_image image;
	char path[PATH_BYTES];
	enum err e = ERR_INVAL;
	size_t bytes;
	void *data;

	if (!image_path(p->image, path))
		return;
	data = read_file(path, &bytes);
	if (data)
		e = elf_parse(data, bytes, (gpa_t){ MIB(1) }, p->memory_bytes, &image, &reason);
	free(data);
	if (e != OK)
		snprintf(image_refusals[image_refusal_count++], PLAN_REFUSAL_BYTES,
			 "partition '%s': image = '%s': %s; give an ELF64 that fits its memory of "
			 "%llu MiB",
			 p->name, p->image, reason, (unsigned long long)(p->memory_bytes >> 20));
}

static void put_line(const char *line)
{
	puts(line);
}

static void print_refusals(void)
{
	uint32_t kept = (uint32_t)min_u64(refusals.count, PLAN_REFUSAL_MAX);
	uint32_t count = refusals.count + image_refusal_count;

	printf("refused: %u reason%s\n", count, count == 1 ? "" : "s");
	for (uint32_t i = 0; i < kept; i++)
		printf("  %s\n", refusals.text[i]);
	if (refusals.count > kept)
		printf("  and %u more of the kind\n", refusals.count - kept);
	for (uint32_t i = 0; i < image_refusal_count; i++)
		printf("  %s\n", image_refusals[i]);
}

static void json_string(const char *text)
{
	putchar('"');
	for (; text && *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else if ((unsigned char)*text < ' ')
			printf("\\u%04x", (unsigned)*text);
		else
			putchar(*text);
	}
	putchar('"');
}

static void json_partition(const struct partition_config *c, const struct plan_partition *p)
{
	static const char *const kinds[] = { [CPU_OWNED] = "owned",
					     [CPU_RESERVED] = "reserved",
					     [CPU_BEST_EFFORT] = "best_effort" };

	printf("{\"name\":\"%s\",\"kind\":\"%s\",\"core\":%u,\"budget_ns\":%llu,\"period_ns\":%llu,"
	       "\"priority\":%u,\"memory_base\":%llu,\"memory_bytes\":%llu,\"image\":\"%s\",\"args\":",
	       c->name, kinds[p->kind], p->core, (unsigned long long)c->cpu.budget_ns,
	       (unsigned long long)c->cpu.period_ns, p->priority,
	       (unsigned long long)p->memory_base, (unsigned long long)p->memory_bytes, c->image);
	json_string(c->args);
	putchar('}');
}

static void json_plan(void)
{
	const char *comma = "";

	printf(",\"overhead_ns\":%llu,\"run_limit_ns\":%llu,\"trace_records\":%u,\"partitions\":[",
	       (unsigned long long)config.board.switch_overhead_ns,
	       (unsigned long long)config.run_limit_ns, config.trace_records);
	for (uint32_t i = 0; i < plan.partition_count; i++) {
		printf("%s", i ? "," : "");
		json_partition(&config.partitions[i], &plan.partitions[i]);
	}
	printf("],\"cores\":[");
	for (uint32_t i = 0; i < MAX_CORES; i++) {
		const struct plan_core *c = &plan.cores[i];

		if (!c->is_used)
			continue;
		printf("%s{\"core\":%u,\"owned\":%s,\"servers\":%u,\"utilization_ppm\":%llu}",
		       comma, i, c->is_owned ? "true" : "false", c->server_count,
		       (unsigned long long)c->utilization_ppm);
		comma = ",";
	}
	printf("],\"memory_free_bytes\":%llu,\"pool_bytes\":%llu",
	       (unsigned long long)plan.memory_free_bytes,
	       (unsigned long long)memory_pool_bytes(&config));
}

static void print_json(bool is_accepted)
{
	uint32_t kept = (uint32_t)min_u64(refusals.count, PLAN_REFUSAL_MAX);

	printf("{\"system\":");
	json_string(config.name);
	printf(",\"accepted\":%s,\"refusals\":[", is_accepted ? "true" : "false");
	for (uint32_t i = 0; i < kept + image_refusal_count; i++) {
		printf("%s", i ? "," : "");
		json_string(i < kept ? refusals.text[i] : image_refusals[i - kept]);
	}
	printf("]");
	if (is_accepted)
		json_plan();
	printf("}\n");
}

static void list_files(void)
{
	for (uint32_t i = 0; i < partition_count(); i++) {
		const char *image = config.partitions[i].image;
		uint32_t j = 0;

		while (image && j < i &&
		       (!config.partitions[j].image ||
			strcmp(config.partitions[j].image, image) != 0))
			j++;
		if (image && j == i)
			puts(image);
	}
}

static int make_plan(bool as_json)
{
	bool is_accepted;

	plan_board_from_config(&config, &board);
	if (files_dir)
		find_files();
	is_accepted = plan_build(&config, &board, &plan, &refusals) == OK;
	if (files_dir && is_accepted) {
		for (uint32_t i = 0; i < plan.partition_count; i++)
			check_image(&config.partitions[i]);
		is_accepted = image_refusal_count == 0;
	}
	if (as_json)
		print_json(is_accepted);
	else if (is_accepted)
		plan_print(&config, &board, &plan, put_line);
	else
		print_refusals();
	return is_accepted ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	bool as_json = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--list-files") == 0) {
			list_files();
			return EXIT_SUCCESS;
		}
		if (strcmp(argv[i], "--json") == 0) {
			as_json = true;
		} else if (strcmp(argv[i], "--files") == 0 && i + 1 < argc) {
			files_dir = argv[++i];
		} else {
			fprintf(stderr, "usage: %s [--files DIR] [--json] | --list-files\n",
				argv[0]);
			return 2;
		}
	}
	return make_plan(as_json);
}
