/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/nic.c - network controllers in memory (PF_MEMORY), played by a side core: io/memnic.h.
 *
 * A port is a function in its guest's PC: BAR 0 is memory that guest and side core share, and no access
 * to it takes an exit; BAR 3 has the MSI-X table. As 82576 VFs have them.
 * The lock is taken with the PC's lock of one partition held, or with none; nothing is taken under it.
 */
#include <string.h>
#include "arch/clock.h"
#include "arch/mem.h"
#include "arch/pc.h"
#include "core/device_name.h"
#include "core/lib/fmt.h"
#include "core/lib/lock.h"
#include "core/log.h"
#include "core/partition_memory.h"
#include "core/pf.h"
#include "core/plan_rate.h"
#include "core/run.h"
#include "core/service.h"
#include "io/memnic.h"

#define VENDOR_INTEL   0x8086u
#define VF_82576       0x10cau
#define CLASS_ETHERNET 0x020000u
#define BAR_MSIX       3u
#define PENDING_OFFSET 0x2000u
#define STEP_NS        US(50) /* others of the service have their turn then */

typedef unsigned long long ull;

struct port {
	struct nic *nic;                   /* [I] */
	const struct partition *partition; /* [I] NULL: nobody's */
	uint32_t vf, pc_index;             /* [I] */
	struct gmem memory;                /* [I] */
	hpa_t page;                        /* [I] */
};

struct nic {
	const struct pf *pf; /* [I] */
	struct lock lock;
	struct memnic model; /* [L] */
	uint64_t polls;      /* [C] of the service's core, as are those below */
	uint64_t busy_polls, busy_tsc;
	struct port ports[MEMNIC_VF_MAX];
};

static uint32_t nic_count;                /* [I] */
static struct nic *nics[CONFIG_PF_MAX];   /* [I] */
static struct nic *nic_of[CONFIG_PF_MAX]; /* [I] by the PF's index */
static uint64_t ns_per_tick;              /* [I] 32 bits after the point */
static uint64_t step_tsc;                 /* [I] */
static char reason_text[160];

static uint64_t to_ns(uint64_t tsc)
{
	return (uint64_t)((unsigned __int128)tsc * ns_per_tick >> 32);
}

static uint64_t pages(uint64_t bytes)
{
	return align_up(bytes, PAGE_BYTES) / PAGE_BYTES;
}

/* ---- The guest's device: what is not its memory ---- */

static uint64_t read_model(void *context, uint64_t offset, uint32_t width)
{
	return UINT64_MAX;
}

static uint64_t write_model(void *context, uint64_t offset, uint32_t width, uint64_t value)
{
	return 0;
}

static void set_master(void *context, bool is_master)
{
	struct port *const p = context;

	lock_take(&p->nic->lock);
	memnic_set_master(&p->nic->model, p->vf, is_master);
	lock_give(&p->nic->lock);
}

static void reset_model(void *context)
{
	struct port *const p = context;

	/* In the guest's own time: nobody waits for it. */
	memset(p->nic->model.vfs[p->vf].page, 0, MEMNIC_BAR_BYTES);
	lock_take(&p->nic->lock);
	memnic_reset(&p->nic->model, p->vf);
	lock_give(&p->nic->lock);
}

static const struct pc_model_ops model = { read_model, write_model, NULL, set_master, reset_model };

/* ---- Boot ---- */

static enum err refuse(const char **reason, enum err e, const struct port *p, const char *what)
{
	fmt_text(reason_text, sizeof(reason_text), "partition '%s': VF %u of PF '%s': %s",
		 p->partition->config->name, p->vf, p->nic->pf->config->name, what);
	*reason = reason_text;
	return e;
}

/* "82576 Virtual Function": BARs 0 and 3, of 64 bits. */
static void describe(const struct port *p, struct pc_model *to)
{
	const struct vpci_bar bar = { .kind = VPCI_BAR_MEM64,
				      .is_prefetchable = true,
				      .bytes = MEMNIC_BAR_BYTES };

	*to = (struct pc_model){ .facts = { .vendor = VENDOR_INTEL,
					    .device = VF_82576,
					    .class_code = CLASS_ETHERNET,
					    .revision = 1,
					    .is_pcie = true,
					    .msix_count = MEMNIC_VECTORS,
					    .msix_table_bar = BAR_MSIX,
					    .msix_pba_bar = BAR_MSIX,
					    .msix_pba_offset = PENDING_OFFSET },
				 .ops = &model,
				 .context = (void *)(uintptr_t)p,
				 .bar = BAR_MSIX,
				 .memory = p->page };
	to->facts.bars[0] = to->facts.bars[BAR_MSIX] = bar;
}

/* Of its place, as the other PFs' VFs have: locally administered. */
static void choose_mac(const struct port *p, const struct device_config *d, uint8_t mac[6])
{
	const uint8_t made[6] = { 2, 0, 0, 1, (uint8_t)p->nic->pf->index, (uint8_t)(p->vf + 1) };

	if (!d->mac || !device_parse_mac(d->mac, mac))
		memcpy(mac, made, sizeof(made));
}

static enum err make_port(struct port *p, const struct device_config *d, const char **reason)
{
	const part_id_t part = (part_id_t)(p->partition - partitions);
	struct memnic_port wanted = { .memory = &p->memory,
				      .vlan = (uint16_t)d->vlan,
				      .priority = d->qos.priority };
	struct pc_model in_pc;
	enum err e;

	wanted.page = arch_mem_take_pages(pages(MEMNIC_BAR_BYTES));
	if (!wanted.page || partition_describe_memory(p->partition, &p->memory) != OK)
		return refuse(reason, ERR_NOMEM, p, "no frames for it");
	p->page = arch_mem_hpa(wanted.page);
	choose_mac(p, d, wanted.mac);
	e = memnic_add(&p->nic->model, p->vf, &wanted);
	if (e != OK)
		return refuse(reason, e, p, "there is none, or it is somebody's");
	describe(p, &in_pc);
	e = arch_pc_add_model(part, &in_pc, &p->pc_index);
	if (e != OK)
		return refuse(reason, e, p, "its PC has no place for it");
	log_line(p->partition->tag, "has VF %u of pf %s", p->vf, p->nic->pf->config->name);
	return OK;
}

static enum err make_ports(struct nic *n, const char **reason)
{
	enum err e = OK;

	for (part_id_t i = 0; i < partition_count; i++) {
		const struct partition_config *const c = partitions[i].config;

		for (uint32_t k = 0; k < c->device_count && e == OK; k++) {
			const struct device_config *const d = &c->devices[k];
			struct port *const p = &n->ports[d->index % MEMNIC_VF_MAX];

			if (d->kind != DEVICE_VF || n->pf->vfs[d->index] != d)
				continue;
			*p = (struct port){ .nic = n, .partition = &partitions[i], .vf = d->index };
			e = make_port(p, d, reason);
		}
	}
	return e;
}

/* The PFs are up. */
static enum err start(const struct config *system, const struct plan *plan, const char **reason)
{
	enum err e = OK;

	for (uint32_t i = 0; i < nic_count && e == OK; i++)
		e = make_ports(nics[i], reason);
	return e;
}

/* ---- The side core ---- */

static void tell(const struct nic *n, uint32_t ports, const uint32_t *vectors)
{
	for (; ports; ports &= ports - 1) {
		const uint32_t i = (uint32_t)__builtin_ctz(ports);
		const struct port *const p = &n->ports[i];

		run_notify(arch_pc_send((part_id_t)(p->partition - partitions), p->pc_index,
					vectors[i]));
	}
}

/* True: there was something to do. */
static bool poll(struct nic *n, uint64_t now_tsc)
{
	uint32_t vectors[MEMNIC_VF_MAX];
	uint64_t before;
	uint32_t ports;
	bool was_busy;

	lock_take(&n->lock);
	before = n->model.frame_count;
	ports = memnic_poll(&n->model, to_ns(now_tsc));
	for (uint32_t left = ports; left; left &= left - 1) {
		const uint32_t i = (uint32_t)__builtin_ctz(left);

		vectors[i] = memnic_take_vectors(&n->model, i);
	}
	was_busy = n->model.frame_count != before;
	lock_give(&n->lock);
	if (ports)
		tell(n, ports, vectors);
	return was_busy || ports;
}

/* Until STEP_NS are over, so that there is little but polls. */
static uint64_t serve(uint64_t now_tsc)
{
	const uint64_t until_tsc = now_tsc + step_tsc;

	while (now_tsc < until_tsc)
		for (uint32_t i = 0; i < nic_count; i++) {
			struct nic *const n = nics[i];
			const bool was_busy = poll(n, now_tsc);
			const uint64_t end_tsc = arch_clock_now_tsc();

			n->polls++;
			if (was_busy) {
				n->busy_polls++;
				n->busy_tsc += end_tsc - now_tsc;
			}
			now_tsc = end_tsc;
		}
	return now_tsc;
}

/* ---- Ends and restarts ---- */

static void cut_off(const struct partition *p)
{
	if (p->config->device_count == 0)
		return;
	for (uint32_t i = 0; i < nic_count; i++) {
		struct nic *const n = nics[i];

		lock_take(&n->lock);
		for (uint32_t k = 0; k < MEMNIC_VF_MAX; k++)
			if (n->ports[k].partition == p)
				memnic_cut(&n->model, k);
		lock_give(&n->lock);
	}
}

/* Nothing is under way when it is cut off. */
static bool is_quiet(const struct partition *p)
{
	cut_off(p);
	return true;
}

/* ---- The end of the run ---- */

static void say_port(const struct nic *n, uint32_t i)
{
	const struct memnic_counts *const c = &n->model.vfs[i].counts;
	const char *const who = n->ports[i].partition->config->name;

	log_line(n->pf->tag,
		 "VF %u of %s: received %llu frames, sent %llu, dropped %llu (no room) + %llu "
		 "(rate); %llu interrupts",
		 i, who, (ull)c->rx_packets, (ull)c->tx_packets, (ull)c->no_room, (ull)c->shaped,
		 (ull)c->delivered);
	log_machine("{\"vf_of\":\"%s\",\"pf\":\"%s\",\"vf\":%u,\"rx_packets\":%llu,"
		    "\"rx_bytes\":%llu,\"tx_packets\":%llu,\"tx_bytes\":%llu,\"no_room\":%llu,"
		    "\"shaped\":%llu,\"refused\":%llu,\"raised\":%llu,\"delivered\":%llu,"
		    "\"merged\":%llu,\"resets\":%u}",
		    who, n->pf->config->name, i, (ull)c->rx_packets, (ull)c->rx_bytes,
		    (ull)c->tx_packets, (ull)c->tx_bytes, (ull)c->no_room, (ull)c->shaped,
		    (ull)c->refused, (ull)c->raised, (ull)c->delivered, (ull)c->merged,
		    c->generation);
}

static void summarize(void)
{
	for (uint32_t i = 0; i < nic_count; i++) {
		const struct nic *const n = nics[i];

		for (uint32_t k = 0; k < MEMNIC_VF_MAX; k++)
			if (n->ports[k].partition)
				say_port(n, k);
		log_machine("{\"nic\":\"%s\",\"frames\":%llu,\"polls\":%llu,\"busy_polls\":%llu,"
			    "\"busy_tsc\":%llu}",
			    n->pf->config->name, (ull)n->model.frame_count, (ull)n->polls,
			    (ull)n->busy_polls, (ull)n->busy_tsc);
		log_flush();
	}
}

const struct service_ops nic_service = { start, serve, cut_off, is_quiet, summarize };

/* ---- As a PF ---- */

/* It is no function of the machine. */
static bool serves(const struct pci_function *f)
{
	return false;
}

static enum err begin(struct pf *p, uint64_t now_tsc)
{
	struct nic *const n = arch_mem_take_pages(pages(sizeof(*n)));

	p->why = "no frames for it";
	if (!n)
		return ERR_NOMEM;
	ns_per_tick = (uint64_t)(((unsigned __int128)SEC(1) << 32) / arch_clock_tsc_hz());
	n->pf = p;
	step_tsc = mul_div(STEP_NS, arch_clock_tsc_hz(), SEC(1));
	memnic_init(&n->model, rate_link_bytes(p->config), to_ns(now_tsc));
	nics[nic_count++] = nic_of[p->index] = n;
	return OK;
}

static enum err step(struct pf *p, uint64_t now_tsc, uint64_t *again_tsc)
{
	return OK;
}

/* serve() of the service does it all. */
static void serve_pf(struct pf *p, uint64_t now_tsc)
{
}

static void read_traffic(struct pf *p, uint32_t vf, struct vf_traffic *traffic)
{
	const struct memnic_vf *const v = &nic_of[p->index]->model.vfs[vf];

	*traffic = (struct vf_traffic){ .rx_packets = v->counts.rx_packets,
					.rx_bytes = v->counts.rx_bytes,
					.tx_packets = v->counts.tx_packets,
					.tx_bytes = v->counts.tx_bytes,
					.generation = v->counts.generation,
					.has_link = memnic_has_link(v) };
}

static void set_interval(struct pf *p, uint32_t vf, uint64_t interval_ns)
{
	memnic_set_interval(&nic_of[p->index]->model, vf, interval_ns);
}

static void set_gate(struct pf *p, uint32_t vf, bool may_receive, bool may_send)
{
	memnic_set_gate(&nic_of[p->index]->model, vf, may_receive, may_send);
}

static void set_buckets(struct pf *p, uint32_t vf, const struct pf_buckets *buckets)
{
	const struct memnic_shaping s = { buckets->receive, buckets->send, buckets->receive_client,
					  buckets->send_client };

	memnic_shape(&nic_of[p->index]->model, vf, &s);
}

static void count_interrupts(struct pf *p, uint32_t vf, struct irq_counts *counts)
{
	const struct memnic_counts *const c = &nic_of[p->index]->model.vfs[vf].counts;

	*counts = (struct irq_counts){ .raised = c->raised,
				       .delivered = c->delivered,
				       .merged = c->merged };
}

const struct pf_ops pf_memory = { .serves = serves,
				  .begin = begin,
				  .step = step,
				  .serve = serve_pf,
				  .read_traffic = read_traffic,
				  .set_interval = set_interval,
				  .set_gate = set_gate,
				  .set_buckets = set_buckets,
				  .count_interrupts = count_interrupts };
