/*
 * Pointer chase: for each working set of LINES lines the ns of ROUNDS rounds
 *
 * SPDX-License-Identifier: MIT
 *
 * The lines form one cycle, in the order of a linear congruential generator of
 * full period: MULTIPLIER - 1 is a multiple of 12 and INCREMENT is prime to 6,
 * for numbers of lines of the form 2^n and 3 * 2^n.
 */
#include "guest.h"
#define MULTIPLIER 40693        /* 12 * 3391 + 1 */
#define INCREMENT 12345677

    .text
    .globl main
main:
    START
    mov $sets, %ebp
1:  mov (%ebp), %ecx
    test %ecx, %ecx
    jz 3f
    call link
    call chase                  /* warm */
    rdtsc
    push %edx
    push %eax
    call chase
    rdtsc
    sub (%esp), %eax
    sbb 4(%esp), %edx
    mov %eax, (%esp)
    mov %edx, 4(%esp)
    mov %esp, %esi
    mov $8, %ecx
    mov $0xe9, %dx
    rep outsb
    add $8, %esp
    add $4, %ebp
    jmp 1b
3:  STOP
    ret

/* Link (%ebp) lines: line i points to line (i * MULTIPLIER + INCREMENT) % lines */
link:
    xor %ebx, %ebx
1:  mov %ebx, %eax
    mov $MULTIPLIER, %ecx
    mul %ecx
    add $INCREMENT, %eax
    adc $0, %edx
    divl (%ebp)
    imul $LINE, %edx, %edx
    add $ARENA, %edx
    imul $LINE, %ebx, %eax
    mov %edx, ARENA(%eax)
    inc %ebx
    cmp (%ebp), %ebx
    jb 1b
    ret

/* ROUNDS rounds, three instructions a line and two per sixteen lines */
    .balign 64
chase:
    mov (%ebp), %ecx
    imul $ROUNDS, %ecx, %ecx
    shr $4, %ecx
    mov $ARENA, %esi
1:
    .rept 16
    mov (%esi), %esi
    lea (%esi), %esi
    lea (%esi), %esi
    .endr
    dec %ecx
    jnz 1b
    ret

    .section .rodata
    .balign 64
sets:
    .long LINES, 0
