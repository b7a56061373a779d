/* SPDX-License-Identifier: Apache-2.0 */
#include "configs/net_restart.h"

NET_RESTART_SYSTEM("net_restart", "1500", "", SEC(6));
