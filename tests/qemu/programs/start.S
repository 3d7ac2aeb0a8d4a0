/*
 * Start of a bare-metal guest: PVH entry, descriptor tables, FPU and SSE on
 *
 * SPDX-License-Identifier: MIT
 */
#include "guest.h"

    .section .note.pvh, "a", @note
    .long 4, 4, 18
    .asciz "Xen"
    .long _start

    .text
    .globl _start
_start:
    cli
    cld
    mov $STACK_TOP, %esp
    lgdt gdt_pointer
    ljmp $CODE, $1f
1:
    mov $DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov %eax, %fs
    mov %eax, %gs
    mov $0x3f, %al              /* PIC: mask all but IRQ 6 and 7, which nobody raises */
    or $0xff, %al
    out %al, $0x21
    out %al, $0xa1
    mov %cr4, %eax
    or $0x600, %eax             /* OSFXSR, OSXMMEXCPT */
    mov %eax, %cr4
    mov %cr0, %eax
    and $~0xc, %eax             /* no emulation, no task switch pending */
    or $2, %eax
    mov %eax, %cr0
    fninit
    lidt idt_pointer
    call main
    .globl finish
finish:
    mov $DONE, %al
    out %al, $0xf4
2:  hlt
    jmp 2b

    .section .tables, "aw"
    .balign 4096
    .globl gdt, idt
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff    /* CODE, accessed */
    .quad 0x00cf93000000ffff    /* DATA, accessed */
    .quad 0x00cffb000000ffff    /* USER_CODE, accessed */
    .quad 0x00cff3000000ffff    /* USER_DATA, accessed */
    .quad 0                     /* TASK, set by those who need one */
gdt_end:
gdt_pointer:
    .word gdt_end - gdt - 1
    .long gdt
    .balign 4096
idt:
    .skip 8 * 256
idt_pointer:
    .word 8 * 256 - 1
    .long idt
