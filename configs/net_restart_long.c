/* SPDX-License-Identifier: Apache-2.0 */
#include "configs/net_restart.h"

NET_RESTART_SYSTEM("net_restart_long", "100000", "", SEC(330));
