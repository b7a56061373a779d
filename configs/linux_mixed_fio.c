/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_mixed_fio.c - beside Linux: fio. See configs/linux_mixed.h. */
#include "configs/linux_mixed.h"

MIXED_CLOUD("linux_mixed_fio", "fio");
