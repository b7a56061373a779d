/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/vpci.h - the virtual PCI bus 0: configuration space by CF8/CFC and by ECAM.
 *
 * Model    A function is 256 bytes of configuration space with a write mask of the same size: deny
 *	    by default, no bit is writable unless its function says so. It is a conventional PCI
 *	    function: its extended configuration space reads as all ones, and so do functions
 *	    that are not there. Function 0:0.0 is a host bridge (vendor 1B36H, device 0008H,
 *	    class 060000H) that does nothing and has no writable bit.
 * Source   PCI Local Bus Specification 3.0, "Configuration Mechanism #1"; PCI Express Base
 *	    Specification, "PCI Express Enhanced Configuration Access Mechanism (ECAM)".
 * Errors   None: reads of nothing are all ones, writes to nothing are lost.
 * Sharing  The caller's lock.
 */
#pragma once
#include "core/lib/base.h"

#define VPCI_CONFIG_BYTES  256u
#define VPCI_ECAM_BYTES    MIB(1) /* bus 0 */
#define VPCI_FUNCTION_MAX  1u     /* the host bridge; devices come with issue 4 and 5 */
#define VPCI_BRIDGE_VENDOR 0x1b36u
#define VPCI_BRIDGE_DEVICE 0x0008u

struct vpci_function {
	uint8_t devfn; /* device << 3 | function */
	uint8_t config[VPCI_CONFIG_BYTES];
	uint8_t writable[VPCI_CONFIG_BYTES]; /* a 1 bit may be written */
};

struct vpci {
	uint32_t address; /* port CF8H */
	uint32_t function_count;
	struct vpci_function functions[VPCI_FUNCTION_MAX];
};

void vpci_init(struct vpci *p);
/*
 * Offset into the ECAM region of bus 0; width 1, 2, 4 (8: the caller splits). Values have as many
 * bytes as the access. Accesses that are not aligned are accesses to nothing.
 */
uint32_t vpci_ecam_read(const struct vpci *p, uint64_t offset, uint32_t width);
void vpci_ecam_write(struct vpci *p, uint64_t offset, uint32_t width, uint32_t value);
/* Ports CF8H..CFFH. CF9H (reset) is not ours: the caller takes byte accesses to it out. */
uint32_t vpci_port_read(const struct vpci *p, uint16_t port, uint32_t width);
void vpci_port_write(struct vpci *p, uint16_t port, uint32_t width, uint32_t value);
