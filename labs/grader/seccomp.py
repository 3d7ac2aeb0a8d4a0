# SPDX-License-Identifier: MIT
"""A system call filter: no sockets, no leaving of the process group, no tracing.

It needs no privilege, so it works in containers in which namespaces cannot be made.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
RET_KILL_PROCESS = 0x80000000
RET_ALLOW = 0x7FFF0000
RET_ERRNO = 0x00050000
LD_WORD_ABSOLUTE, JUMP_EQUAL, JUMP_GREATER_EQUAL, RETURN = 0x20, 0x15, 0x35, 0x06
X32_CALLS = 0x40000000  # x86-64 takes calls of the x32 interface from here on

# AUDIT_ARCH and the numbers of: socket, setsid, setpgid, ptrace, process_vm_readv and _writev,
# io_uring_setup (which could open sockets), unshare, setns, mount, keyctl
ARCHITECTURES: dict[str, tuple[int, tuple[int, ...]]] = {
    "x86_64": (0xC000003E, (41, 112, 109, 101, 310, 311, 425, 272, 308, 165, 250)),
    "aarch64": (0xC00000B7, (198, 157, 154, 117, 270, 271, 425, 97, 268, 40, 219)),
}

_libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def is_supported() -> bool:
    """Whether the filter is known for this processor."""
    return platform.machine() in ARCHITECTURES


def assemble_filter(machine: str) -> bytes:
    """The BPF program for ``machine``: denied calls fail with EPERM, other interfaces kill."""
    architecture, denied = ARCHITECTURES[machine]
    steps = [
        (LD_WORD_ABSOLUTE, 0, 0, 4),
        (JUMP_EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, RET_KILL_PROCESS),
        (LD_WORD_ABSOLUTE, 0, 0, 0),
        (JUMP_GREATER_EQUAL, len(denied) + 1, 0, X32_CALLS),
    ]
    steps += [(JUMP_EQUAL, len(denied) - n, 0, call) for n, call in enumerate(denied)]
    steps += [(RETURN, 0, 0, RET_ALLOW), (RETURN, 0, 0, RET_ERRNO | errno.EPERM)]
    return b"".join(struct.pack("<HBBI", *step) for step in steps)


def install(program: bytes) -> None:
    """Put the filter on this process and all that it starts; OSError if the kernel refuses."""
    buffer = ctypes.create_string_buffer(program, len(program))
    header = _Program(len(program) // 8, ctypes.addressof(buffer))
    for call in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(header), 0, 0),
    ):
        if _libc.prctl(*call) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
