/* SPDX-License-Identifier: Apache-2.0 */
/* Functions made by software on a guest's PCI bus: registers, messages, and a real function beside them. */
#include <string.h>
#include "arch/x86/pc/map.h"
#include "tests/test.h"
#include "tests/unit/pc_device_rig.h"

#define BAR_BYTES     0x4000u
#define TABLE         0x2000u
#define PENDING       0x3000u
#define COUNT         3u
#define TO(id)        (0xfee00000u | (uint32_t)(id) << 12)
#define VECTOR        0x40u
#define ENABLE        0x8000u /* "Message Control for MSI-X" */
#define MASK_ALL      0x4000u
#define CAP_VENDOR    0x09u
#define CAP_MSIX      0x11u
#define MODEL_COUNT   2u
#define PORT_COUNT    32u /* of model 1 */
#define PORTS_SEEN_AT 0x10000u

/* What the model saw, and what it answers. */
static struct model {
	uint32_t reads, writes, resets, masters;
	bool is_master;
	uint64_t offset, value;
	uint32_t width;
	uint64_t vectors;
	bool has_again, wants_again;
} models[MODEL_COUNT];
static struct pi_descriptor boxes[RIG_VCPUS];
static uint32_t index_of[MODEL_COUNT];

static uint64_t model_read(void *context, uint64_t offset, uint32_t width)
{
	struct model *const s = context;

	s->reads++;
	s->offset = offset;
	s->width = width;
	return 0x1122334455667700 + (offset & 0xff);
}

static uint64_t model_write(void *context, uint64_t offset, uint32_t width, uint64_t value)
{
	struct model *const s = context;

	s->writes++;
	s->offset = offset;
	s->width = width;
	s->value = value;
	return s->vectors;
}

static void model_reset(void *context)
{
	((struct model *)context)->resets++;
}

static void model_master(void *context, bool is_master)
{
	struct model *const s = context;

	s->masters++;
	s->is_master = is_master;
}

static uint64_t model_write_port(void *context, uint64_t offset, uint32_t width, uint64_t value,
				 bool *again)
{
	struct model *const s = context;

	s->has_again = again != NULL;
	if (again)
		*again = s->wants_again;
	return model_write(context, PORTS_SEEN_AT + offset, width, value);
}

static const struct pc_model_ops ops = { model_read, model_write, model_write_port, model_master,
					 model_reset };

static void add_model(uint32_t i)
{
	struct pc_model m = { .facts = { .vendor = 0x1af4,
					 .device = 0x1042,
					 .class_code = 0x018000,
					 .msix_count = COUNT,
					 .msix_table_offset = TABLE,
					 .msix_pba_offset = PENDING },
			      .ops = &ops,
			      .context = &models[i] };

	m.facts.bars[0] = (struct vpci_bar){ .kind = VPCI_BAR_MEM32, .bytes = BAR_BYTES };
	if (i == 1) {
		m.io_bar = 2;
		m.facts.vendor_count = 1;
		m.facts.vendors[0] = (struct vpci_vendor){ .bytes = 20, .is_window = true };
		m.facts.bars[2] = (struct vpci_bar){ .kind = VPCI_BAR_IO, .bytes = PORT_COUNT };
	}
	CHECK(arch_pc_add_model(RIG_PART, &m, &index_of[i]) == OK);
}

static void begin(void)
{
	rig_start();
	memset(models, 0, sizeof(models));
	memset(boxes, 0, sizeof(boxes));
	for (uint32_t i = 0; i < RIG_VCPUS; i++)
		vcpus[RIG_FIRST + i]->mailbox.vectors = &boxes[i];
}

static void with_one(void)
{
	begin();
	add_model(0);
	CHECK(arch_pc_place_functions(RIG_PART) == OK);
}

/* ---- The guest ---- */

static uint64_t bar_of(uint32_t index)
{
	return rig.pc.pci.functions[index].placed[0];
}

static uint64_t read_bar(uint32_t i, uint64_t offset, uint32_t width)
{
	return pc_window_read(&rig.pc, bar_of(index_of[i]) + offset, width);
}

static vcpu_set_t write_bar(uint32_t i, uint64_t offset, uint32_t width, uint64_t value)
{
	return pc_window_write(&rig.pc, bar_of(index_of[i]) + offset, width, value);
}

static uint32_t config_read(uint32_t i, uint32_t offset, uint32_t width)
{
	return pc_ecam_read(&rig.pc, (uint64_t)index_of[i] << 15 | offset, width);
}

static vcpu_set_t config_write(uint32_t i, uint32_t offset, uint32_t width, uint32_t value)
{
	return pc_ecam_write(&rig.pc, (uint64_t)index_of[i] << 15 | offset, width, value);
}

static uint32_t find_capability(uint32_t i, uint32_t id)
{
	uint32_t at = config_read(i, 0x34, 1);

	while (at != 0 && config_read(i, at, 1) != id)
		at = config_read(i, at + 1, 1);
	CHECK(at != 0);
	return at;
}

static vcpu_set_t set_control(uint32_t i, uint32_t control)
{
	return config_write(i, find_capability(i, CAP_MSIX) + 2, 2, control);
}

/* Its entry n goes to vCPU `to` with VECTOR + n. */
static void open_entry(uint32_t i, uint32_t n, uint32_t to)
{
	CHECK(write_bar(i, TABLE + 16 * n, 4, TO(to)) == 0);
	CHECK(write_bar(i, TABLE + 16 * n + 4, 4, 0) == 0);
	CHECK(write_bar(i, TABLE + 16 * n + 8, 4, VECTOR + n) == 0);
	CHECK(write_bar(i, TABLE + 16 * n + 12, 4, 0) == 0);
}

/* The vCPU found this vector, and no other. */
static bool got(uint32_t vcpu, uint32_t n)
{
	uint64_t vectors[4] = { 0 };

	return pi_take(&boxes[vcpu], vectors) && vectors[1] == BIT64(VECTOR + n - 64) &&
	       !(vectors[0] | vectors[2] | vectors[3]);
}

static bool got_nothing(void)
{
	uint64_t vectors[4] = { 0 };
	bool any = false;

	for (uint32_t i = 0; i < RIG_VCPUS; i++)
		any |= pi_take(&boxes[i], vectors);
	return !any;
}

/* ---- */

static void accesses_of_all_widths_reach_the_model(void)
{
	static const uint32_t widths[] = { 1, 2, 4, 8 };

	with_one();
	for (uint32_t i = 0; i < ARRAY_SIZE(widths); i++) {
		const uint64_t offset = 0x1000 + 8 * i;

		CHECK(read_bar(0, offset, widths[i]) == 0x1122334455667700 + (offset & 0xff));
		CHECK(models[0].reads == i + 1 && models[0].width == widths[i]);
		CHECK(write_bar(0, offset, widths[i], 0x55 + i) == 0);
		CHECK(models[0].writes == i + 1 && models[0].offset == offset);
		CHECK(models[0].width == widths[i] && models[0].value == 0x55 + i);
	}
	(void)read_bar(0, 0, 1);
	(void)read_bar(0, BAR_BYTES - 1, 1);
	CHECK(models[0].reads == 6 && models[0].offset == BAR_BYTES - 1);
	(void)read_bar(0, BAR_BYTES, 1);
	(void)read_bar(0, UINT64_MAX, 1);
	CHECK(write_bar(0, BAR_BYTES, 1, 0) == 0);
	CHECK(models[0].reads == 6 && models[0].writes == 4);
}

static void the_table_is_the_pcs_own_matter(void)
{
	with_one();
	CHECK(read_bar(0, TABLE + 12, 4) == 1); /* masked, after a reset */
	open_entry(0, COUNT - 1, 2);
	CHECK(read_bar(0, TABLE + 16 * (COUNT - 1), 4) == TO(2));
	CHECK(read_bar(0, TABLE + 16 * (COUNT - 1) + 8, 4) == VECTOR + COUNT - 1);
	CHECK(read_bar(0, TABLE + 16 * (COUNT - 1) + 12, 4) == 0);
	CHECK(read_bar(0, PENDING, 8) == 0);
	CHECK(write_bar(0, PENDING, 8, UINT64_MAX) == 0 && read_bar(0, PENDING, 8) == 0);
	CHECK(models[0].reads == 0 && models[0].writes == 0);
	(void)read_bar(0, TABLE - 1, 1);
	(void)read_bar(0, TABLE + 16 * COUNT, 1);
	(void)read_bar(0, PENDING - 1, 1);
	(void)read_bar(0, PENDING + 8, 1);
	CHECK(models[0].reads == 4);
}

static void messages_go_to_their_vcpus(void)
{
	with_one();
	CHECK(set_control(0, ENABLE) == 0);
	for (uint32_t n = 0; n < COUNT; n++)
		open_entry(0, n, RIG_VCPUS - 1 - n);
	for (uint32_t n = 0; n < COUNT; n++) {
		const uint32_t to = RIG_VCPUS - 1 - n;

		CHECK(arch_pc_send(RIG_PART, index_of[0], BIT64(n)) == BIT64(RIG_FIRST + to));
		CHECK(got(to, n) && got_nothing());
	}
	models[0].vectors = BIT64(1); /* by a register's write */
	CHECK(write_bar(0, 0, 4, 1) == BIT64(RIG_FIRST + 1) && got(1, 1) && got_nothing());
	CHECK(arch_pc_send(RIG_PART, index_of[0], 5) == (BIT64(RIG_FIRST) | BIT64(RIG_FIRST + 2)));
	CHECK(got(0, 2) && got(2, 0));
	CHECK(arch_pc_send(RIG_PART, index_of[0], ~(BIT64(COUNT) - 1)) == 0 && got_nothing());
	CHECK(read_bar(0, PENDING, 8) == 0);
}

static void what_is_masked_waits(void)
{
	with_one();
	CHECK(set_control(0, ENABLE) == 0);
	open_entry(0, 1, 1);
	CHECK(write_bar(0, TABLE + 16 + 12, 4, 1) == 0);
	CHECK(arch_pc_send(RIG_PART, index_of[0], BIT64(1)) == 0 && got_nothing());
	CHECK(arch_pc_send(RIG_PART, index_of[0], BIT64(1)) == 0);
	CHECK(read_bar(0, PENDING, 8) == BIT64(1));
	CHECK(write_bar(0, TABLE + 16 + 12, 4, 0) == BIT64(RIG_FIRST + 1));
	CHECK(got(1, 1) && got_nothing() && read_bar(0, PENDING, 8) == 0);
	CHECK(set_control(0, ENABLE | MASK_ALL) == 0);
	CHECK(arch_pc_send(RIG_PART, index_of[0], BIT64(1)) == 0);
	CHECK(read_bar(0, PENDING, 4) == BIT64(1) && got_nothing());
	CHECK(set_control(0, ENABLE) == BIT64(RIG_FIRST + 1) && got(1, 1));
	CHECK(read_bar(0, PENDING, 8) == 0);
}

/* arch/pc.h: "BARs stay there". */
static void a_moved_bar_is_found_at_its_old_place(void)
{
	uint64_t old;

	with_one();
	old = bar_of(index_of[0]);
	CHECK((config_read(0, 0x10, 4) & ~0xfu) == old);
	CHECK(config_write(0, 0x10, 4, (uint32_t)old + MIB(16)) == 0);
	CHECK((config_read(0, 0x10, 4) & ~0xfu) == old + MIB(16));
	(void)pc_window_read(&rig.pc, old + MIB(16), 4);
	CHECK(models[0].reads == 0);
	(void)pc_window_read(&rig.pc, old + 4, 4);
	CHECK(models[0].reads == 1 && models[0].offset == 4);
}

static void it_knows_if_it_may_reach_memory(void)
{
	with_one();
	CHECK(config_write(0, 4, 2, 4) == 0);
	CHECK(models[0].masters == 1 && models[0].is_master);
	CHECK(config_write(0, 4, 2, 6) == 0); /* nothing that concerns it */
	CHECK(models[0].masters == 1);
	CHECK(config_write(0, 4, 2, 2) == 0);
	CHECK(models[0].masters == 2 && !models[0].is_master);
}

static void a_restart_begins_as_after_power_on(void)
{
	with_one();
	CHECK(set_control(0, ENABLE) == 0);
	open_entry(0, 0, 1);
	CHECK(write_bar(0, TABLE + 12, 4, 1) == 0);
	CHECK(arch_pc_send(RIG_PART, index_of[0], 1) == 0 && read_bar(0, PENDING, 8) == 1);
	pc_restart_functions(&rig.pc);
	CHECK(models[0].resets == 1 && read_bar(0, PENDING, 8) == 0);
	CHECK(read_bar(0, TABLE, 4) == 0 && read_bar(0, TABLE + 12, 4) == 1);
	CHECK(arch_pc_send(RIG_PART, index_of[0], 1) == 0 && got_nothing());
}

/* The real function is index 1, the models are 2 and 3. */
static void a_real_function_is_nobodys_model(void)
{
	struct pc_function f = rig_msix();

	begin();
	CHECK(arch_pc_add_function(RIG_PART, &f) == OK);
	add_model(0);
	add_model(1);
	CHECK(arch_pc_place_functions(RIG_PART) == OK);
	CHECK(index_of[0] == 2 && index_of[1] == 3);
	for (uint32_t i = 0; i < MODEL_COUNT; i++)
		CHECK(set_control(i, ENABLE) == 0);
	for (uint32_t i = 0; i < MODEL_COUNT; i++)
		open_entry(i, 0, i);
	CHECK(rig.route_calls == 0);
	CHECK(pc_window_write(&rig.pc, bar_of(1) + RIG_TABLE, 4, TO(2)) == 0);
	CHECK(pc_window_read(&rig.pc, bar_of(1) + RIG_TABLE, 4) == TO(2));
	CHECK(read_bar(0, TABLE, 4) == TO(0) && read_bar(1, TABLE, 4) == TO(1));
	CHECK(models[0].reads + models[1].reads + models[0].writes + models[1].writes == 0);
	(void)read_bar(1, 8, 4);
	CHECK(models[0].reads == 0 && models[1].reads == 1);
	CHECK(arch_pc_send(RIG_PART, index_of[1], 1) == BIT64(RIG_FIRST + 1));
	CHECK(got(1, 0) && got_nothing());
	pc_restart_functions(&rig.pc);
	CHECK(models[0].resets == 1 && models[1].resets == 1);
}

static vcpu_set_t write_port(uint64_t port, uint32_t value, bool *again)
{
	*again = false;
	return pc_ports_write(&rig.pc, (uint16_t)port, 2, value, again);
}

/* What is written to them the model sees, and it may want to see it again. */
static void ports_lead_to_the_model(void)
{
	uint64_t port;
	uint32_t at;
	bool again;

	begin();
	add_model(0);
	add_model(1);
	CHECK(arch_pc_place_functions(RIG_PART) == OK);
	port = rig.pc.pci.functions[index_of[1]].placed[2];
	CHECK(port != 0 && port + PORT_COUNT <= 0x10000);
	CHECK(write_port(port, 7, &again) == 0 && !again);
	CHECK(models[1].writes == 1 && models[1].offset == PORTS_SEEN_AT && models[1].width == 2 &&
	      models[1].value == 7);
	CHECK(set_control(1, ENABLE) == 0);
	open_entry(1, 0, 2);
	models[1].vectors = 1;
	models[1].wants_again = true;
	CHECK(write_port(port + PORT_COUNT - 2, 1, &again) == BIT64(RIG_FIRST + 2) && again);
	CHECK(got(2, 0) && models[1].offset == PORTS_SEEN_AT + PORT_COUNT - 2);
	CHECK(write_port(port + PORT_COUNT, 1, &again) == 0 && !again);
	CHECK(write_port(port - 1, 1, &again) == 0 && !again);
	CHECK(models[1].writes == 2 && models[0].writes == 0 && got_nothing());
	CHECK(models[1].has_again);
	/* Through a window in configuration space nothing is made again, and the model knows. */
	models[1].vectors = 0;
	at = find_capability(1, CAP_VENDOR);
	CHECK(config_write(1, at + 4, 1, 2) == 0 && config_write(1, at + 8, 4, 6) == 0 &&
	      config_write(1, at + 12, 4, 2) == 0);
	CHECK(models[1].writes == 2 && config_write(1, at + 16, 2, 5) == 0);
	CHECK(models[1].writes == 3 && models[1].offset == PORTS_SEEN_AT + 6 &&
	      models[1].value == 5 && !models[1].has_again);
}

/* BAR 0 is the guest's to read and write, and nothing else of the host is; the rest comes from BAR 3. */
static void memory_is_mapped_and_registers_are_not(void)
{
	struct pc_model m = { .facts = { .vendor = 0x8086,
					 .device = 0x10ca,
					 .class_code = 0x020000,
					 .msix_count = COUNT,
					 .msix_table_bar = 3,
					 .msix_pba_bar = 3,
					 .msix_table_offset = TABLE,
					 .msix_pba_offset = PENDING },
			      .bar = 3,
			      .memory = { 0x7654000 },
			      .ops = &ops,
			      .context = &models[0] };

	begin();
	m.facts.bars[0] = (struct vpci_bar){ .kind = VPCI_BAR_MEM64, .bytes = BAR_BYTES };
	m.facts.bars[3] = (struct vpci_bar){ .kind = VPCI_BAR_MEM64, .bytes = 2 * BAR_BYTES };
	CHECK(arch_pc_add_model(RIG_PART, &m, &index_of[0]) == OK);
	add_model(1);
	CHECK(arch_pc_place_functions(RIG_PART) == OK);
	CHECK(rig.map_count == 1 && rig.maps[0].gpa == bar_of(index_of[0]));
	CHECK(rig.maps[0].hpa == 0x7654000 && rig.maps[0].bytes == BAR_BYTES);
	CHECK(rig.maps[0].rights == (SPACE_READ | SPACE_WRITE));
	/* What is not there comes to nobody. */
	CHECK(read_bar(0, 8, 4) == UINT64_MAX && write_bar(0, 8, 4, 1) == 0);
	CHECK(models[0].reads + models[0].writes == 0);
	(void)pc_window_read(&rig.pc, rig.pc.pci.functions[index_of[0]].placed[3] + 8, 4);
	CHECK(models[0].reads == 1 && models[0].offset == 8);
	CHECK(pc_window_write(&rig.pc, rig.pc.pci.functions[index_of[0]].placed[3] + TABLE + 12, 4,
			      0) == 0);
	CHECK(pc_window_read(&rig.pc, rig.pc.pci.functions[index_of[0]].placed[3] + TABLE + 12,
			     4) == 0);
	CHECK(models[0].writes == 0);
	pc_restart_functions(&rig.pc);
	CHECK(rig.map_count == 1 && models[0].resets == 1);
}

static void without_frames_there_is_none(void)
{
	struct pc_model m = { .facts = { .msix_count = 1 }, .ops = &ops };
	uint32_t index;

	begin();
	rig.has_no_pages = true;
	CHECK(arch_pc_add_model(RIG_PART, &m, &index) == ERR_NOMEM);
	begin();
	m.facts.msix_count = 0;
	CHECK(arch_pc_add_model(RIG_PART, &m, &index) != OK);
}

int main(void)
{
	RUN(accesses_of_all_widths_reach_the_model);
	RUN(the_table_is_the_pcs_own_matter);
	RUN(messages_go_to_their_vcpus);
	RUN(what_is_masked_waits);
	RUN(a_moved_bar_is_found_at_its_old_place);
	RUN(it_knows_if_it_may_reach_memory);
	RUN(a_restart_begins_as_after_power_on);
	RUN(a_real_function_is_nobodys_model);
	RUN(ports_lead_to_the_model);
	RUN(memory_is_mapped_and_registers_are_not);
	RUN(without_frames_there_is_none);
	return test_failed;
}
