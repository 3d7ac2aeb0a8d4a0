/*
 * The times of timer interrupts, while idle or while busy with cache misses
 *
 * SPDX-License-Identifier: MIT
 */
#include "guest.h"
#define TICKS 200
#define LOG (ARENA + (12 << 20))

    .text
    .globl main
main:
    mov $LOG, %ebp
    mov $tick, %ebx
    mov $1193, %cx
    call start_timer
    START
    sti
1:
#ifdef BUSY
    mov $ARENA, %esi
    mov $1024, %ecx
2:  mov (%esi), %eax
    incl 64(%esi)
    add $4160, %esi
    dec %ecx
    jnz 2b
#else
    hlt
#endif
    cmp $LOG + 4 * TICKS, %ebp
    jb 1b
    cli
    STOP
    mov $LOG, %esi
    mov $4 * TICKS, %ecx
    mov $0xe9, %dx
    rep outsb
    ret
tick:
    push %eax
    push %edx
    rdtsc
    mov %eax, (%ebp)
    add $4, %ebp
    mov $0x20, %al
    out %al, $0x20
    pop %edx
    pop %eax
    iret
