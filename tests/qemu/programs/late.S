/*
 * Where a late timer interrupt is taken: each round a load stalls the CPU
 * beyond the timer's deadline, in a block that then ends early.
 *
 * SPDX-License-Identifier: MIT
 */
#include "guest.h"
#define ROUNDS 32
#define APIC_VERSION 0xfee00030

    .text
    .globl main
main:
    mov $fault, %eax            /* division by zero, with interrupts left on */
    mov %ax, idt
    movw $CODE, idt + 2
    movw $0x8f00, idt + 4
    shr $16, %eax
    mov %ax, idt + 6
    mov $tick, %ebx
    mov $500, %cx
    call start_timer
    mov $ARENA, %esi
    mov $ROUNDS, %edi
    START
    sti
1:
#ifdef FAULT
    xor %ebx, %ebx
    mov (%esi), %eax
    div %ebx
#else
    mov (%esi), %eax
    mov APIC_VERSION, %eax
    .globl resumed
resumed:
#endif
    .rept 60
    nop
    .endr
    add $4096, %esi
    dec %edi
    jnz 1b
    cli
    STOP
    ret
fault:
#ifdef FAULT
    .globl resumed
resumed:
#endif
    .rept 60
    nop
    .endr
    addl $2, (%esp)
    iret
tick:
    push %eax                   /* print where the interrupt was taken */
    push %edx
    mov 8(%esp), %eax
    sub $resumed, %eax
    mov $0xe9, %dx
    .rept 4
    out %al, %dx
    shr $8, %eax
    .endr
    mov $0x20, %al
    out %al, $0x20
    pop %edx
    pop %eax
    iret
