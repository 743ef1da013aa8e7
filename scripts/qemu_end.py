# SPDX-License-Identifier: MIT
"""
How a machine under QEMU ended, as an exit status: for scripts/run-qemu and tests/boot/qemu.py.

Schism ends in success by PSCI SYSTEM_OFF and in failure by SYSTEM_RESET (CONFIG_FAILURE_RESET), which ends
QEMU, too, because of -no-reboot. QEMU's own status is 0 for both; the SHUTDOWN event of QMP has the reason.
A guest can't forge it: its PSCI calls go to Schism, and QMP is no device of the machine.

QMP's other side is a socket pair whose one end QEMU inherits: nobody else can connect to it, and no file is
left behind. Nothing is lost however soon the machine ends, because QEMU starts it stopped (-S), and what
turns events on and then lets it run lies in the socket before QEMU is there to read it.
"""
import contextlib
import json
import socket
import threading

# By reason (QEMU's qapi/run-state.json, ShutdownCause). A user who leaves, by Ctrl-A X or in the monitor, has
# got what he wanted; a signal is what shells make of SIGTERM.
STATUS = {
    "guest-shutdown": 0, "guest-reset": 1, "guest-panic": 1,
    "host-ui": 0, "host-qmp-quit": 0, "host-qmp-system-reset": 0, "host-signal": 128 + 15,
}


def console(line):
    """What -nographic makes of the terminal unless the command line has it otherwise, or has any -mon."""
    serial, monitor = ({"-nodefaults", *options} & set(line) for options in (
        ("-serial",), ("-monitor", "-mon", "-qmp", "-qmp-pretty")))
    if "-nographic" not in line or monitor:
        return []
    return ["-monitor", "stdio"] if serial else ["-serial", "mon:stdio"]


class Watch:
    """
    Of one QEMU: its command line is to be watch.line, and it is to inherit watch.fd. Then started(), as soon as
    it runs, and status(), when it has ended. Who asks for -S on the command line will let the machine run.
    """

    def __init__(self, line):
        self.reason = None
        self.ours, self.theirs = socket.socketpair()
        self.fd = self.theirs.fileno()
        # Who has words of its own on what a reset does (-action reboot=) is obeyed.
        reboot = () if "-action" in line else ("-no-reboot",)
        self.line = [*line, *console(line), *reboot, "-S", "-chardev", f"socket,id=schism-qmp,fd={self.fd}",
                     "-mon", "chardev=schism-qmp,mode=control"]
        for command in ("qmp_capabilities", *(() if "-S" in line else ("cont",))):
            self.ours.sendall(json.dumps({"execute": command}).encode())
        # Read all the time: a full socket would keep the last event from being written.
        self.reader = threading.Thread(target=self._read, daemon=True)

    def started(self):
        """QEMU has inherited its end."""
        self.theirs.close()
        self.reader.start()

    def _read(self):
        # What was not read by a QEMU that ends at once resets the connection, behind what it wrote.
        with contextlib.suppress(ConnectionResetError):
            for line in self.ours.makefile("rb"):
                self._note(line)

    def _note(self, line):
        # Not the last line of a QEMU that was killed while it wrote.
        message = json.loads(line) if line.endswith(b"\n") else {}
        # The first one: with -no-shutdown QEMU stays until somebody leaves it.
        if message.get("event") == "SHUTDOWN" and self.reason is None:
            self.reason = message["data"].get("reason", "unknown")

    def status(self, qemu):
        """
        The exit status, now that QEMU has ended with status qemu, which counts unless it is 0. Without a
        reason, QEMU has not run a machine (-help); one that this table does not know is a failure.
        """
        # What was written is still read; an end of it that somebody else inherited does not keep us.
        self.ours.shutdown(socket.SHUT_RD)
        self.reader.join()
        self.ours.close()
        if qemu:
            return qemu
        return 0 if self.reason is None else STATUS.get(self.reason, 1)
