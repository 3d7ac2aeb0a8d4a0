/*
 * Prints what the guest computed: registers, arena, stack, as one sum and dwords
 *
 * SPDX-License-Identifier: MIT
 */
#include "guest.h"
    .text
    .globl print_state
print_state:
    pushal
    mov %esp, %esi
    mov $32, %ecx
    mov $0xe9, %dx
    rep outsb
    mov $ARENA, %esi
    mov $(9 << 20) / 4, %ecx
    call sum
    mov $STACK_TOP - 8192, %esi
    mov $8100 / 4, %ecx
    call sum
    popal
    ret
sum:
    xor %eax, %eax
1:  rol $1, %eax
    add (%esi), %eax
    add $4, %esi
    dec %ecx
    jnz 1b
    push %eax
    mov %esp, %esi
    mov $4, %ecx
    rep outsb
    pop %eax
    ret
