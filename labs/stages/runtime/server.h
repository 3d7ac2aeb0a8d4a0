/* SPDX-License-Identifier: MIT */
/* A small server of lines: "GET name" is answered by "OK name length"; nothing is ever copied twice. */
#ifndef SERVER_H
#define SERVER_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#define LINE_SIZE	@line_size@
#define PATIENCE_MS	2000

struct @task@;
typedef void (*stage_fn)(struct @task@ *);

@structs@

/* loop.c: what a stage may ask of the event loop */
void @soon@(@soon_parameters@);		/* @stage runs in this round */
void @ready@(@ready_parameters@);		/* when the socket is ready */
void @timer@(@timer_parameters@);		/* unless another stage ran before */
void @put@(struct @task@ *c);
void @loop@(int listener);
long now_ms(void);

/* work.c: what is to be done; it never decides what comes next */
int fill(struct @task@ *c);		/* bytes that came; 0: none yet; -1: the client has gone */
bool has_line(const struct @task@ *c);
bool is_full(const struct @task@ *c);
bool read_command(struct @task@ *c);
bool is_allowed(const struct @task@ *c);
bool is_known(const struct @task@ *c);
bool is_loaded(struct @task@ *c);
void compose(struct @task@ *c);
void explain(struct @task@ *c);
int drain(struct @task@ *c);		/* bytes that are left to send; -1: the client has gone */
int discard(struct @task@ *c);		/* as fill() */
void start_again(struct @task@ *c);

/* stages.c */
@declarations@

#endif
