/* The first program of the guests that klab is compared with: it says that the
 * kernel has come this far, and ends the guest. */
#include <sys/reboot.h>
#include <unistd.h>

int main(void)
{
	static const char line[] = "bench guest is up\n";

	if (write(STDOUT_FILENO, line, sizeof(line) - 1) < 0)
		return 1;
	/* A power-off needs ACPI; for a reboot QEMU ends. */
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}
