/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/plan.c - `make plan CONFIG=configs/x.c`: the plan of a system, or what is wrong with it.
 *
 * Linked with the configuration's own object and with the planner that runs at boot. Checks
 * against the board that the configuration describes; with --files also that the guests' images
 * and modules are there, have the SHA-256 that the configuration gives, and can be loaded into
 * the memory they are given.
 *
 *   plan [--files DIR] [--json]	the plan, or all refusals
 *   plan --list-files			the names of images and modules, each once, one a line
 *   plan --list-drivers			of an accepted configuration: what its image is linked with
 * Exit code  0 accepted, 1 refused, 2 wrong usage.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "arch/boot_info.h"
#include "arch/guest.h"
#include "core/boot_files.h"
#include "core/elf.h"
#include "core/lib/sha256.h"
#include "core/memory.h"
#include "core/disk_config.h"
#include "core/plan.h"
#include "core/plan_disk.h"
#include "core/plan_tasks.h"
#include "core/plan_rate.h"
#include "tools/plan_bounds.h"
#include "tools/plan_json_tuples.h"

#define FILE_MAX_BYTES   GIB(1)
#define PATH_BYTES       4096u
#define FILE_REFUSAL_MAX 32u
#define SHA256_HEX_BYTES (2 * SHA256_BYTES + 1)

static const char *files_dir;
static struct board board;
static struct plan plan;
static struct plan_refusals refusals;
static char file_refusals[FILE_REFUSAL_MAX][PLAN_REFUSAL_BYTES];
static uint32_t file_refusal_count;

static void refuse_file(const struct partition_config *p, const char *format, ...) PRINTF(2, 3);
static void refuse_file(const struct partition_config *p, const char *format, ...)
{
	char *out = file_refusals[file_refusal_count];
	int n = snprintf(out, PLAN_REFUSAL_BYTES, "partition '%s': ", p->name);
	va_list args;

	va_start(args, format);
	vsnprintf(out + n, PLAN_REFUSAL_BYTES - (size_t)n, format, args);
	va_end(args);
	if (file_refusal_count + 1 < FILE_REFUSAL_MAX)
		file_refusal_count++;
}

/* Only what the planner accepts as a name is ever looked for. */
static bool file_path(const char *name, char *path)
{
	if (!name || name[0] == '\0' || strlen(name) >= BOOT_NAME_BYTES || strpbrk(name, "/\\"))
		return false;
	return snprintf(path, PATH_BYTES, "%s/%s", files_dir, name) < (int)PATH_BYTES;
}

/* The images and modules that are there become the board's files. */
static void find_files(void)
{
	const char *name;

	for (uint32_t i = 0; (name = boot_wanted_name(i)) != NULL; i++) {
		char path[PATH_BYTES];
		struct stat st;

		if (board.file_count < ARRAY_SIZE(board.files) && file_path(name, path) &&
		    stat(path, &st) == 0 && S_ISREG(st.st_mode))
			board.files[board.file_count++] = name;
	}
	/* No file at all must not read as "nobody has looked". */
	if (board.file_count == 0)
		board.files[board.file_count++] = "";
}

/* Its whole content, to be freed; NULL: cannot be read. */
static uint8_t *read_file(const char *name, struct guest_file *file)
{
	char path[PATH_BYTES];
	FILE *f = file_path(name, path) ? fopen(path, "rb") : NULL;
	struct stat st;
	uint8_t *data;

	if (!f || fstat(fileno(f), &st) != 0 || st.st_size < 0 ||
	    (uint64_t)st.st_size > FILE_MAX_BYTES) {
		if (f)
			fclose(f);
		return NULL;
	}
	file->name = name;
	file->size = (uint64_t)st.st_size;
	data = malloc(file->size + 1);
	if (data && fread(data, 1, file->size, f) != file->size) {
		free(data);
		data = NULL;
	}
	file->bytes = data;
	fclose(f);
	return data;
}

static void check_digest(const struct partition_config *p, const struct guest_file *file,
			 const char *wanted)
{
	char hex[SHA256_HEX_BYTES];
	uint8_t digest[SHA256_BYTES];

	if (!wanted)
		return;
	sha256(file->bytes, file->size, digest);
	if (sha256_equals_hex(digest, wanted))
		return;
	for (uint32_t i = 0; i < SHA256_BYTES; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	refuse_file(p,
		    "file '%s': its SHA-256 is %s, not %s; correct the configuration, or bring "
		    "the right file",
		    file->name, hex, wanted);
}

/* Addresses to compare with, no memory: checking looks at files only. */
static bool reserve_ram(const struct partition_config *p, const struct plan_partition *part,
			struct guest_ram *ram)
{
	void *at = mmap(NULL, part->memory_bytes, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	*ram = (struct guest_ram){ at, part->memory_bytes, part->has_pc };
	if (at == MAP_FAILED)
		refuse_file(p, "memory_bytes: this host has no address space to check that much");
	return at != MAP_FAILED;
}

/* What boot would say about these files: core/load.c. */
static void check_protocol(const struct partition_config *p, const struct plan_partition *part,
			   const struct guest_image *image)
{
	static const char *const kinds[] = { [BOOT_GUEST] = "an ELF64",
					     [BOOT_LINUX] = "a bzImage",
					     [BOOT_MULTIBOOT] = "a multiboot kernel" };
	const char *reason = "no reason";
	struct elf_image elf;
	struct guest_load load = { 0 };
	struct guest_ram ram;
	enum err e;

	if (!reserve_ram(p, part, &ram))
		return;
	if (p->boot == BOOT_LINUX)
		e = arch_guest_check_linux(image, &ram, &load, &reason);
	else if (p->boot == BOOT_MULTIBOOT)
		e = arch_guest_check_multiboot(image, &ram, &load, &reason);
	else
		e = elf_parse(image->kernel.bytes, image->kernel.size, (gpa_t){ GUEST_HOLE_END },
			      min_u64(ram.bytes, GUEST_LOW_MAX), &elf, &reason);
	munmap(ram.at, ram.bytes);
	if (e == OK)
		return;
	/* Kernel or module: the reason names the file. Of ELF64 guests there is but one. */
	refuse_file(p, "%s%s%s%s; give %s that fits its memory of %llu MiB",
		    p->boot == BOOT_GUEST ? "image = '" : "", p->boot == BOOT_GUEST ? p->image : "",
		    p->boot == BOOT_GUEST ? "': " : "", reason, kinds[p->boot],
		    (unsigned long long)(part->memory_bytes >> 20));
}

/* Of a partition that the planner accepted. */
static void check_files(const struct partition_config *p, const struct plan_partition *part)
{
	struct guest_image image = { .args = p->args ? p->args : "",
				     .module_count = p->module_count,
				     .vcpu_count = part->vcpu_count };
	uint8_t *data[1 + CONFIG_MODULE_MAX] = { NULL };
	const uint32_t refused_before = file_refusal_count;

	for (uint32_t i = 0; i < config_file_count(p); i++) {
		struct guest_file *file = i == 0 ? &image.kernel : &image.modules[i - 1];
		const struct config_file wanted = config_file_of(p, i);

		data[i] = read_file(wanted.name, file);
		if (!data[i]) {
			refuse_file(p, "file '%s': cannot be read", wanted.name);
			continue;
		}
		file->args = i == 0 ? NULL : p->modules[i - 1].args;
		check_digest(p, file, wanted.sha256);
	}
	if (file_refusal_count == refused_before)
		check_protocol(p, part, &image);
	for (uint32_t i = 0; i < config_file_count(p); i++)
		free(data[i]);
}

static void put_line(const char *line)
{
	puts(line);
}

static void print_refusals(void)
{
	uint32_t kept = (uint32_t)min_u64(refusals.count, PLAN_REFUSAL_MAX);
	uint32_t count = refusals.count + file_refusal_count;

	printf("refused: %u reason%s\n", count, count == 1 ? "" : "s");
	for (uint32_t i = 0; i < kept; i++)
		printf("  %s\n", refusals.text[i]);
	if (refusals.count > kept)
		printf("  and %u more of the kind\n", refusals.count - kept);
	for (uint32_t i = 0; i < file_refusal_count; i++)
		printf("  %s\n", file_refusals[i]);
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

static void json_vcpu(const struct plan_vcpu *v)
{
	static const char *const kinds[] = { [CPU_OWNED] = "owned",
					     [CPU_RESERVED] = "reserved",
					     [CPU_BEST_EFFORT] = "best_effort" };

	printf("{\"kind\":\"%s\",\"core\":%u,\"budget_ns\":%llu,\"period_ns\":%llu,"
	       "\"priority\":%u}",
	       kinds[v->kind], v->core, (unsigned long long)v->claim.budget_ns,
	       (unsigned long long)v->claim.period_ns, v->priority);
}

/* Of the partition: what each of its tasks takes at most, from arrival to completion. */
static void json_cpu_tasks(part_id_t part)
{
	const struct partition_config *const c = &config.partitions[part];

	printf(",\"tasks\":[");
	for (uint32_t i = 0; i < c->cpu_task_count; i++) {
		const struct cpu_task *const t = &c->cpu_tasks[i];
		uint64_t bound_ns = 0;

		(void)plan_task_bound(&config, &plan, part, i, &bound_ns);
		printf("%s{\"name\":", i ? "," : "");
		json_string(t->name ? t->name : "");
		printf(",\"wcet_ns\":%llu,\"period_ns\":%llu,\"deadline_ns\":%llu,\"bound_ns\":%llu}",
		       (unsigned long long)t->wcet_ns, (unsigned long long)t->period_ns,
		       (unsigned long long)(t->deadline_ns ? t->deadline_ns : t->period_ns),
		       (unsigned long long)bound_ns);
	}
	printf("]");
}

static void json_tuple(const char *name, const struct tuple *t)
{
	printf(",\"%s\":[%llu,%llu,%llu]", name, (unsigned long long)t->usual,
	       (unsigned long long)t->min, (unsigned long long)t->max);
}

/* Rates as the configuration has them, shares of the link as they are granted. */
static void json_network(const struct pf_config *f, const struct device_config *d)
{
	static const char *const rates[] = {
		[IRQ_RATE_UNSET] = "", [IRQ_FIR] = "fir", [IRQ_CGR] = "cgr", [IRQ_AIR] = "air"
	};
	const struct net_qos q = plan_grant(&config, f, d);

	printf(",\"mac\":");
	json_string(d->mac ? d->mac : "");
	printf(",\"vlan\":%u,\"irq_rate\":\"%s\",\"irq_per_second\":%u,\"priority\":%u", d->vlan,
	       rates[d->irq_rate.kind], d->irq_rate.per_second, q.priority);
	json_tuple("rx_bytes_per_s", &q.rx_bytes_per_s);
	json_tuple("tx_bytes_per_s", &q.tx_bytes_per_s);
	json_tuple("rx_packets_per_s", &q.rx_packets_per_s);
	json_tuple("tx_packets_per_s", &q.tx_packets_per_s);
}

static void json_devices(const struct partition_config *c)
{
	printf(",\"devices\":[");
	for (uint32_t i = 0; i < c->device_count; i++) {
		const struct device_config *const d = &c->devices[i];

		printf("%s{\"kind\":\"%s\",\"name\":", i ? "," : "",
		       d->kind == DEVICE_VF ? "vf" : "function");
		json_string(d->name);
		printf(",\"index\":%u", d->index);
		for (uint32_t n = 0; n < config.pf_count && d->kind == DEVICE_VF; n++)
			if (strcmp(config.pfs[n].name, d->name) == 0 &&
			    rate_is_network(config.pfs[n].driver))
				json_network(&config.pfs[n], d);
		printf("}");
	}
	printf("]");
}

static void json_pfs(void)
{
	static const char *const drivers[] = {
		[PF_IGB] = "igb", [PF_NVME] = "nvme", [PF_MEMORY] = "memory"
	};

	printf(",\"pfs\":[");
	for (uint32_t i = 0; i < config.pf_count; i++)
		printf("%s{\"name\":\"%s\",\"driver\":\"%s\",\"vfs\":%u,\"link_bytes_per_s\":%llu}",
		       i ? "," : "", config.pfs[i].name, drivers[config.pfs[i].driver],
		       config.pfs[i].vf_count, (unsigned long long)rate_link_bytes(&config.pfs[i]));
	printf("]");
}

static void json_partition(part_id_t part)
{
	const struct partition_config *const c = &config.partitions[part];
	const struct plan_partition *const p = &plan.partitions[part];
	static const char *const boots[] = {
		[BOOT_GUEST] = "guest", [BOOT_LINUX] = "linux", [BOOT_MULTIBOOT] = "multiboot"
	};

	printf("{\"name\":\"%s\",\"vcpus\":[", c->name);
	for (uint32_t i = 0; i < p->vcpu_count; i++) {
		printf("%s", i ? "," : "");
		json_vcpu(&plan.vcpus[p->vcpu_first + i]);
	}
	printf("],\"memory_base\":%llu,\"memory_bytes\":%llu,\"boot\":\"%s\",\"pc\":%s,"
	       "\"image\":\"%s\",\"args\":",
	       (unsigned long long)p->memory_base, (unsigned long long)p->memory_bytes,
	       boots[c->boot], p->has_pc ? "true" : "false", c->image);
	json_string(c->args);
	printf(",\"modules\":[");
	for (uint32_t i = 0; i < c->module_count; i++) {
		printf("%s", i ? "," : "");
		json_string(c->modules[i].name);
	}
	printf("]");
	json_cpu_tasks(part);
	json_devices(c);
	json_grants(&config, &plan, part);
	printf("}");
}

/* Of the disk's share number `guest`. */
static void json_tasks(const struct disk_tuned *t, uint32_t guest)
{
	const struct disk_load_guest *g = &t->optimum.load.guests[guest];

	printf(",\"critical\":%s,\"tasks\":[", g->is_critical ? "true" : "false");
	for (uint32_t i = 0; i < g->task_count; i++)
		printf("%s{\"iops\":%u,\"weight\":%u,\"target_ns\":%llu,\"analytical_ns\":%llu,"
		       "\"mlp_ns\":%llu}",
		       i ? "," : "", g->tasks[i].iops, g->tasks[i].weight,
		       (unsigned long long)g->tasks[i].target_ns,
		       (unsigned long long)t->predicted_ns[LATENCY_ANALYTIC][guest][i],
		       (unsigned long long)t->predicted_ns[LATENCY_MLP][guest][i]);
	printf("]");
}

static void json_tuning(const struct disk_config *d, const struct disk_tuned *t)
{
	printf("\"model\":\"%s\",\"slice_idle_ns\":%llu,\"timeout_ns\":%llu,\"met\":%s,"
	       "\"predictions\":%u,",
	       d->tuning == DISK_TUNE_MLP ? "mlp" : "analytical",
	       (unsigned long long)t->optimum.load.slice_idle_ns,
	       (unsigned long long)t->optimum.load.timeout_ns, t->optimum.is_met ? "true" : "false",
	       t->optimum.predictions);
}

/* What tools/lib/queueing.py makes a station of. */
static void json_service_times(const struct disk_config *d)
{
	printf("\"depth\":%u,\"is_fair\":%s,\"parallel\":%u,\"read_ns\":[%llu,%llu],",
	       d->depth ? d->depth : DISK_DEPTH, d->scheduler == DISK_BFQ ? "true" : "false",
	       d->time.parallel, (unsigned long long)d->time.read.fixed_ns,
	       (unsigned long long)d->time.read.ns_per_kib);
}

static void json_disk(uint32_t disk)
{
	const struct disk_tuned *tuning = plan.disks[disk].tuning;
	const char *comma = "";
	uint32_t guest = 0;

	printf("%s{\"name\":\"%s\",\"memory_base\":%llu,\"bytes\":%llu,", disk ? "," : "",
	       config.disks[disk].name, (unsigned long long)plan.disks[disk].memory_base,
	       (unsigned long long)config.disks[disk].bytes);
	json_service_times(&config.disks[disk]);
	if (tuning)
		json_tuning(&config.disks[disk], tuning);
	printf("\"shares\":[");
	for (part_id_t i = 0; i < config.partition_count; i++)
		for (uint32_t n = 0; n < config.partitions[i].disk_count; n++) {
			const struct disk_share *s = &config.partitions[i].disks[n];
			const uint64_t ns = plan_disk_bound_ns(&config, &plan, disk, i, n);

			if (strcmp(s->disk, config.disks[disk].name) != 0)
				continue;
			printf("%s{\"partition\":\"%s\",\"weight\":%u,\"bound_ns\":", comma,
			       config.partitions[i].name, plan_weight(s, &plan.disks[disk], guest));
			printf(ns == UINT64_MAX ? "null" : "%llu", (unsigned long long)ns);
			if (tuning)
				json_tasks(tuning, guest);
			printf("}");
			guest++;
			comma = ",";
		}
	printf("]}");
}

static void json_plan(void)
{
	const char *comma = "";

	printf(",\"overhead_ns\":%llu,\"run_limit_ns\":%llu,\"trace_records\":%u,\"partitions\":[",
	       (unsigned long long)config.board.switch_overhead_ns,
	       (unsigned long long)config.run_limit_ns, config.trace_records);
	for (uint32_t i = 0; i < plan.partition_count; i++) {
		printf("%s", i ? "," : "");
		json_partition(i);
	}
	printf("]");
	if (plan.has_service) {
		printf(",\"service\":");
		json_vcpu(&plan.vcpus[plan.vcpu_count - 1]);
	}
	json_pfs();
	printf(",\"disks\":[");
	for (uint32_t i = 0; i < config.disk_count; i++)
		json_disk(i);
	printf("],\"cores\":[");
	for (uint32_t i = 0; i < MAX_CORES; i++) {
		const struct plan_core *c = &plan.cores[i];

		if (!c->is_used)
			continue;
		printf("%s{\"core\":%u,\"owned\":%s,\"servers\":%u,\"utilization_ppm\":%llu,\"overrun_ppm\":%llu}",
		       comma, i, c->is_owned ? "true" : "false", c->server_count,
		       (unsigned long long)c->utilization_ppm, (unsigned long long)c->overrun_ppm);
		comma = ",";
	}
	printf("],\"memory_free_bytes\":%llu,\"pool_bytes\":%llu",
	       (unsigned long long)plan.memory_free_bytes,
	       (unsigned long long)memory_pool_bytes(&config));
	json_bounds(&config, &plan);
}

static void print_json(bool is_accepted)
{
	uint32_t kept = (uint32_t)min_u64(refusals.count, PLAN_REFUSAL_MAX);

	printf("{\"system\":");
	json_string(config.name);
	printf(",\"accepted\":%s,\"refusals\":[", is_accepted ? "true" : "false");
	for (uint32_t i = 0; i < kept + file_refusal_count; i++) {
		printf("%s", i ? "," : "");
		json_string(i < kept ? refusals.text[i] : file_refusals[i - kept]);
	}
	printf("]");
	if (is_accepted)
		json_plan();
	printf("}\n");
}

static void list_files(void)
{
	const char *name;

	for (uint32_t i = 0; (name = boot_wanted_name(i)) != NULL; i++)
		puts(name);
}

static bool has_rates(void)
{
	for (uint32_t i = 0; i < config.partition_count; i++)
		for (uint32_t n = 0; n < config.partitions[i].device_count; n++)
			if (rate_is_given(&config.partitions[i].devices[n].irq_rate) ||
			    rate_has_qos(&config.partitions[i].devices[n].qos))
				return true;
	return false;
}

static bool has_tasks(void)
{
	for (uint32_t i = 0; i < config.partition_count; i++)
		if (config.partitions[i].cpu_task_count != 0)
			return true;
	return false;
}

/* What the image is linked with: see "drivers" in the Makefile. */
static void list_drivers(void)
{
	static const char *const names[] = {
		[PF_IGB] = "igb", [PF_NVME] = "nvme", [PF_MEMORY] = "memnic"
	};

	bool has_pci = config.pf_count != 0;

	if (config.trace_details)
		puts("trace");
	if (has_tasks())
		puts("tasks");
	if (has_tuples(&config))
		puts("tuples");
	if (config.service.kind == CPU_NONE)
		return;
	for (uint32_t i = 0; i < config.partition_count; i++)
		has_pci |= config.partitions[i].device_count != 0;
	for (uint32_t i = 0; i < config.disk_count; i++) {
		has_pci |= config.disks[i].kind != DISK_MEMORY;
		if (config.disks[i].kind == DISK_NVME || config.disks[i].kind == DISK_VIRTIO)
			puts(config.disks[i].kind == DISK_NVME ? "nvme_disk" : "virtio_disk");
	}
	if (config.disk_count != 0)
		puts("disk");
	if (has_disk_rates(&config))
		puts("disk_rates");
	for (uint32_t i = 0; i < config.disk_count; i++) {
		if (config.disks[i].tuning != DISK_AS_GIVEN) {
			puts("tuning");
			break;
		}
	}
	if (has_pci)
		puts("device");
	if (has_rates())
		puts("rate");
	for (uint32_t i = 0; i < config.pf_count; i++)
		if (config.pfs[i].driver >= PF_IGB && config.pfs[i].driver <= PF_MEMORY)
			puts(names[config.pfs[i].driver]);
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
			check_files(&config.partitions[i], &plan.partitions[i]);
		is_accepted = file_refusal_count == 0;
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
		if (strcmp(argv[i], "--list-drivers") == 0) {
			list_drivers();
			return EXIT_SUCCESS;
		}
		if (strcmp(argv[i], "--json") == 0) {
			as_json = true;
		} else if (strcmp(argv[i], "--files") == 0 && i + 1 < argc) {
			files_dir = argv[++i];
		} else {
			fprintf(stderr,
				"usage: %s [--files DIR] [--json] | --list-files | --list-drivers\n",
				argv[0]);
			return 2;
		}
	}
	return make_plan(as_json);
}
