/*
 * What bare-metal guests agree on
 *
 * SPDX-License-Identifier: MIT
 */
#define CODE 0x08
#define DATA 0x10
#define USER_CODE 0x1b
#define USER_DATA 0x23
#define TASK 0x28

/* Memory that a guest may use as it likes: zero at start, 16 MB */
#define ARENA 0x1000000
#define STACK_TOP 0xf00000

#define DONE 0x21

/* Marks need EAX; MARK changes nothing else */
#define MARK(command) mov $command, %eax; xchg %bx, %bx
#define START MARK(1)
#define STOP MARK(2)
