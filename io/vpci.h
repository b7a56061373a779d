/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/vpci.h - the virtual PCI bus 0: configuration space by CF8/CFC and by ECAM.
 *
 * Model    A function is 256 bytes of configuration space with a write mask of the same size: deny
 *	    by default, no bit is writable unless its function says so, and none reads what is
 *	    not put there. Function 0:0.0 is a host bridge (vendor 1B36H, device 0008H, class
 *	    060000H) that does nothing and has no writable bit; it is conventional: its extended
 *	    configuration space reads as all ones, and so do functions that are not there.
 *	    Others, 0:1.0 to 0:8.0, stand for functions that the guest owns. They are made of facts
 *	    of the real one; no access of the guest reaches that one's configuration space. What a
 *	    write means for the outside is returned as "this may be different now", and asked for
 *	    by the functions below: the caller carries it out.
 *	    Of the header: memory decoding, bus mastering, INTx disable, the two error enables, and
 *	    BARs by the sizing protocol; I/O decoding where there is an I/O BAR: those have
 *	    places from VPCI_IO_FIRST on. No ROM, no INTx pin. Of the capabilities:
 *	    PCI Express as an endpoint integrated in the root complex, without links, resets or
 *	    extended capabilities (those 3840 bytes read as 0); MSI-X; MSI; and vendor-specific ones,
 *	    as the model of a function that software makes gives them. They lie at offsets of
 *	    ours, and nothing else is shown.
 *	    A BAR smaller than a page is a page: the caller knows what else lies in it.
 *	    A vendor-specific capability may be a window: registers of a BAR, an offset and a length,
 *	    and four bytes that stand for what is there. vpci_ecam_window() and vpci_port_window()
 *	    know an access to those bytes. Before it reads, the caller reads the BAR and leaves
 *	    the answer by vpci_fill(); after it has written, the caller writes to the BAR what
 *	    they say. BARs need not be decoded for that.
 * Source   PCI Local Bus Specification 3.0, "Configuration Mechanism #1"; PCI Express Base
 *	    Specification, "PCI Express Enhanced Configuration Access Mechanism (ECAM)", "Type 0/1
 *	    Common Configuration Space", "MSI Capability Structures", "PCI Express Capability
 *	    Structure", "Root Complex Integrated Endpoint Rules"; Virtual I/O Device (VIRTIO)
 *	    Version 1.2, "PCI configuration access capability".
 * Errors   Accesses have none: reads of nothing are all ones, writes to nothing are lost.
 *	    vpci_add(): ERR_NOMEM: VPCI_FUNCTION_MAX; ERR_INVAL: facts that no function has.
 *	    vpci_place(): ERR_NOMEM: the window is too small; ERR_INVAL: it is none.
 * Sharing  The caller's lock.
 */
#pragma once
#include "core/lib/base.h"

#define VPCI_CONFIG_BYTES  256u
#define VPCI_ECAM_BYTES    MIB(1) /* bus 0 */
#define VPCI_FUNCTION_MAX  9u     /* the host bridge and 8 more */
#define VPCI_BAR_COUNT     6u
#define VPCI_IO_FIRST      0xc000u /* of the places of I/O BARs */
#define VPCI_IO_END        0x10000u
#define VPCI_BRIDGE_VENDOR 0x1b36u
#define VPCI_BRIDGE_DEVICE 0x0008u

/* Where capabilities are. */
#define VPCI_PCIE 0x40u
#define VPCI_MSIX 0x80u
#define VPCI_MSI  0x90u
/* Behind MSI, or in its place if there is none: vendor-specific ones, in their order. */

/* What a guest may know of a function that it owns. VFs: identity as their PF gives it. */
enum vpci_bar_kind { VPCI_BAR_NONE, VPCI_BAR_MEM32, VPCI_BAR_MEM64, VPCI_BAR_IO };
struct vpci_bar {     /* a 64-bit BAR takes two: the second is VPCI_BAR_NONE */
	uint8_t kind; /* enum vpci_bar_kind */
	bool is_prefetchable;
	uint64_t bytes; /* a power of two; I/O: 16 to 256 ports */
};

#define VPCI_VENDOR_MAX   6u
#define VPCI_VENDOR_BYTES 20u

struct vpci_vendor {                     /* a vendor-specific capability */
	uint8_t bytes;                   /* 4 to VPCI_VENDOR_BYTES, a multiple of 4 */
	uint8_t data[VPCI_VENDOR_BYTES]; /* the first two are ours: ID and link */
	bool is_window;                  /* of 20 bytes: BAR, offset, length, data can be written */
};

struct vpci_facts {
	uint16_t vendor, device, subsystem_vendor, subsystem_device;
	uint32_t class_code; /* 24 bits */
	uint8_t revision;
	bool is_pcie, msi_is_64, msi_has_masks;
	uint8_t msi_count; /* 0: no MSI */
	uint8_t msix_table_bar, msix_pba_bar;
	uint16_t msix_count; /* 0: no MSI-X; at most what io/vmsix.h holds */
	uint32_t msix_table_offset, msix_pba_offset;
	uint32_t device_capabilities; /* PCI Express: the two registers of that name, and Control */
	uint16_t device_control;
	struct vpci_bar bars[VPCI_BAR_COUNT];
	uint8_t vendor_count;
	struct vpci_vendor vendors[VPCI_VENDOR_MAX]; /* one window at most */
};

struct vpci_function {
	uint8_t devfn; /* device << 3 | function */
	uint8_t config[VPCI_CONFIG_BYTES];
	uint8_t writable[VPCI_CONFIG_BYTES]; /* a 1 bit may be written */
	struct vpci_facts facts;             /* function 0: none */
	uint64_t placed[VPCI_BAR_COUNT];     /* where its BARs begin after a reset */
	uint32_t window;                     /* where that capability is, or 0 */
};

struct vpci {
	uint32_t address; /* port CF8H */
	uint32_t function_count;
	uint64_t window_base, window_end; /* of the host bridge: BARs elsewhere lead nowhere */
	struct vpci_function functions[VPCI_FUNCTION_MAX];
};

/* What may be different after a write. */
enum vpci_change {
	VPCI_DECODING = 1, /* vpci_decodes(), of any function */
	VPCI_MASTER = 2,   /* vpci_is_master() */
	VPCI_MESSAGES = 4, /* vpci_msi() */
	VPCI_VECTORS = 8   /* vpci_msix_control() */
};
struct vpci_effect {
	uint32_t function; /* index; if `changes` is not 0 */
	uint32_t changes;  /* of enum vpci_change */
	uint32_t fire;     /* MSI: pending messages that are to be delivered now */
};

void vpci_init(struct vpci *p);
MUST_CHECK enum err vpci_add(struct vpci *p, const struct vpci_facts *facts, uint32_t *index);
/* Every BAR of every function gets its place, the largest first. Once, after the last vpci_add(). */
MUST_CHECK enum err vpci_place(struct vpci *p, uint64_t base, uint64_t end);
/* As after vpci_place(): the guest starts over. */
void vpci_reset(struct vpci *p);

/*
 * Offset into the ECAM region of bus 0; width 1, 2, 4 (8: the caller splits). Values have as many
 * bytes as the access. Accesses that are not aligned are accesses to nothing.
 */
uint32_t vpci_ecam_read(const struct vpci *p, uint64_t offset, uint32_t width);
struct vpci_effect vpci_ecam_write(struct vpci *p, uint64_t offset, uint32_t width, uint32_t value);
/* Ports CF8H..CFFH. CF9H (reset) is not ours: the caller takes byte accesses to it out. */
uint32_t vpci_port_read(const struct vpci *p, uint16_t port, uint32_t width);
struct vpci_effect vpci_port_write(struct vpci *p, uint16_t port, uint32_t width, uint32_t value);

/*
 * Where a BAR is seen by the guest; false: nowhere. It is decoded if it lies in the window as a
 * whole and no BAR of lower function, or number, that is decoded itself, is in its way.
 */
bool vpci_decodes(const struct vpci *p, uint32_t function, uint32_t bar, uint64_t *gpa);
bool vpci_is_master(const struct vpci *p, uint32_t function);

/* Message `i`; false: it is not delivered (MSI or this message is off or masked; or MSI-X is on). */
bool vpci_msi(const struct vpci *p, uint32_t function, uint32_t i, uint64_t *address,
	      uint32_t *data);
/* The function has sent message `i`. True: deliver vpci_msi(). False: it is pending, or lost. */
bool vpci_msi_post(struct vpci *p, uint32_t function, uint32_t i);
void vpci_msix_control(const struct vpci *p, uint32_t function, bool *is_enabled, bool *is_masked);

/* What an access to a window's data is about: `width` bytes, aligned, wholly in the BAR. */
struct vpci_window {
	uint32_t function, bar, width; /* 1, 2, 4 */
	uint64_t offset;               /* in the BAR */
	uint32_t value;                /* that the data say now */
};
/* False: the access is to no window's data, or to those of one that leads nowhere. */
bool vpci_ecam_window(const struct vpci *p, uint64_t offset, uint32_t width,
		      struct vpci_window *window);
bool vpci_port_window(const struct vpci *p, uint16_t port, uint32_t width,
		      struct vpci_window *window);
void vpci_fill(struct vpci *p, const struct vpci_window *window, uint32_t value);
