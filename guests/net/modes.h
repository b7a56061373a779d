/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/net/modes.h - what this guest can be told to do. guests/net/main.c lists the arguments.
 * Each returns the partition's status; 0: well.
 */
#pragma once
#include "guests/net/port.h"

int mode_echo(struct port *port, const char *args);     /* guests/net/echo.c */
int mode_send(struct port *port, const char *args);     /* guests/net/send.c */
int mode_life(struct port *port, const char *args);     /* guests/net/life.c */
int mode_dma(struct port *port, const char *args);      /* guests/net/dma.c */
int mode_generate(struct port *port, const char *args); /* guests/net/generate.c */
int mode_sink(struct port *port, const char *args);     /* guests/net/sink.c */
int mode_request(struct port *port, const char *args);  /* guests/net/request.c */
int mode_serve(struct port *port, const char *args);    /* guests/net/serve.c */
int mode_hog(struct port *port, const char *args);      /* guests/net/hog.c */
