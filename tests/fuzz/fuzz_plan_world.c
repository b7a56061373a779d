/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_plan_world.c - the systems of fuzz_plan.c: good ones, changed as the input says. */
#include <stdlib.h>
#include <string.h>
#include "core/disk_config.h"
#include "tests/fuzz/fuzz_plan.h"

#define SECTORS(bytes) ((bytes) / BLOCK_SECTOR_BYTES)
#define BLOCK_MAX      4096u

static void *blocks[BLOCK_MAX];
static uint32_t block_count;

static void *block(size_t bytes)
{
	void *const p = malloc(bytes ? bytes : 1);

	if (block_count == BLOCK_MAX || !p)
		abort();
	blocks[block_count++] = p;
	return bytes ? p : (char *)p + 1; /* of no bytes: nothing of it may be read */
}

void world_forget(void)
{
	while (block_count > 0)
		free(blocks[--block_count]);
}

/* ---- Good systems ---- */

static void put_claims(struct world *w, uint32_t shape)
{
	w->parts[0].cpu = (struct cpu_claim)RESERVATION(0, MS(32), MS(50));
	if ((shape & 0x39) == 0x39)
		w->parts[0].cpu = (struct cpu_claim)ENOUGH_FOR_TASKS(0);
	w->parts[1].cpu = (struct cpu_claim)BEST_EFFORT(0, 1);
	w->parts[2].cpu_count = 2;
	w->cpus[2][0] = (struct cpu_claim)RESERVATION(1, MS(5), MS(20));
	w->cpus[2][1] = (struct cpu_claim)OWN_CORE(2);
	w->parts[3].cpu = (struct cpu_claim)RESERVATION(1, MS(10), MS(40));
	w->sys.service = (struct cpu_claim)RESERVATION(3, MS(1), MS(10));
}

static void put_guests(struct world *w)
{
	static const char *const names[REAL_PARTS] = { "rt0", "load0", "linux0", "multi0" };

	for (uint32_t i = 0; i <= MAX_PARTITIONS; i++)
		w->parts[i] = (struct partition_config){ .name = i < REAL_PARTS ? names[i] : "more",
							 .memory_bytes = MIB(16),
							 .image = "x.elf" };
	w->parts[2].boot = BOOT_LINUX;
	w->parts[2].module_count = 1;
	w->parts[3].boot = BOOT_MULTIBOOT;
	w->parts[3].module_count = 2;
	for (uint32_t i = 0; i < REAL_PARTS; i++)
		for (uint32_t n = 0; n <= CONFIG_MODULE_MAX; n++)
			w->modules[i][n] = (struct module_config){ .name = "initrd" };
	w->parts[0].cpu_task_count = 2;
	w->parts[0].task_policy = TASKS_EDF;
	w->cpu_tasks[0][0] = (struct cpu_task){ .wcet_ns = MS(30), .period_ns = MS(150) };
	w->cpu_tasks[0][1] = (struct cpu_task){ .wcet_ns = MS(50), .period_ns = MS(200) };
}

static void put_devices(struct world *w)
{
	w->pfs[0] = (struct pf_config){ .name = "net", .driver = PF_IGB, .vf_count = 8 };
	w->pfs[1] = (struct pf_config){
		.name = "nvme", .driver = PF_NVME, .address = "02:00.0", .vf_count = 4
	};
	w->sys.pf_count = 2;
	w->devices[2][0] =
		(struct device_config){ .kind = DEVICE_VF,
					.name = "net",
					.mac = "02:00:00:00:00:01",
					.irq_rate = { .kind = IRQ_AIR },
					.qos = { .rx_bytes_per_s = { 80000000, 60000000, 0 } } };
	w->devices[2][1] = (struct device_config)PCI_VF("nvme", 1);
	w->devices[3][0] =
		(struct device_config){ .kind = DEVICE_VF,
					.name = "net",
					.index = 1,
					.qos = { .rx_bytes_per_s = { 70000000, 10000000, 0 } } };
	w->devices[3][1] = (struct device_config)PCI_AT("0000:03:1f.7");
	w->parts[2].device_count = w->parts[3].device_count = 2;
}

static void put_disks(struct world *w, uint32_t shape)
{
	w->disks[0] = (struct disk_config){
		.name = "fast", .kind = DISK_MEMORY, .bytes = MIB(4), .time = { .parallel = 1 }
	};
	w->disks[1] =
		(struct disk_config){ .name = "real", .kind = DISK_NVME, .address = "04:00.0" };
	w->disks[2] = (struct disk_config){
		.name = "ssd",
		.kind = DISK_MEMORY,
		.bytes = MIB(4),
		.time = { .read = { US(60), 4000 }, .write = { US(90), 4000 }, .parallel = 2 }
	};
	w->sys.disk_count = 3;
	for (uint32_t i = 2; i < REAL_PARTS; i++) {
		w->shares[i][0] = (struct disk_share){ .disk = "fast",
						       .first_sector = SECTORS(MIB(2)) * (i - 2),
						       .sector_count = SECTORS(MIB(2)) };
		w->shares[i][1] = (struct disk_share){ .disk = "ssd",
						       .first_sector = SECTORS(MIB(2)) * (i - 2),
						       .sector_count = SECTORS(MIB(2)),
						       .task_count = 1 };
		w->tasks[i][1][0] = (struct disk_task){ .iops = 500 };
		w->parts[i].disk_count = 2;
	}
	w->shares[3][2] = (struct disk_share){ .disk = "real", .partition = "data" };
	w->parts[3].disk_count = 3;
	if (shape == UINT8_MAX) { /* takes by far the longest */
		w->disks[2].tuning = DISK_TUNE_ANALYTIC;
		w->tasks[2][1][0].target_ns = SEC(10);
	}
}

/* Some of what can be shrunk, so that one change makes it necessary. */
static void put_tuples(struct world *w)
{
	w->parts[3].cpu = (struct cpu_claim)RESERVATION_BETWEEN(1, MS(10), MS(2), MS(20), MS(40));
	w->parts[3].criticality = 2;
	w->parts[2].memory_bytes = MIB(64);
	w->parts[2].memory_min_bytes = MIB(16);
	w->parts[2].memory_max_bytes = MIB(128);
	for (uint32_t i = 2; i < REAL_PARTS; i++)
		w->shares[i][0].bytes_per_s = (struct tuple){ 4000 * i, 1000, 0 };
}

static void put_system(struct world *w, uint32_t shape)
{
	memset(w, 0, sizeof(*w));
	w->sys = (struct config){ .name = "good",
				  .board = { .core_count = 4,
					     .memory_bytes = MIB(256),
					     .switch_overhead_ns = US(30),
					     .timer_resolution_ns = US(1) },
				  .partition_count = 4 };
	put_guests(w);
	put_claims(w, shape);
	put_tuples(w);
	if (shape & 2)
		put_devices(w);
	if (shape & 4)
		put_disks(w, shape);
	if (!(shape & 6))
		w->sys.service = (struct cpu_claim){ 0 };
	w->quantiles[1] = (struct service_quantile){ 500000, US(10) };
	w->quantiles[2] = (struct service_quantile){ 1000000, US(100) };
}

/* ---- Fields ---- */

enum field_kind { NUMBER, FLAG, TEXT, LIST };
struct field {
	uint16_t at;
	uint8_t bytes, kind;
	uint32_t max; /* of a text's characters */
};
#define FIELD(type, member, kind, max) \
	{ \
		offsetof(type, member), sizeof(((type *)0)->member), kind, max \
	}

#define N(member) FIELD(struct cpu_claim, member, NUMBER, 0)
static const struct field claim_fields[] = { N(kind),         N(core),     N(budget_ns),
					     N(period_ns),    N(priority), N(budget_min_ns),
					     N(budget_max_ns) };
#undef N
#define N(member)      FIELD(struct partition_config, member, NUMBER, 0)
#define T(member, max) FIELD(struct partition_config, member, TEXT, max)
#define L(member)      FIELD(struct partition_config, member, LIST, 0)
static const struct field partition_fields[] = {
	T(name, PARTITION_NAME_MAX),
	L(cpus),
	N(cpu_count),
	L(cpu_tasks),
	N(cpu_task_count),
	N(task_policy),
	N(task_supply),
	N(memory_bytes),
	N(memory_min_bytes),
	N(memory_max_bytes),
	N(criticality),
	N(boot),
	N(platform),
	N(apic),
	T(image, 63),
	T(image_sha256, 64),
	L(modules),
	N(module_count),
	T(args, 2047),
	FIELD(struct partition_config, has_exit_port, FLAG, 0),
	N(on_reset),
	N(on_power_off),
	L(devices),
	N(device_count),
	L(disks),
	N(disk_count),
};
#undef N
#undef T
#undef L
#define N(member) FIELD(struct cpu_task, member, NUMBER, 0)
static const struct field cpu_task_fields[] = { FIELD(struct cpu_task, name, TEXT, 24), N(wcet_ns),
						N(period_ns), N(deadline_ns), N(jitter_ns) };
#undef N
static const struct field module_fields[] = {
	FIELD(struct module_config, name, TEXT, 63),
	FIELD(struct module_config, sha256, TEXT, 64),
	FIELD(struct module_config, args, TEXT, 2047),
};
#define N(member) FIELD(struct device_config, member, NUMBER, 0)
static const struct field device_fields[] = {
	N(kind),
	FIELD(struct device_config, name, TEXT, 24),
	N(index),
	FIELD(struct device_config, mac, TEXT, 24),
	N(vlan),
	N(irq_rate.kind),
	N(irq_rate.per_second),
	N(irq_rate.window_ns),
	N(irq_rate.batch),
	N(irq_rate.offset),
	N(irq_rate.threshold),
	N(irq_rate.min_per_second),
	N(irq_rate.packet_ns),
	N(irq_rate.interrupt_ns),
	N(irq_rate.urgent),
	N(qos.rx_bytes_per_s.usual),
	N(qos.rx_bytes_per_s.min),
	N(qos.rx_bytes_per_s.max),
	N(qos.tx_bytes_per_s.usual),
	N(qos.tx_bytes_per_s.min),
	N(qos.tx_bytes_per_s.max),
	N(qos.rx_packets_per_s.usual),
	N(qos.tx_packets_per_s.max),
	N(qos.priority),
};
#undef N
#define N(member) FIELD(struct disk_share, member, NUMBER, 0)
#define B(member) FIELD(struct disk_share, member, FLAG, 0)
static const struct field share_fields[] = {
	FIELD(struct disk_share, disk, TEXT, 15),
	FIELD(struct disk_share, partition, TEXT, 36),
	FIELD(struct disk_share, tasks, LIST, 0),
	N(first_sector),
	N(sector_count),
	B(is_read_only),
	B(is_writethrough),
	B(has_async_writes),
	N(weight),
	N(bytes_per_s.usual),
	N(bytes_per_s.min),
	N(bytes_per_s.max),
	N(request_bytes),
	N(queue_count),
	N(queue_size),
	N(queue_weights[0]),
	N(queue_weights[1]),
	N(queue_weights[7]),
	N(request_max_bytes),
	N(outstanding),
	N(priority),
	N(budget_bytes),
	N(budget_period_ns),
	N(task_count),
	B(is_critical),
};
#undef N
#undef B
static const struct field disk_task_fields[] = {
	FIELD(struct disk_task, iops, NUMBER, 0),
	FIELD(struct disk_task, target_ns, NUMBER, 0),
	FIELD(struct disk_task, target_max_ns, NUMBER, 0),
};
#define N(member) FIELD(struct pf_config, member, NUMBER, 0)
static const struct field pf_fields[] = {
	FIELD(struct pf_config, name, TEXT, 15),
	N(driver),
	FIELD(struct pf_config, address, TEXT, 24),
	N(vf_count),
	N(link_bytes_per_s),
	N(report_ns),
};
#undef N
#define N(member) FIELD(struct disk_config, member, NUMBER, 0)
static const struct field disk_fields[] = {
	FIELD(struct disk_config, name, TEXT, 15),
	N(kind),
	FIELD(struct disk_config, address, TEXT, 24),
	N(nsid),
	N(bytes),
	N(time.read.fixed_ns),
	N(time.read.ns_per_kib),
	N(time.write.fixed_ns),
	N(time.write.ns_per_kib),
	N(time.fua_ns),
	N(time.flush_ns),
	N(time.trim_ns),
	N(time.parallel),
	N(time.jitter),
	N(time.uniform_ns),
	FIELD(struct disk_config, time.quantiles, LIST, 0),
	N(time.quantile_count),
	N(time.stall_every_ns),
	N(time.stall_ns),
	N(scheduler),
	N(depth),
	N(slice_idle_ns),
	N(timeout_sync_ns),
	N(tuning),
	FIELD(struct disk_config, is_strict, FLAG, 0),
	N(max_budget_bytes),
	FIELD(struct disk_config, has_fixed_budgets, FLAG, 0),
	N(poll_ns),
	N(report_ns),
	N(audit_records),
};
#undef N
#define N(member) FIELD(struct config, member, NUMBER, 0)
#define L(member) FIELD(struct config, member, LIST, 0)
static const struct field system_fields[] = {
	FIELD(struct config, name, TEXT, 31),
	N(board.core_count),
	N(board.memory_bytes),
	N(board.switch_overhead_ns),
	N(board.timer_resolution_ns),
	N(board.console_bytes_per_second),
	L(partitions),
	N(partition_count),
	L(pfs),
	N(pf_count),
	L(disks),
	N(disk_count),
	N(service.kind),
	N(service.core),
	N(service.budget_ns),
	N(service.period_ns),
	N(run_limit_ns),
	N(at_end),
	N(trace_records),
	FIELD(struct config, trace_details, FLAG, 0),
};
#undef N
#undef L
#define N(member) FIELD(struct board, member, NUMBER, 0)
static const struct field board_fields[] = {
	N(core_count),     N(tsc_hz),          N(switch_overhead_tsc), N(timer_resolution_tsc),
	N(memory[0].base), N(memory[0].bytes), N(memory[1].base),      N(memory[1].bytes),
	N(memory_count),   N(file_count),
};
#undef N
static const struct field quantile_fields[] = {
	FIELD(struct service_quantile, ppm, NUMBER, 0),
	FIELD(struct service_quantile, ns, NUMBER, 0),
};

/* ---- Values ---- */

static uint64_t number(struct input *in)
{
	static const uint64_t edges[] = {
		0,         1,         2,         3,          4,         8,         9,
		16,        17,        33,        64,         100,       127,       255,
		1000,      4094,      4096,      65536,      100000,    1000000,   125000000,
		MIB(1),    MIB(2),    MIB(16),   MIB(240),   GIB(3),    GIB(512),  US(1),
		US(30),    US(300),   MS(1),     MS(10),     MS(50),    MS(100),   SEC(1),
		SEC(10),   SEC(100),  SEC(3600), UINT32_MAX, BIT64(40), BIT64(52), BIT64(59),
		BIT64(61), BIT64(62), BIT64(63), UINT64_MAX
	};
	const uint32_t choice = get8(in), near = get8(in);

	if (choice >= 224)
		return get64(in) >> (near & 63);
	if (choice >= 160)
		return near;
	return edges[choice % ARRAY_SIZE(edges)] + (near < 16     ? near
						    : near >= 248 ? near - 256ull
								  : 0);
}

static const char *text(struct input *in, uint32_t max)
{
	static const char *const known[] = {
		"rt0",
		"load0",
		"net",
		"nvme",
		"fast",
		"real",
		"ssd",
		"data",
		"x.elf",
		"initrd",
		"02:00.0",
		"0000:03:1f.7",
		"04:00.0",
		"02:00:00:00:00:01",
		"service",
		"a%s%n b",
		"\a\x1b[2J\xff",
		"../x",
		"01:00:00:00:00:01",
		"4:0.0",
		"0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef",
	};
	const uint32_t choice = get8(in);
	size_t bytes;
	char *p;

	if (choice < 8)
		return NULL;
	if (choice < 48) { /* as long as it may be, one more, without an end, empty */
		bytes = choice < 16   ? max
			: choice < 24 ? max + 1
			: choice < 40 ? max_u64(max + 1, 25)
				      : 0;
		p = block(bytes + (choice < 24 || choice >= 40));
		memset(p, choice & 1 ? 'a' : '0', bytes);
		if (choice < 24 || choice >= 40)
			p[bytes] = '\0';
		return p;
	}
	bytes = strlen(known[choice % ARRAY_SIZE(known)]) + 1;
	return memcpy(block(bytes), known[choice % ARRAY_SIZE(known)], bytes);
}

static void change(void *object, const struct field *fields, uint32_t count, struct input *in)
{
	const struct field *const f = &fields[get8(in) % count];
	char *const at = (char *)object + f->at;
	uint64_t value;
	const void *p;

	switch (f->kind) {
	case TEXT:
		p = text(in, f->max);
		memcpy(at, &p, sizeof(p));
		break;
	case LIST: /* not none: world_close() gives it its entries */
		p = get8(in) & 1 ? object : NULL;
		memcpy(at, &p, sizeof(p));
		break;
	case FLAG:
		*at = get8(in) & 1;
		break;
	default:
		value = number(in);
		memcpy(at, &value, f->bytes);
	}
}
#define CHANGE(object, fields) change(object, fields, ARRAY_SIZE(fields), in)

static void change_anything(struct world *w, struct input *in)
{
	const uint32_t what = get8(in), where = get8(in);
	const uint32_t part = where % REAL_PARTS, n = where / REAL_PARTS;

	switch (what % 14) {
	case 0:
		CHANGE(&w->sys, system_fields);
		break;
	case 1:
	case 2:
		CHANGE(&w->parts[where % 6], partition_fields);
		break;
	case 3:
		CHANGE(&w->parts[where % 6].cpu, claim_fields);
		break;
	case 4:
		CHANGE(&w->cpus[part][n % 17], claim_fields);
		break;
	case 5:
		CHANGE(&w->cpu_tasks[part][n % 3], cpu_task_fields);
		break;
	case 6:
		CHANGE(&w->modules[part][n % 3], module_fields);
		break;
	case 7:
	case 8:
		CHANGE(&w->devices[part][n % 3], device_fields);
		break;
	case 9:
		CHANGE(&w->shares[part][n % 3], share_fields);
		break;
	case 10:
		CHANGE(&w->tasks[part][n % 3][n / 8 % 2], disk_task_fields);
		break;
	case 11:
		CHANGE(&w->pfs[where % 3], pf_fields);
		break;
	case 12:
		CHANGE(&w->disks[where % 4], disk_fields);
		break;
	default:
		CHANGE(&w->quantiles[where % 4], quantile_fields);
	}
}

/* ---- Exact blocks ---- */

static void *exact(const void *from, uint64_t count, uint32_t max, size_t each)
{
	const size_t bytes = each * (size_t)min_u64(count, max);

	return memcpy(block(bytes), from, bytes);
}
#define CLOSE(pointer, home, count, max) \
	do { \
		if (pointer) \
			(pointer) = exact(home, count, max, sizeof((home)[0])); \
	} while (0)

static void close_partition(struct world *w, uint32_t i)
{
	struct partition_config *const p = &w->parts[i];
	const uint32_t home = i % REAL_PARTS;

	CLOSE(p->cpus, w->cpus[home], p->cpu_count, CONFIG_VCPU_MAX);
	CLOSE(p->cpu_tasks, w->cpu_tasks[home], p->cpu_task_count, CONFIG_TASK_MAX);
	CLOSE(p->modules, w->modules[home], p->module_count, CONFIG_MODULE_MAX);
	CLOSE(p->devices, w->devices[home], p->device_count, CONFIG_DEVICE_MAX);
	CLOSE(p->disks, w->shares[home], p->disk_count, CONFIG_SHARE_MAX);
}

static void world_close(struct world *w)
{
	for (uint32_t i = 0; i < REAL_PARTS; i++)
		for (uint32_t n = 0; n < CONFIG_SHARE_MAX; n++)
			CLOSE(w->shares[i][n].tasks, w->tasks[i][n], w->shares[i][n].task_count, 8);
	for (uint32_t i = 0; i < MAX_PARTITIONS; i++)
		if (w->sys.partitions && i < w->sys.partition_count)
			close_partition(w, i);
	for (uint32_t i = 0; i < CONFIG_DISK_MAX; i++)
		CLOSE(w->disks[i].time.quantiles, w->quantiles, w->disks[i].time.quantile_count,
		      SERVICE_QUANTILE_MAX);
	CLOSE(w->sys.partitions, w->parts, w->sys.partition_count, MAX_PARTITIONS);
	CLOSE(w->sys.pfs, w->pfs, w->sys.pf_count, CONFIG_PF_MAX);
	CLOSE(w->sys.disks, w->disks, w->sys.disk_count, CONFIG_DISK_MAX);
}

/* Lists that the good system has are there until a change takes them away. */
static void world_open(struct world *w)
{
	for (uint32_t i = 0; i <= MAX_PARTITIONS; i++) {
		struct partition_config *const p = &w->parts[i];
		const uint32_t home = i % REAL_PARTS;

		p->cpus = p->cpu_count ? w->cpus[home] : NULL;
		p->cpu_tasks = p->cpu_task_count ? w->cpu_tasks[home] : NULL;
		p->modules = p->module_count ? w->modules[home] : NULL;
		p->devices = p->device_count ? w->devices[home] : NULL;
		p->disks = p->disk_count ? w->shares[home] : NULL;
		p->platform = p->device_count || p->disk_count ? PLATFORM_PC : PLATFORM_AUTO;
		if (i >= REAL_PARTS)
			p->cpu = (struct cpu_claim)BEST_EFFORT(0, i);
	}
	for (uint32_t i = 0; i < REAL_PARTS; i++)
		for (uint32_t n = 0; n < CONFIG_SHARE_MAX; n++)
			w->shares[i][n].tasks = w->shares[i][n].task_count ? w->tasks[i][n] : NULL;
	w->sys.partitions = w->parts;
	w->sys.pfs = w->sys.pf_count ? w->pfs : NULL;
	w->sys.disks = w->sys.disk_count ? w->disks : NULL;
}

static void change_board(struct board *b, struct input *in)
{
	static const char *const files[] = { "x.elf", "initrd", NULL };

	CHANGE(b, board_fields);
	b->memory_count %= BOARD_RANGE_MAX + 1;
	b->file_count %= ARRAY_SIZE(b->files) + 1;
	for (uint32_t i = 0; i < b->file_count; i++)
		b->files[i] = files[i % ARRAY_SIZE(files)];
}

void world_make(struct world *w, struct input *in)
{
	const uint32_t shape = get8(in), changes = get8(in);

	put_system(w, shape);
	world_open(w);
	for (uint32_t n = changes & 7; n > 0; n--)
		change_anything(w, in);
	world_close(w);
	plan_board_from_config(&w->sys, &w->board);
	for (uint32_t n = changes >> 5 == 0 ? changes >> 3 & 3 : 0; n > 0; n--)
		change_board(&w->board, in);
}
