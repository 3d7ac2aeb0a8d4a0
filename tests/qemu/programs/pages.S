/*
 * Data and code in pages that a CR3 load or INVLPG drops from the TLBs
 *
 * SPDX-License-Identifier: MIT
 */
#include "guest.h"
#define DIRECTORY 0x300000
#define NOTE mov %ebp, %ecx; inc %ebp; MARK(3)
/* Two pages below and two above the boundary of the kernel's mapping */
#define TOUCH \
    mov ARENA, %ecx; mov ARENA + 0x1000, %ecx; \
    mov ARENA + 0x400000, %ecx; mov ARENA + 0x401000, %ecx

    .text
    .globl main
main:
    mov $DIRECTORY, %edi        /* every 4 MiB at its own address */
    mov $0x83, %eax
1:  mov %eax, (%edi)
    add $4, %edi
    add $0x400000, %eax
    jnc 1b
    mov %cr4, %eax
    or $0x10, %eax              /* large pages */
    mov %eax, %cr4
    mov $DIRECTORY, %eax
    mov %eax, %cr3
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    xor %ebp, %ebp
    START
    jmp region
    .balign 4096                /* all of the region's code in one page */
region:
    NOTE
    TOUCH                       /* 0: all are new */
    NOTE
    TOUCH                       /* 1: all are known */
    NOTE
    mov %cr3, %eax              /* 2: what lies below is gone */
    mov %eax, %cr3
    TOUCH
    NOTE
    invlpg ARENA                /* 3: one page below is gone */
    TOUCH
    NOTE
    invlpg ARENA + 0x400000     /* 4: one page above is gone */
    TOUCH
    NOTE
    invlpg region               /* 5: the code's page is gone */
    jmp 2f
    .balign 256
2:  TOUCH
    NOTE
    STOP
    ret
