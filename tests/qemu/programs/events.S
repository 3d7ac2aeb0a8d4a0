/*
 * What devices and interrupts cost: before the region of interest, in it and
 * after it, the time of eight events of each kind, in ns by the time stamp
 * counter: reads and writes of a device's memory, of a port, software
 * interrupts with their return.  Between two readings of the clock there are
 * the eight instructions, of an interrupt sixteen, and two more.
 *
 * SPDX-License-Identifier: MIT
 */
#include "guest.h"
#define DEVICE 0xfe000000       /* nothing answers there */
#define GATE (idt + 8 * 0x30)
#define LOG ARENA

    .macro time instruction:vararg
    rdtsc
    mov %eax, %esi
    .rept 8
    \instruction
    .endr
    rdtsc
    sub %esi, %eax
    mov %eax, (%edi)
    add $4, %edi
    .endm

    .text
    .globl main
main:
    mov $handler, %eax
    mov %ax, GATE
    movw $CODE, GATE + 2
    shr $16, %eax
    mov %ax, GATE + 6
    movw $0x8f00, GATE + 4
    mov $LOG, %edi
    call events
    START
    call events
    STOP
    call events
    mov $LOG, %esi
    mov %edi, %ecx
    sub %esi, %ecx
    mov $0xe9, %dx
    rep outsb
    ret

events:
    time mov DEVICE, %ecx
    time mov %ecx, DEVICE
    time in $0x21, %al
    time out %al, $0x80
    time int $0x30
    ret

handler:
    iret
