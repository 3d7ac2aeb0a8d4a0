/*
 * Data whose mapping changes: INVLPG of any part of a large page is one of all of it
 *
 * SPDX-License-Identifier: MIT
 */
#include "guest.h"
#define DIRECTORY (ARENA + 0x800000)
#define TABLE (ARENA + 0x801000)
#define FIRST (ARENA + 0x0)
#define SECOND (ARENA + 0x400000)
#define LARGE 0x80000000        /* one page of 4 MiB */
#define SMALL 0x80400000        /* one of 4 KiB in the next 4 MiB */
#define PRINT(address) mov address, %al; out %al, $0xe9

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
    movl $FIRST + 0x83, DIRECTORY + 4 * (LARGE >> 22)
    movl $TABLE + 3, DIRECTORY + 4 * (SMALL >> 22)
    movl $FIRST + 3, TABLE
    movb $'A', FIRST
    movb $'a', FIRST + 0x5000
    movb $'B', SECOND
    movb $'b', SECOND + 0x5000
    mov %cr4, %eax
    or $0x10, %eax              /* large pages */
    mov %eax, %cr4
    mov $DIRECTORY, %eax
    mov %eax, %cr3
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0

    call print
    movl $SECOND + 0x83, DIRECTORY + 4 * (LARGE >> 22)
    invlpg LARGE + 0x3ff000     /* a part that nobody has touched */
    call print
    movl $SECOND + 3, TABLE
    invlpg SMALL
    call print
    movl $FIRST + 0x83, DIRECTORY + 4 * (LARGE >> 22)
    movl $FIRST + 3, TABLE
    mov %cr3, %eax
    mov %eax, %cr3
    call print
    ret

print:
    PRINT(LARGE)
    PRINT(LARGE + 0x5000)
    PRINT(SMALL)
    ret
