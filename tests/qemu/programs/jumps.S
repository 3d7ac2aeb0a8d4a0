/*
 * Jumps whose targets change under them, and interrupts that wait for STI
 *
 * SPDX-License-Identifier: MIT
 */
#include "guest.h"
#define DIRECTORY (ARENA + 0x600000)
#define TABLE (ARENA + 0x601000)
#define FIRST (ARENA + 0x205000)
#define SECOND (ARENA + 0x202000)
#define WINDOW 0x80000000
#define TICKS 1024

    .text
    .globl main
main:
    mov $0x83, %eax             /* memory as it was, by pages of 4 MiB */
    xor %ecx, %ecx
1:  mov %eax, DIRECTORY(, %ecx, 4)
    add $0x400000, %eax
    inc %ecx
    cmp $16, %ecx
    jb 1b
    movl $TABLE + 3, DIRECTORY + 4 * (WINDOW >> 22)
    movl $FIRST + 3, TABLE
    mov $DIRECTORY, %eax
    mov %eax, %cr3
    mov %cr4, %eax
    or $0x10, %eax
    mov %eax, %cr4
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    mov $FIRST, %edi            /* mov $'A', %al; out %al, $0xe9; ret */
    movl $0xe9e641b0, (%edi)
    movb $0xc3, 4(%edi)
    mov $SECOND, %edi           /* the same with 'B' */
    movl $0xe9e642b0, (%edi)
    movb $0xc3, 4(%edi)

    call visit
    movl $SECOND + 3, TABLE
    invlpg WINDOW
    call visit
    movl $FIRST + 3, TABLE
    mov %cr3, %eax
    mov %eax, %cr3
    call visit
    movb $'C', FIRST + 1        /* at another address than it runs at */
    call visit
    movb $'D', WINDOW + 1
    call visit

    mov $tick, %ebx
    mov $TICKS, %cx
    call start_timer
    mov $3, %edi
2:  call await_tick
    sti                         /* taken after the next instruction */
    inc %ecx
    inc %ecx
    cli
    call await_tick
    pushf
    orl $0x200, (%esp)
    popf                        /* taken at once */
    inc %ecx
    cli
    call await_tick
    pushf
    orl $0x200, (%esp)
    push $CODE
    push $3f
    iret
3:  inc %ecx                    /* taken before it */
    cli
    dec %edi
    jnz 2b
    mov $0xff, %al
    out %al, $0x21
    ret

/* The window's code, by a call through a register and a call to its page */
visit:
    mov $3, %ecx
    mov $WINDOW, %edx
1:  call *%edx
    call WINDOW
    loop 1b
    ret

/* With interrupts off, until one waits; %ecx = 0 */
await_tick:
    mov $0x0a, %al
    out %al, $0x20
1:  in $0x20, %al
    test $1, %al
    jz 1b
    xor %ecx, %ecx
    ret

/* How far the code came */
tick:
    push %eax
    lea '0'(%ecx), %eax
    out %al, $0xe9
    mov $0x20, %al
    out %al, $0x20
    pop %eax
    iret
