/*
 * Interrupt controller, timer, and an idle wait, for guests that need time
 *
 * SPDX-License-Identifier: MIT
 */
#include "guest.h"
    .text
    .globl start_timer, wait_until

/* Timer interrupts, vector 0x20, every %cx ticks of 1193182 Hz; handler in %ebx */
start_timer:
    mov %bx, idt + 8 * 0x20
    movw $CODE, idt + 8 * 0x20 + 2
    movw $0x8e00, idt + 8 * 0x20 + 4
    shr $16, %ebx
    mov %bx, idt + 8 * 0x20 + 6
    mov $0x11, %al
    out %al, $0x20
    mov $0x20, %al
    out %al, $0x21
    mov $4, %al
    out %al, $0x21
    mov $1, %al
    out %al, $0x21
    mov $0xfe, %al              /* the timer alone */
    out %al, $0x21
    mov $0x34, %al              /* counter 0, rate generator */
    out %al, $0x43
    mov %cl, %al
    out %al, $0x40
    mov %ch, %al
    out %al, $0x40
    ret

/* Idle until the clock has passed %edi : %esi ns */
wait_until:
    mov $idle_tick, %ebx
    mov $0xffff, %cx
    call start_timer
1:  sti
    hlt
    rdtsc
    sub %esi, %eax
    sbb %edi, %edx
    jc 1b
    cli
    mov $0xff, %al
    out %al, $0x21
    ret
idle_tick:
    push %eax
    mov $0x20, %al
    out %al, $0x20
    pop %eax
    iret
