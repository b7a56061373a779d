/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/hostile/modes.h - the ways to misbehave. Each runs for ever or until it is stopped;
 * one that returns has found nothing to do (a bad argument).
 *
 * guests/hostile/main.c lists them with their arguments.
 */
#pragma once

void mode_memory(void); /* guests/hostile/memory.c */
void mode_msr(void);    /* guests/hostile/sweep.c */
void mode_ports(void);
void mode_cr(void);    /* guests/hostile/forbidden.c */
void mode_calls(void); /* guests/hostile/flood.c */
void mode_console(void);
void mode_line(void);
void mode_overrun(void);
void mode_timer(void);
void mode_tick(void);
void mode_fault(void);
