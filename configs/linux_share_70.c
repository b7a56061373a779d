/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_share_70.c - 70 % of a core: configs/linux_share.h. */
#include "configs/linux_share.h"

SHARE_SYSTEM(70);
