/*
 * A user-space program without a library for recorded traces: sort, list walk,
 * matrix product, hash table, byte copy.  No access spans two cache lines: data
 * are naturally aligned and no instruction crosses a bundle of 32 bytes.
 *
 * SPDX-License-Identifier: MIT
 */
__asm__(".bundle_align_mode 5");

#define COUNT 3000
#define NODES 2048
#define EDGE 24
#define SLOTS 4096

struct node {
    struct node *next;
    long value, pad[4];
};

static int numbers[COUNT];
static struct node nodes[NODES];
static int left[EDGE][EDGE], right[EDGE][EDGE], product[EDGE][EDGE];
static unsigned slots[SLOTS];
static unsigned char from[8192], to[8192];
static unsigned state = 1;
long stack[4096] __attribute__((used));

static unsigned draw(void)
{
    return state = state * 1664525u + 1013904223u;
}

static void sort(int *a, int count)
{
    int pivot = a[count / 2], low = 0, high = count - 1;

    if (count < 2) {
        return;
    }
    while (low <= high) {
        while (a[low] < pivot) {
            low++;
        }
        while (a[high] > pivot) {
            high--;
        }
        if (low <= high) {
            int kept = a[low];

            a[low++] = a[high];
            a[high--] = kept;
        }
    }
    sort(a, high + 1);
    sort(a + low, count - low);
}

static long walk(void)
{
    struct node *at = nodes;
    long sum = 0;

    for (unsigned i = 0; i < NODES; i++) {
        nodes[i].next = &nodes[(i * 1021u + 7) % NODES];
    }
    for (unsigned i = 0; i < 4 * NODES; i++) {
        sum += at->value++;
        at = at->next;
    }
    return sum;
}

static void multiply(void)
{
    for (int i = 0; i < EDGE; i++) {
        for (int j = 0; j < EDGE; j++) {
            for (int k = 0; k < EDGE; k++) {
                product[i][j] += left[i][k] * right[k][j];
            }
        }
    }
}

static void count_in_hash(void)
{
    for (int i = 0; i < 2 * COUNT; i++) {
        slots[(draw() >> 11) % SLOTS]++;
    }
}

static void copy(void)
{
    for (unsigned i = 0; i < sizeof(from); i++) {
        to[i] = from[sizeof(from) - 1 - i];
    }
}

__attribute__((used, noreturn)) void run_all(void)
{
    for (int i = 0; i < COUNT; i++) {
        numbers[i] = draw();
    }
    sort(numbers, COUNT);
    walk();
    multiply();
    count_in_hash();
    copy();
    for (;;) {
        __asm__ volatile("syscall" : : "a"(60), "D"(0));
    }
}

/* A stack of its own: the kernel's lies where the environment puts it */
__asm__(".globl _start\n_start: lea stack+8*4096(%rip), %rsp\n call run_all\n");
