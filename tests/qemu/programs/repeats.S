/*
 * Repeated string instructions that a timer interrupts: each interrupt prints
 * what it found, and each instruction a dot when it is done
 *
 * SPDX-License-Identifier: MIT
 */
#include "guest.h"
#define COUNT 1000000
#define TICKS 100

    .text
    .globl main
main:
    mov $tick, %ebx
    mov $TICKS, %cx
    call start_timer
    sti
    mov $ARENA, %edi
    mov $COUNT, %ecx
    mov $1, %al
    rep stosb
    call done
    mov $ARENA, %esi
    mov $(ARENA + COUNT), %edi
    mov $COUNT, %ecx
    rep movsb
    call done
    mov $ARENA, %esi
    mov $(ARENA + COUNT), %edi
    mov $COUNT, %ecx
    repe cmpsb
    call done
    mov $ARENA, %edi
    mov $COUNT, %ecx
    mov $2, %al
    repne scasb
    call done
    mov $(COUNT / 2), %ecx      /* no string instruction at all */
1:  dec %ecx
    jnz 1b
    call done

    cli                         /* an interrupt that waits for STI */
    mov $0x0a, %al
    out %al, $0x20
2:  in $0x20, %al
    test $1, %al
    jz 2b
    mov $3, %ecx
    mov $ARENA, %edi
    sti
    rep stosb                   /* taken after the first of three */
    cli
    mov $0xff, %al
    out %al, $0x21
    ret

done:
    mov $'.', %al
    jecxz 3f
    mov $'?', %al
3:  out %al, $0xe9
    ret

/*
 * R: at a string instruction, n: elsewhere.  Behind it how many iterations are
 * left, if that is a digit.
 */
tick:
    push %eax
    push %edx
    mov 8(%esp), %edx
    mov (%edx), %dl
    and $0xfe, %dl              /* the prefixes F2 and F3 */
    mov $'n', %al
    cmp $0xf2, %dl
    jne 4f
    mov $'R', %al
4:  out %al, $0xe9
    cmp $9, %ecx
    ja 5f
    lea '0'(%ecx), %eax
    out %al, $0xe9
5:  mov $0x20, %al
    out %al, $0x20
    pop %edx
    pop %eax
    iret
