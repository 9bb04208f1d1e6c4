"""A few bytes of x86-64 machine code, called like any other function.

No compiler is needed, and none can spoil what is measured by clever rearrangement.
"""

from __future__ import annotations

import ctypes
import mmap
import platform
import sys
from dataclasses import dataclass

# What a function is given comes in other registers on Windows. Both of these leave
# the first argument in rax and the second in rdx.
TAKE_TWO = (
    bytes.fromhex("48 89 c8")  # mov rax, rcx
    if sys.platform == "win32"
    else bytes.fromhex("48 89 f8 48 89 f2")  # mov rax, rdi; mov rdx, rsi
)
RETURN = b"\xc3"


def is_x86_64() -> bool:
    """Tell whether this machine, and this Python, run x86-64 code."""
    named = platform.machine().lower() in ("x86_64", "amd64")
    return named and ctypes.sizeof(ctypes.c_void_p) == 8


class MachineCode:
    """Code at an address, as a function of two whole numbers or addresses.

    Calling it releases Python's lock, so threads run it side by side.

    Parameters
    ----------
    code : bytes
        It begins with `TAKE_TWO` and ends with `RETURN`.

    Raises
    ------
    OSError
        If the system lets no program make code.
    """

    def __init__(self, code: bytes) -> None:
        self._address, self._memory = _executable(code)
        types = (ctypes.c_uint64, ctypes.c_void_p)
        self._call = ctypes.CFUNCTYPE(ctypes.c_uint64, *types)(self._address)

    def __call__(self, number: int, address: int) -> int:
        """Run it; return what it leaves in rax."""
        returned: int = self._call(number, address)
        return returned


def _executable(code: bytes) -> tuple[int, object]:
    """Return the address of a copy that can be run, and what keeps it alive."""
    if sys.platform == "win32":
        allocate = ctypes.WinDLL("kernel32", use_last_error=True).VirtualAlloc
        allocate.restype = ctypes.c_void_p
        allocate.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_uint32] * 2)
        commit_and_reserve, read_write_run = 0x3000, 0x40
        place = allocate(None, len(code), commit_and_reserve, read_write_run)
        if not place:
            raise ctypes.WinError(ctypes.get_last_error())
        ctypes.memmove(place, code, len(code))
        return int(place), None  # a page, kept for the life of the process
    access = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
    memory = mmap.mmap(-1, len(code), prot=access)
    memory.write(code)
    return ctypes.addressof(ctypes.c_char.from_buffer(memory)), memory


@dataclass(frozen=True, slots=True)
class Instructions:
    """Which vector instructions the processor has and the system lets programs use."""

    avx2_fma: bool
    avx512: bool


def instructions() -> Instructions:
    """Ask the processor.

    Raises
    ------
    OSError
        If the system lets no program make code.
    """
    _, _, features, _ = _cpuid(1)
    if not features >> 27 & 1:  # the system does not say which registers it keeps
        return Instructions(False, False)
    kept = MachineCode(TAKE_TWO + _XGETBV + RETURN)(0, 0)
    _, extended, _, _ = _cpuid(7)
    avx2_fma = features >> 12 & 1 and extended >> 5 & 1 and kept & 0x6 == 0x6
    avx512 = extended >> 16 & 1 and kept & 0xE6 == 0xE6
    return Instructions(bool(avx2_fma), bool(avx512))


def _cpuid(leaf: int) -> tuple[int, ...]:
    registers = (ctypes.c_uint32 * 4)()
    MachineCode(TAKE_TWO + _CPUID + RETURN)(leaf, ctypes.addressof(registers))
    return tuple(registers)


_CPUID = bytes.fromhex(
    "53"  # push rbx
    "49 89 d0"  # mov r8, rdx
    "31 c9"  # xor ecx, ecx
    "0f a2"  # cpuid
    "41 89 00"  # mov [r8], eax
    "41 89 58 04"  # mov [r8 + 4], ebx
    "41 89 48 08"  # mov [r8 + 8], ecx
    "41 89 50 0c"  # mov [r8 + 12], edx
    "5b"  # pop rbx
)
_XGETBV = bytes.fromhex(
    "31 c9"  # xor ecx, ecx
    "0f 01 d0"  # xgetbv
    "48 c1 e2 20"  # shl rdx, 32
    "48 09 d0"  # or rax, rdx
)
