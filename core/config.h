/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/config.h - what a user writes: one `const struct config config` per system.
 *
 * Sizes, names and times only, never a host address. Compiled into the image, the UEFI
 * loader, and `make plan`; validated by core/plan.c on the host before the build and again
 * at boot. Zero means "not given" everywhere.
 * Units    *_ns nanoseconds, *_bytes bytes: write MS(50), MIB(256).
 */
#pragma once
#include "core/lib/base.h"
#include "core/lib/service_time.h"

#define CONFIG_NAME_MAX          31u
#define PARTITION_NAME_MAX       15u
#define TASK_NAME_MAX            15u
#define DEVICE_NAME_MAX          15u    /* of PFs and disks */
#define CONFIG_TRACE_RECORDS_MAX 65536u /* 1 MiB a core */

enum cpu_claim_kind {
	CPU_NONE = 0,
	CPU_OWNED,       /* a whole core: no timer, no scheduler */
	CPU_RESERVED,    /* a hard reservation (Q, P) on a shared core */
	CPU_BEST_EFFORT, /* what reservations leave over, by priority. No promise: for comparison */
	CPU_ENOUGH,      /* the cheapest reservation that .CPU_TASKS() need: the planner finds it */
};

struct cpu_claim {
	enum cpu_claim_kind kind;
	core_id_t core;
	uint64_t budget_ns; /* Q */
	uint64_t period_ns; /* P; CPU_ENOUGH: 0: found, too */
	/* CPU_RESERVED: what the planner may shrink Q to, and let it grow to; 0: it does not */
	uint64_t budget_min_ns, budget_max_ns;
	uint32_t priority; /* CPU_BEST_EFFORT: from 1, higher first, each once per core */
};

#define OWN_CORE(n) \
	{ \
		.kind = CPU_OWNED, .core = (n) \
	}
#define RESERVATION(n, q, p) \
	{ \
		.kind = CPU_RESERVED, .core = (n), .budget_ns = (q), .period_ns = (p) \
	}
/* Usually q, at least q_min, up to q_max where others leave it: docs/configuration.md, "Resource tuples". */
#define RESERVATION_BETWEEN(n, q, q_min, q_max, p) \
	{ \
		.kind = CPU_RESERVED, .core = (n), .budget_ns = (q), .period_ns = (p), \
		.budget_min_ns = (q_min), .budget_max_ns = (q_max) \
	}
#define BEST_EFFORT(n, prio) \
	{ \
		.kind = CPU_BEST_EFFORT, .core = (n), .priority = (prio) \
	}

#define ENOUGH_FOR_TASKS(n) \
	{ \
		.kind = CPU_ENOUGH, .core = (n) \
	}

/*
 * What a guest does in time, by its own scheduler: needs `wcet` of its core within `deadline` of each
 * arrival, which come at least `period` apart. The planner tells how long each takes at most, and
 * refuses a reservation that is too small for a deadline: sched/demand.h.
 */
struct cpu_task {
	const char *name; /* 1 to 15 characters of [a-z0-9_-]; NULL: its number */
	uint64_t wcet_ns, period_ns;
	uint64_t deadline_ns; /* 0: the period; at most that */
	uint64_t jitter_ns;   /* it may be released so long after it has arrived */
};
#define CONFIG_TASK_MAX 16u
enum task_policy { TASKS_RATE_MONOTONIC = 0, TASKS_EDF };
/*
 * FROM_IDLE: a shorter bound, true only while all of the guest's other work is done when a task of it arrives
 * after a pause: paper 002's. Otherwise the worst case, which always holds.
 */
enum task_supply { TASKS_WORST_CASE = 0, TASKS_FROM_IDLE };
#define CPU_TASKS(...) \
	cpu_tasks = (const struct cpu_task[]){ __VA_ARGS__ }, \
	.cpu_task_count = \
		sizeof((const struct cpu_task[]){ __VA_ARGS__ }) / sizeof(struct cpu_task)

/* How a guest is loaded and started: arch/guest.h, core/elf.h, guests/abi.h. */
enum boot_protocol {
	BOOT_GUEST = 0, /* a plain ELF64 of our own */
	BOOT_LINUX,     /* a bzImage; one module: the initial RAM disk */
	BOOT_MULTIBOOT, /* Multiboot 1, with modules */
};

/* What is around its vCPUs: nothing but a local APIC, or the virtual PC of arch/pc.h. */
enum platform_kind { PLATFORM_AUTO = 0 /* PC for Linux and multiboot */, PLATFORM_PC };

/*
 * Virtual APICs: by hardware (APICv) where there is any, or always by software. Or the cores' own
 * APICs, lent to a partition all of whose virtual CPUs own their cores: timer interrupts and HLT take
 * no exit then, and its TSC is the machine's. Where hardware cannot do that, as APIC_AUTO.
 */
enum apic_kind { APIC_AUTO = 0, APIC_SOFTWARE, APIC_DIRECT };

/* What becomes of a partition that resets itself or switches itself off. */
enum life_action { LIFE_END = 0, LIFE_RESTART };

struct module_config {
	const char *name;   /* file name on the boot volume */
	const char *sha256; /* 64 hexadecimal digits, or NULL */
	const char *args;   /* multiboot: its command line */
};
#define CONFIG_MODULE_MAX 8u
#define CONFIG_VCPU_MAX   16u /* of one partition */

/*
 * How often a network VF may interrupt its guest, whatever the guest does: io/irq_rate.h. AIR is the one
 * that adapts; the others are for comparison, and for who knows better.
 */
enum irq_rate_kind {
	IRQ_RATE_UNSET = 0 /* as often as the device likes */,
	IRQ_FIR,
	IRQ_CGR,
	IRQ_AIR
};
struct irq_rate_config {
	enum irq_rate_kind kind;
	uint32_t per_second; /* FIR: the rate */
	uint64_t window_ns;  /* CGR, AIR: from one decision to the next; 0: 100 ms, AIR 10 ms */
	/* AIR; 0: what io/irq_rate.c has */
	uint32_t batch;                   /* k: packets on each interrupt */
	uint32_t offset, threshold;       /* interrupts a second */
	uint32_t min_per_second;          /* I_min */
	uint64_t packet_ns, interrupt_ns; /* C_pkt, C_int; 0: measured */
	uint32_t urgent;                  /* MSI-X entries that are never held back, a bit each */
};

/*
 * What a guest counts on, can live with, and may have: the resource tuples of paper 004. Min is what the
 * planner may shrink it to. All 0: nothing is promised, and nothing forbidden.
 */
struct tuple {
	uint64_t usual, min, max;
};
/* The guest has exactly this. */
#define EXACTLY(n) \
	{ \
		.usual = (n), .min = (n), .max = (n) \
	}
/* A network VF's part of its link: io/shaper.h. Bytes without CRC; frames. */
struct net_qos {
	struct tuple rx_bytes_per_s, tx_bytes_per_s, rx_packets_per_s, tx_packets_per_s;
	/* Who gets first what others leave, higher first; of one criticality, who is shrunk last. */
	uint32_t priority;
};

/*
 * A device of its own: a PCI function of the machine, or a virtual function (VF) of a physical one
 * (PF) that the hypervisor drives. Needs an IOMMU in the machine and a PC around the guest.
 */
enum device_kind { DEVICE_NONE = 0, DEVICE_FUNCTION, DEVICE_VF };
struct device_config {
	enum device_kind kind;
	const char *name; /* FUNCTION: "02:00.0" or "0000:02:00.0"; VF: its PF's, of config.pfs */
	uint32_t index;   /* VF: which */
	const char *mac;  /* VF of a network PF: "02:00:00:00:00:01"; NULL: made from its place */
	uint32_t vlan;    /* likewise: its frames are in this VLAN, untagged for it; 0: none */
	struct irq_rate_config irq_rate; /* likewise */
	struct net_qos qos;              /* likewise */
};
#define PCI_AT(address_text) \
	{ \
		.kind = DEVICE_FUNCTION, .name = (address_text) \
	}
#define PCI_VF(pf_name, n) \
	{ \
		.kind = DEVICE_VF, .name = (pf_name), .index = (n) \
	}
#define CONFIG_DEVICE_MAX 8u /* of one partition */

/*
 * PF_MEMORY is no function of the machine: a network controller in memory, with the rings of an 82576's
 * VFs, which a side core (.service = OWN_CORE()) serves. To measure with, where there is no such
 * device; it needs no IOMMU.
 */
enum pf_driver { PF_NONE = 0, PF_IGB /* Intel 82576 */, PF_NVME, PF_MEMORY };
struct pf_config {
	const char *name;
	enum pf_driver driver;
	const char *address; /* NULL: the first that the driver serves and no PF before it has */
	uint32_t vf_count;
	uint64_t
		link_bytes_per_s; /* of a network controller, each way; 0: 125,000,000 (1 Gbit/s) */
	uint64_t report_ns;       /* a line for each of its VFs in that time; 0: only at the end */
};
#define CONFIG_PF_MAX 4u
#define CONFIG_VF_MAX 127u /* of one PF: what a secondary controller list has. PF_IGB: 8 */

/*
 * A disk that the hypervisor drives and partitions share: each gets a virtio block device that is a
 * range of it. Served in the service's time (config.service), which may be a core that polls.
 */
enum disk_kind {
	DISK_NONE = 0,
	DISK_MEMORY, /* RAM, with the service times of a disk: forgotten at the end */
	DISK_NVME,
	DISK_VIRTIO, /* of the machine that this machine is a guest of */
};
/* In which order requests are served: io/iosched.h. */
enum disk_scheduler {
	DISK_BFQ = 0,  /* budget-fair: throughput by weights, and a bound on each request's time */
	DISK_FIFO,     /* as they come: "none" */
	DISK_DEADLINE, /* reads first, neither beyond a deadline */
	DISK_PRIORITY, /* .priority, for comparison */
	DISK_BUDGET,   /* .budget_bytes in every .budget_period_ns, for comparison */
};
/*
 * DISK_BFQ: slice_idle, timeout_sync and weights found by the optimizer (docs/latency.md), so that the
 * shares' tasks meet their targets by one of two models of tail latency.
 */
enum disk_tuning { DISK_AS_GIVEN = 0, DISK_TUNE_ANALYTIC, DISK_TUNE_MLP };
struct disk_config {
	const char *name;
	enum disk_kind kind;
	const char *address;             /* NVME, VIRTIO: NULL: the first that its driver serves */
	uint32_t nsid;                   /* NVME: 0: namespace 1 */
	uint64_t bytes;                  /* MEMORY: a multiple of 2 MiB */
	struct service_time_config time; /* MEMORY; others: what the plan's bounds are made of */
	enum disk_scheduler scheduler;
	uint32_t depth; /* requests that the device has at a time; 0: 8 */
	/* docs/disk.md has what they do. */
	uint64_t slice_idle_ns;    /* DISK_BFQ: 0: 8 ms, or DISK_NO_IDLE; DISK_PRIORITY: 0: none */
	uint64_t timeout_sync_ns;  /* likewise; 0: 125 ms */
	enum disk_tuning tuning;   /* they and all weights are found, and not to be given */
	bool is_strict;            /* DISK_BFQ: idles for guests of equal weights too */
	uint64_t max_budget_bytes; /* 0: 8 MiB */
	bool has_fixed_budgets;    /* no feedback: all budgets are max_budget_bytes */
	uint64_t poll_ns;          /* between looks while the device works; 0: 100 us */
	uint64_t report_ns;        /* a line for each share in that time; 0: only at the end */
	uint32_t audit_records;    /* a power of two: every decision, dumped at the end; 0: none */
};
#define DISK_NO_IDLE    UINT64_MAX
#define CONFIG_DISK_MAX 4u

/*
 * What a guest does with a virtqueue of its share: requests of 4 KiB, each sent when the last is complete,
 * at most `iops` a second. 99.99 % of them are to be complete within the target.
 */
struct disk_task {
	uint32_t iops;
	uint64_t target_ns;     /* 0: none */
	uint64_t target_max_ns; /* what it may become where not all can be met; 0: target_ns */
};
#define TASKS(...) \
	tasks = (const struct disk_task[]){ __VA_ARGS__ }, \
	.task_count = sizeof((const struct disk_task[]){ __VA_ARGS__ }) / sizeof(struct disk_task)

/* A partition's share of a disk. */
struct disk_share {
	const char *disk;      /* of config.disks */
	const char *partition; /* a GPT partition's name, which says where; or */
	uint64_t first_sector; /* .. of 512 bytes */
	uint64_t sector_count;
	bool is_read_only;
	bool is_writethrough;  /* until the guest chooses: written is on the medium */
	bool has_async_writes; /* nobody waits for its writes: reads come first */
	uint32_t weight;       /* 1 to 1000; 0: 100 */
	/* DISK_BFQ, in place of a weight: what it has while it always has `outstanding` requests */
	struct tuple bytes_per_s;
	uint32_t request_bytes;     /* .. of this length or longer; 0: 4 KiB */
	uint32_t queue_count;       /* virtqueues, at most 8; 0: one for each task, at least 1 */
	uint32_t queue_size;        /* a power of two from 16 to 256; 0: 128 */
	uint32_t queue_weights[8];  /* 0: 100 */
	uint32_t request_max_bytes; /* of one request, of 4 KiB; 0: 1 MiB. The guest is told */
	uint32_t outstanding;       /* requests at a time that its promises are for; 0: 1 */
	uint32_t priority;          /* DISK_PRIORITY, DISK_BUDGET: higher first */
	uint64_t budget_bytes, budget_period_ns;
	/* Of a disk with .tuning. Critical: targets that cannot be met are no warning but refused. */
	const struct disk_task *tasks;
	uint32_t task_count;
	bool is_critical;
};
#define CONFIG_SHARE_MAX 4u /* of one partition */

struct partition_config {
	const char *name;     /* 1 to 15 characters of [a-z0-9_-], unique */
	struct cpu_claim cpu; /* one virtual CPU; or, for several: */
	const struct cpu_claim *cpus;
	uint32_t cpu_count;
	const struct cpu_task *cpu_tasks; /* of a guest with one virtual CPU */
	uint32_t cpu_task_count;
	enum task_policy task_policy;
	enum task_supply task_supply;
	/* Whose resources are shrunk last, where not everybody's fit, and grow first: higher. */
	uint32_t criticality;
	uint64_t memory_bytes; /* a multiple of 2 MiB, at least 2 MiB */
	uint64_t memory_min_bytes,
		memory_max_bytes; /* what it may become; 0: exactly memory_bytes */
	enum boot_protocol boot;
	enum platform_kind platform;
	enum apic_kind apic;
	const char *image;        /* file name on the boot volume */
	const char *image_sha256; /* 64 hexadecimal digits, or NULL: any file of that name */
	const struct module_config *modules;
	uint32_t module_count;
	/* Handed to the guest; at most 255 characters, Linux and multiboot 2047. */
	const char *args;
	bool has_exit_port; /* PC only: port F4H ends the partition with the value written */
	enum life_action on_reset;
	enum life_action on_power_off;
	const struct device_config *devices;
	uint32_t device_count;
	const struct disk_share *disks;
	uint32_t disk_count;
};

/* .CPUS(OWN_CORE(0), OWN_CORE(1)) */
#define CPUS(...) \
	cpus = (const struct cpu_claim[]){ __VA_ARGS__ }, \
	.cpu_count = sizeof((const struct cpu_claim[]){ __VA_ARGS__ }) / sizeof(struct cpu_claim)
#define MODULES(...) \
	modules = (const struct module_config[]){ __VA_ARGS__ }, \
	.module_count = sizeof((const struct module_config[]){ __VA_ARGS__ }) / \
			sizeof(struct module_config)

#define DEVICES(...) \
	devices = (const struct device_config[]){ __VA_ARGS__ }, \
	.device_count = sizeof((const struct device_config[]){ __VA_ARGS__ }) / \
			sizeof(struct device_config)
#define DISKS(...) \
	disks = (const struct disk_share[]){ __VA_ARGS__ }, \
	.disk_count = \
		sizeof((const struct disk_share[]){ __VA_ARGS__ }) / sizeof(struct disk_share)

/* The least board the system needs; make plan checks against it, boot against the real one. */
struct board_config {
	uint32_t core_count;
	uint64_t memory_bytes;
	uint64_t switch_overhead_ns; /* published bound of one server switch on this board */
	uint64_t timer_resolution_ns;
	/* What the serial line carries for guests, all together; 0: CONSOLE_BYTES_PER_SECOND. */
	uint64_t console_bytes_per_second;
};

enum end_action { END_POWER_OFF = 0, END_HALT, END_RESET };

struct config {
	const char *name; /* 1 to 31 characters of [a-z0-9_-] */
	struct board_config board;
	const struct partition_config *partitions;
	uint32_t partition_count;
	const struct pf_config *pfs; /* those that the hypervisor drives, for their VFs */
	uint32_t pf_count;
	const struct disk_config *disks; /* those that partitions share */
	uint32_t disk_count;
	/*
	 * Where the hypervisor serves PFs and disks, resets devices and reports their faults: a
	 * RESERVATION() of its own. Needed with devices and disks, and with nothing else. OWN_CORE():
	 * a side core that polls the disks' queues, so that guests take no exit for them.
	 */
	struct cpu_claim service;
	uint64_t run_limit_ns; /* stop everything then; 0: run until all partitions have ended */
	enum end_action at_end;
	uint32_t trace_records; /* per core, a power of two; 0: no trace. Dumped at the end */
	bool trace_details;     /* also of exits, interrupts and disk requests, on all cores */
};

extern const struct config config;
