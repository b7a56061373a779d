/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "io/vpci_parts.h"

/* "Type 0/1 Common Configuration Space", "Type 0 Configuration Space Header". */
#define CONFIG_VENDOR       0x00u
#define CONFIG_DEVICE       0x02u
#define COMMAND_IO          BIT32(0)
#define COMMAND_MASTER      BIT32(2)
#define COMMAND_PARITY      BIT32(6)
#define COMMAND_SERR        BIT32(8)
#define COMMAND_INTX_OFF    BIT32(10)
#define CONFIG_STATUS       0x06u
#define STATUS_CAPABILITIES BIT32(4)
#define CONFIG_REVISION     0x08u
#define CONFIG_CLASS        0x0au /* subclass, base class */
#define CLASS_BRIDGE        0x06u
#define BAR_IO              BIT32(0)
#define BAR_IO_PORTS        UINT32_C(0xffff) /* "16-bit I/O": the upper half is hardwired to 0 */
#define BAR_IO_MAX          256u
#define BAR_64              BIT32(2)
#define BAR_PREFETCHABLE    BIT32(3)
#define CONFIG_SUBSYSTEM    0x2cu
#define CONFIG_CAPABILITIES 0x34u

/* "PCI Express Capability Structure" */
#define PCIE_ID            0x10u
#define PCIE_FLAGS         (VPCI_PCIE + 0x02)
#define PCIE_V2_INTEGRATED (2u | 9u << 4) /* "Root Complex Integrated Endpoint" */
#define PCIE_DEVCAP        (VPCI_PCIE + 0x04)
#define DEVCAP_SHOWN       UINT32_C(0x27) /* Max_Payload_Size, Extended Tags */
#define DEVCAP_ROLE_BASED  BIT32(15)      /* "must be Set by all Functions" */
#define PCIE_DEVCTL        (VPCI_PCIE + 0x08)
#define DEVCTL_SHOWN       UINT32_C(0x79ff) /* less FLR, phantom functions, aux power */
#define DEVCTL_WRITABLE    UINT32_C(0x081f) /* error reporting, relaxed ordering, no snoop */

/* "MSI-X Capability and Table Structure" */
#define MSIX_ID        0x11u
#define MSIX_CONTROL   (VPCI_MSIX + 0x02)
#define MSIX_MASK      BIT32(14)
#define MSIX_ENABLE    BIT32(15)
#define MSIX_TABLE     (VPCI_MSIX + 0x04)
#define MSIX_PBA       (VPCI_MSIX + 0x08)
#define MSIX_COUNT_MAX 2048u

/* "MSI Capability Structures": data, mask and pending bits move with the width of the address. */
#define MSI_ID               0x05u
#define MSI_CONTROL          (VPCI_MSI + 0x02)
#define MSI_ENABLE           BIT32(0)
#define MSI_CAPABLE_SHIFT    1u
#define MSI_ENABLED(c)       ((c) >> 4 & 7u) /* log2 */
#define MSI_ENABLED_WRITABLE UINT32_C(0x70)
#define MSI_IS_64            BIT32(7)
#define MSI_HAS_MASKS        BIT32(8)
#define MSI_ADDRESS          (VPCI_MSI + 0x04)
#define MSI_ADDRESS_WRITABLE UINT32_C(0xfffffffc)
#define MSI_COUNT_MAX        32u
#define MSI_END              (VPCI_MSI + 0x18)

#define VENDOR_ID            0x09u /* "Vendor-Specific" */

_Static_assert(VPCI_PCIE + 0x3c <= VPCI_MSIX && VPCI_MSIX + 12 <= VPCI_MSI &&
		       MSI_END <= VPCI_CONFIG_BYTES,
	       "capabilities do not overlap");

static uint32_t all_ones(uint32_t width)
{
	return UINT32_MAX >> (32 - 8 * width);
}

/* ---- Accesses ---- */

static bool is_aligned(uint32_t reg, uint32_t width)
{
	return (reg & (width - 1)) == 0;
}

/* A function with a PCI Express capability has 4 KiB: "Absence of any Extended Capabilities". */
static uint32_t read_config(const struct vpci *p, uint8_t devfn, uint32_t reg, uint32_t width)
{
	const uint32_t found = vpci_find(p, devfn);

	if (found == p->function_count || !is_aligned(reg, width))
		return all_ones(width);
	if (reg + width <= VPCI_CONFIG_BYTES)
		return vpci_get(&p->functions[found], reg, width);
	return p->functions[found].facts.is_pcie ? 0 : all_ones(width);
}

static uint32_t pending_register(const struct vpci_function *f)
{
	return MSI_ADDRESS + (f->facts.msi_is_64 ? 16u : 12u);
}

/* Pending messages that nothing holds back any more. */
static uint32_t take_messages(struct vpci *p, uint32_t function)
{
	struct vpci_function *const f = &p->functions[function];
	uint32_t pending, fire = 0, data;
	uint64_t address;

	if (!f->facts.msi_has_masks)
		return 0;
	pending = vpci_get(f, pending_register(f), 4);
	for (uint32_t i = 0; i < f->facts.msi_count; i++)
		if ((pending & BIT32(i)) && vpci_msi(p, function, i, &address, &data))
			fire |= BIT32(i);
	if (!(vpci_get(f, MSI_CONTROL, 2) & MSI_ENABLE))
		pending = 0;
	vpci_put(f, pending_register(f), 4, pending & ~fire);
	return fire;
}

static bool is_between(uint32_t i, uint32_t first, uint32_t end)
{
	return i >= first && i < end;
}

/* What a byte that is not what it was may mean. */
static uint32_t change_of(const struct vpci_function *f, uint32_t reg, uint8_t differs)
{
	const bool decodes = vpci_get(f, CONFIG_COMMAND, 2) & COMMAND_MEMORY;
	uint32_t changes = 0;

	if (differs == 0)
		return 0;
	if (reg == CONFIG_COMMAND)
		changes |= (differs & COMMAND_MEMORY ? (uint32_t)VPCI_DECODING : 0) |
			   (differs & COMMAND_MASTER ? (uint32_t)VPCI_MASTER : 0);
	if (is_between(reg, CONFIG_BAR(0), CONFIG_BAR(VPCI_BAR_COUNT)) && decodes)
		changes |= VPCI_DECODING;
	if (is_between(reg, MSIX_CONTROL, MSIX_TABLE) && f->facts.msix_count != 0)
		changes |= VPCI_VECTORS | (f->facts.msi_count != 0 ? (uint32_t)VPCI_MESSAGES : 0);
	if (is_between(reg, MSI_CONTROL, MSI_END) && f->facts.msi_count != 0)
		changes |= VPCI_MESSAGES;
	return changes;
}

static struct vpci_effect write_config(struct vpci *p, uint8_t devfn, uint32_t reg, uint32_t width,
				       uint32_t value)
{
	struct vpci_effect effect = { .function = vpci_find(p, devfn) };
	struct vpci_function *f;

	if (effect.function == p->function_count || !is_aligned(reg, width) ||
	    reg + width > VPCI_CONFIG_BYTES)
		return effect;
	f = &p->functions[effect.function];
	for (uint32_t i = 0; i < width; i++) {
		const uint8_t mask = f->writable[reg + i];
		const uint8_t differs = (f->config[reg + i] ^ (uint8_t)(value >> 8 * i)) & mask;

		f->config[reg + i] ^= differs;
		effect.changes |= change_of(f, reg + i, differs);
	}
	if (effect.changes & VPCI_MESSAGES)
		effect.fire = take_messages(p, effect.function);
	return effect;
}

/* ---- Making functions ---- */

/* A register: what it shows, and which bits of it can be written. */
static void set(struct vpci_function *f, uint32_t reg, uint32_t width, uint32_t value,
		uint32_t writable)
{
	vpci_put(f, reg, width, value);
	for (uint32_t i = 0; i < width; i++)
		f->writable[reg + i] = (uint8_t)(writable >> 8 * i);
}

void vpci_init(struct vpci *p)
{
	*p = (struct vpci){ .function_count = 1 };
	set(&p->functions[0], CONFIG_VENDOR, 2, VPCI_BRIDGE_VENDOR, 0);
	set(&p->functions[0], CONFIG_DEVICE, 2, VPCI_BRIDGE_DEVICE, 0);
	set(&p->functions[0], CONFIG_CLASS, 2, CLASS_BRIDGE << 8, 0);
}

static void make_bars(struct vpci_function *f)
{
	for (uint32_t i = 0; i < VPCI_BAR_COUNT; i++) {
		const struct vpci_bar *bar = &f->facts.bars[i];
		const uint64_t mask = ~(vpci_bar_bytes(bar) - 1);
		const bool is_64 = bar->kind == VPCI_BAR_MEM64;
		const uint32_t type =
			(is_64 ? BAR_64 : 0) | (bar->is_prefetchable ? BAR_PREFETCHABLE : 0);

		if (bar->kind == VPCI_BAR_NONE)
			continue;
		if (bar->kind == VPCI_BAR_IO) {
			set(f, CONFIG_BAR(i), 4, (uint32_t)f->placed[i] | BAR_IO,
			    BAR_IO_PORTS & ~(uint32_t)(bar->bytes - 1));
			continue;
		}
		set(f, CONFIG_BAR(i), 4, (uint32_t)f->placed[i] | type, (uint32_t)mask);
		if (is_64)
			set(f, CONFIG_BAR(i + 1), 4, (uint32_t)(f->placed[i] >> 32),
			    (uint32_t)(mask >> 32));
	}
}

/* In front of what is there already. */
static void link_capability(struct vpci_function *f, uint32_t at, uint8_t id)
{
	set(f, at, 2, id | (uint32_t)f->config[CONFIG_CAPABILITIES] << 8, 0);
	set(f, CONFIG_CAPABILITIES, 1, at, 0);
	set(f, CONFIG_STATUS, 2, STATUS_CAPABILITIES, 0);
}

static void make_pcie(struct vpci_function *f)
{
	const struct vpci_facts *facts = &f->facts;

	link_capability(f, VPCI_PCIE, PCIE_ID);
	set(f, PCIE_FLAGS, 2, PCIE_V2_INTEGRATED, 0);
	set(f, PCIE_DEVCAP, 4, (facts->device_capabilities & DEVCAP_SHOWN) | DEVCAP_ROLE_BASED, 0);
	set(f, PCIE_DEVCTL, 2, facts->device_control & DEVCTL_SHOWN, DEVCTL_WRITABLE);
}

static void make_msix(struct vpci_function *f)
{
	const struct vpci_facts *facts = &f->facts;

	link_capability(f, VPCI_MSIX, MSIX_ID);
	set(f, MSIX_CONTROL, 2, facts->msix_count - 1u, MSIX_ENABLE | MSIX_MASK);
	set(f, MSIX_TABLE, 4, facts->msix_table_offset | facts->msix_table_bar, 0);
	set(f, MSIX_PBA, 4, facts->msix_pba_offset | facts->msix_pba_bar, 0);
}

static uint32_t log2_of(uint32_t power)
{
	return (uint32_t)__builtin_ctz(power);
}

static void make_msi(struct vpci_function *f)
{
	const struct vpci_facts *facts = &f->facts;
	const uint32_t data = MSI_ADDRESS + (facts->msi_is_64 ? 8u : 4u);
	const uint32_t all = UINT32_MAX >> (32 - facts->msi_count);

	link_capability(f, VPCI_MSI, MSI_ID);
	set(f, MSI_CONTROL, 2,
	    log2_of(facts->msi_count) << MSI_CAPABLE_SHIFT | (facts->msi_is_64 ? MSI_IS_64 : 0) |
		    (facts->msi_has_masks ? MSI_HAS_MASKS : 0),
	    MSI_ENABLE | MSI_ENABLED_WRITABLE);
	set(f, MSI_ADDRESS, 4, 0, MSI_ADDRESS_WRITABLE);
	if (facts->msi_is_64)
		set(f, MSI_ADDRESS + 4, 4, 0, UINT32_MAX);
	set(f, data, 2, 0, UINT16_MAX);
	if (facts->msi_has_masks)
		set(f, data + 4, 4, 0, all);
}

static uint32_t first_vendor(const struct vpci_facts *facts)
{
	return facts->msi_count != 0 ? MSI_END : VPCI_MSI;
}

static void make_vendor(struct vpci_function *f, const struct vpci_vendor *v, uint32_t at)
{
	for (uint32_t i = 2; i < v->bytes; i++)
		f->config[at + i] = v->data[i];
	link_capability(f, at, VENDOR_ID);
	if (!v->is_window)
		return;
	f->window = at;
	memset(f->writable + at + WINDOW_BAR, UINT8_MAX, 1);
	memset(f->writable + at + WINDOW_OFFSET, UINT8_MAX, WINDOW_BYTES - WINDOW_OFFSET);
}

/* From the last to the first, as each is linked in front of what is there. */
static void make_vendors(struct vpci_function *f)
{
	const struct vpci_facts *facts = &f->facts;
	uint32_t at = first_vendor(facts);

	for (uint32_t i = 0; i < facts->vendor_count; i++)
		at += facts->vendors[i].bytes;
	for (uint32_t i = facts->vendor_count; i-- > 0;) {
		at -= facts->vendors[i].bytes;
		make_vendor(f, &facts->vendors[i], at);
	}
}

static bool has_ports(const struct vpci_facts *facts)
{
	for (uint32_t i = 0; i < VPCI_BAR_COUNT; i++)
		if (facts->bars[i].kind == VPCI_BAR_IO)
			return true;
	return false;
}

static void make(struct vpci_function *f)
{
	const struct vpci_facts *facts = &f->facts;

	memset(f->config, 0, sizeof(f->config));
	memset(f->writable, 0, sizeof(f->writable));
	set(f, CONFIG_VENDOR, 2, facts->vendor, 0);
	set(f, CONFIG_DEVICE, 2, facts->device, 0);
	set(f, CONFIG_COMMAND, 2, 0,
	    (has_ports(facts) ? COMMAND_IO : 0) | COMMAND_MEMORY | COMMAND_MASTER | COMMAND_PARITY |
		    COMMAND_SERR | COMMAND_INTX_OFF);
	set(f, CONFIG_REVISION, 4, facts->class_code << 8 | facts->revision, 0);
	set(f, CONFIG_SUBSYSTEM, 4,
	    facts->subsystem_vendor | (uint32_t)facts->subsystem_device << 16, 0);
	make_bars(f);
	make_vendors(f);
	if (facts->msi_count != 0)
		make_msi(f);
	if (facts->msix_count != 0)
		make_msix(f);
	if (facts->is_pcie)
		make_pcie(f);
}

static bool is_power_of_two(uint64_t x)
{
	return x != 0 && (x & (x - 1)) == 0;
}

static bool are_bars_sound(const struct vpci_facts *facts)
{
	for (uint32_t i = 0; i < VPCI_BAR_COUNT; i++) {
		const struct vpci_bar *bar = &facts->bars[i];

		if (bar->kind == VPCI_BAR_NONE)
			continue;
		if (bar->kind > VPCI_BAR_IO ||
		    (bar->kind == VPCI_BAR_IO && bar->bytes > BAR_IO_MAX) ||
		    !is_power_of_two(bar->bytes) || bar->bytes < 16 ||
		    (bar->kind == VPCI_BAR_MEM32 && bar->bytes > GIB(2)))
			return false;
		if (bar->kind == VPCI_BAR_MEM64 &&
		    (i + 1 == VPCI_BAR_COUNT || facts->bars[++i].kind != VPCI_BAR_NONE))
			return false;
	}
	return true;
}

static bool is_in_bar(const struct vpci_facts *facts, uint32_t bar, uint32_t offset, uint64_t bytes)
{
	return bar < VPCI_BAR_COUNT && (offset & 7u) == 0 && offset < facts->bars[bar].bytes &&
	       bytes <= facts->bars[bar].bytes - offset && facts->bars[bar].kind != VPCI_BAR_NONE;
}

static bool are_messages_sound(const struct vpci_facts *facts)
{
	const uint32_t count = facts->msix_count;

	if (facts->msi_count > MSI_COUNT_MAX ||
	    (facts->msi_count != 0 && !is_power_of_two(facts->msi_count)))
		return false;
	return count == 0 ||
	       (count <= MSIX_COUNT_MAX &&
		is_in_bar(facts, facts->msix_table_bar, facts->msix_table_offset, count * 16) &&
		is_in_bar(facts, facts->msix_pba_bar, facts->msix_pba_offset,
			  align_up(count, 64) / 8));
}

static bool are_vendors_sound(const struct vpci_facts *facts)
{
	uint32_t end = first_vendor(facts), windows = 0;

	if (facts->vendor_count > VPCI_VENDOR_MAX)
		return false;
	for (uint32_t i = 0; i < facts->vendor_count; i++) {
		const struct vpci_vendor *v = &facts->vendors[i];

		if (v->bytes < 4 || v->bytes > VPCI_VENDOR_BYTES || v->bytes % 4 != 0 ||
		    (v->is_window && v->bytes != WINDOW_BYTES))
			return false;
		end += v->bytes;
		windows += v->is_window;
	}
	return end <= VPCI_CONFIG_BYTES && windows <= 1;
}

enum err vpci_add(struct vpci *p, const struct vpci_facts *facts, uint32_t *index)
{
	struct vpci_function *f;

	if (!are_bars_sound(facts) || !are_messages_sound(facts) || !are_vendors_sound(facts) ||
	    facts->class_code >> 24 != 0)
		return ERR_INVAL;
	if (p->function_count == VPCI_FUNCTION_MAX)
		return ERR_NOMEM;
	*index = p->function_count++;
	f = &p->functions[*index];
	*f = (struct vpci_function){ .devfn = (uint8_t)(*index << 3), .facts = *facts };
	make(f);
	return OK;
}

/* The largest that has no place yet; NULL: all have. */
static const struct vpci_bar *next_to_place(struct vpci *p, uint64_t **placed)
{
	const struct vpci_bar *largest = NULL;

	for (uint32_t i = 1; i < p->function_count; i++) {
		for (uint32_t k = 0; k < VPCI_BAR_COUNT; k++) {
			const struct vpci_bar *bar = &p->functions[i].facts.bars[k];

			if (vpci_bar_bytes(bar) == 0 || p->functions[i].placed[k] != 0 ||
			    (largest && vpci_bar_bytes(largest) >= vpci_bar_bytes(bar)))
				continue;
			largest = bar;
			*placed = &p->functions[i].placed[k];
		}
	}
	return largest;
}

/* One behind the other: VPCI_FUNCTION_MAX * VPCI_BAR_COUNT of the largest have room. */
static void place_ports(struct vpci *p)
{
	uint64_t at = VPCI_IO_FIRST;

	for (uint32_t i = 1; i < p->function_count; i++)
		for (uint32_t k = 0; k < VPCI_BAR_COUNT; k++) {
			const struct vpci_bar *bar = &p->functions[i].facts.bars[k];

			if (bar->kind != VPCI_BAR_IO)
				continue;
			at = align_up(at, bar->bytes);
			p->functions[i].placed[k] = at;
			at += bar->bytes;
		}
}
_Static_assert(VPCI_FUNCTION_MAX *VPCI_BAR_COUNT *BAR_IO_MAX <= VPCI_IO_END - VPCI_IO_FIRST,
	       "all I/O BARs have a place");

enum err vpci_place(struct vpci *p, uint64_t base, uint64_t end)
{
	const struct vpci_bar *bar;
	uint64_t at = base, *placed = NULL;

	if (base == 0 || base > end)
		return ERR_INVAL;
	while ((bar = next_to_place(p, &placed)) != NULL) {
		const uint64_t bytes = vpci_bar_bytes(bar);

		/* Written so that nothing overflows. */
		if (bytes > end || (at != 0 && at > end - bytes))
			return ERR_NOMEM;
		at = align_up(at, bytes);
		if (at > end - bytes || (bar->kind == VPCI_BAR_MEM32 && at > GIB(4) - bytes))
			return ERR_NOMEM;
		*placed = at;
		at += bytes;
	}
	place_ports(p);
	p->window_base = base;
	p->window_end = end;
	vpci_reset(p);
	return OK;
}

void vpci_reset(struct vpci *p)
{
	p->address = 0;
	for (uint32_t i = 1; i < p->function_count; i++)
		make(&p->functions[i]);
}

/* ---- What the outside asks ---- */

bool vpci_is_master(const struct vpci *p, uint32_t function)
{
	return vpci_get(&p->functions[function], CONFIG_COMMAND, 2) & COMMAND_MASTER;
}

void vpci_msix_control(const struct vpci *p, uint32_t function, bool *is_enabled, bool *is_masked)
{
	const struct vpci_function *f = &p->functions[function];
	const uint32_t control = f->facts.msix_count != 0 ? vpci_get(f, MSIX_CONTROL, 2) : 0;

	*is_enabled = control & MSIX_ENABLE;
	*is_masked = control & MSIX_MASK;
}

/* How many messages the guest lets it send: no more than it is capable of. */
static uint32_t messages_enabled(const struct vpci_function *f)
{
	const uint32_t control = f->facts.msi_count != 0 ? vpci_get(f, MSI_CONTROL, 2) : 0;

	if (!(control & MSI_ENABLE) ||
	    (f->facts.msix_count != 0 && (vpci_get(f, MSIX_CONTROL, 2) & MSIX_ENABLE)))
		return 0;
	return (uint32_t)min_u64(f->facts.msi_count, BIT64(MSI_ENABLED(control)));
}

bool vpci_msi(const struct vpci *p, uint32_t function, uint32_t i, uint64_t *address,
	      uint32_t *data)
{
	const struct vpci_function *f = &p->functions[function];
	const uint32_t count = messages_enabled(f);
	const uint32_t at = MSI_ADDRESS + (f->facts.msi_is_64 ? 8u : 4u);

	if (i >= count || (f->facts.msi_has_masks && (vpci_get(f, at + 4, 4) >> i & 1)))
		return false;
	*address = vpci_get(f, MSI_ADDRESS, 4);
	if (f->facts.msi_is_64)
		*address |= (uint64_t)vpci_get(f, MSI_ADDRESS + 4, 4) << 32;
	*data = (vpci_get(f, at, 2) & ~(count - 1)) | i;
	return true;
}

bool vpci_msi_post(struct vpci *p, uint32_t function, uint32_t i)
{
	struct vpci_function *f = &p->functions[function];
	uint64_t address;
	uint32_t data;

	if (vpci_msi(p, function, i, &address, &data))
		return true;
	if (i < messages_enabled(f) && f->facts.msi_has_masks)
		vpci_put(f, pending_register(f), 4, vpci_get(f, pending_register(f), 4) | BIT32(i));
	return false;
}

/* ---- Ways in ---- */

uint32_t vpci_ecam_read(const struct vpci *p, uint64_t offset, uint32_t width)
{
	if (offset >= VPCI_ECAM_BYTES)
		return all_ones(width);
	return read_config(p, ECAM_DEVFN(offset), ECAM_REGISTER(offset), width);
}

struct vpci_effect vpci_ecam_write(struct vpci *p, uint64_t offset, uint32_t width, uint32_t value)
{
	if (offset >= VPCI_ECAM_BYTES)
		return (struct vpci_effect){ 0 };
	return write_config(p, ECAM_DEVFN(offset), ECAM_REGISTER(offset), width, value);
}

/* The address register is there for 32-bit accesses only; others pass it by. */
uint32_t vpci_port_read(const struct vpci *p, uint16_t port, uint32_t width)
{
	if (port == PORT_ADDRESS && width == 4)
		return p->address;
	if (!vpci_selects_register(p, port))
		return all_ones(width);
	return read_config(p, ADDRESS_DEVFN(p->address), vpci_selected_register(p, port), width);
}

struct vpci_effect vpci_port_write(struct vpci *p, uint16_t port, uint32_t width, uint32_t value)
{
	if (port == PORT_ADDRESS && width == 4)
		p->address = value & ADDRESS_KEPT;
	else if (vpci_selects_register(p, port))
		return write_config(p, ADDRESS_DEVFN(p->address), vpci_selected_register(p, port),
				    width, value);
	return (struct vpci_effect){ 0 };
}
