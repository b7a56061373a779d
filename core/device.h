/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/device.h - devices of guests: from functions of the machine to functions of a virtual PC.
 *
 * Model    At boot start() brings up PFs with their VFs, finds each function that the configuration
 *	    names, checks that its group goes nowhere else, and puts it into its guest's domain and
 *	    PC. From then on whatever changes a device or its PF happens in the service: a
 *	    virtual CPU without a guest, with the reservation that config.service gives it.
 *	    It does one bounded step at a time: a round of a PF's driver, faults of the IOMMU, a
 *	    step of a device's reset.
 *	    A partition that ends or is stopped loses its devices at once: the IOMMU blocks them,
 *	    and the service resets them. One that restarts gets them back reset: its memory is not
 *	    touched before they are quiet.
 * Link     Only into images whose configuration has devices: elsewhere device_service of
 *	    core/service.h is absent.
 * Sharing  start(): boot core. serve(): the service's core. The others: any core.
 */
#pragma once
#include "core/service.h"
