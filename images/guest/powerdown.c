// SPDX-License-Identifier: MIT
/* powerdown: turns the machine off at once.
 *
 * The kernels have no ACPI (it costs time at every boot), so the power management registers of
 * the board's PIIX4 are written directly; on another board the kernel halts or resets it.
 */
#include "guest.h"

#include <stdio.h>
#include <sys/io.h>
#include <sys/reboot.h>
#include <unistd.h>

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc
#define PIIX4_PM 0x71138086
#define PM_BASE 0x40
#define PM_CONTROL 4
#define SUSPEND_OFF 0x2000 /* SUS_EN, type 0: soft off */

static uint32_t read_config(unsigned int device, unsigned int function, unsigned int offset)
{
	outl(1u << 31 | device << 11 | function << 8 | offset, CONFIG_ADDRESS);
	return inl(CONFIG_DATA);
}

int main_powerdown(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (iopl(3)) {
		perror("powerdown: iopl");
		return 1;
	}
	for (unsigned int device = 0; device < 32; device++) {
		for (unsigned int function = 0; function < 8; function++) {
			if (read_config(device, function, 0) != PIIX4_PM)
				continue;
			outw(SUSPEND_OFF,
			     (read_config(device, function, PM_BASE) & 0xffc0) + PM_CONTROL);
		}
	}
	/* Not that board: with `-no-reboot`, or on hardware, this ends it too. */
	reboot(RB_AUTOBOOT);
	perror("powerdown: reboot");
	return 1;
}
