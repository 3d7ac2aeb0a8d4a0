/* SPDX-License-Identifier: MIT */
/*
 * Stack painting: before a stage runs, the stack below is filled with a pattern; what has lost it
 * afterwards was used.  The deepest use of each stage is written to the file that PAINT_REPORT
 * names when the program ends, as lines `STAGE BYTES CALLS`.
 *
 * It is linked in place of the server's own Schedule_Stage, with ld's --wrap.
 */
#ifndef PAINT_H
#define PAINT_H

/* Call stage(argument) and note how much of the stack it used, from its return address on. */
void paint_call(void (*stage)(void *), void *argument);

#endif
