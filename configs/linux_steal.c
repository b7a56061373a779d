/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_steal.c - does Linux know how much time it did not get? */
#include "configs/linux.h"

LINUX_ALONE("linux_steal", "cloud", "cpu,500,4", 1, .cpu = RESERVATION(0, MS(20), MS(50)));
