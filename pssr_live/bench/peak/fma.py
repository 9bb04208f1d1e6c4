"""A loop of fused multiply-adds that do not wait for each other.

Each round of the loop does `x_i += y * y` once in every one of the accumulators
`x_i`, all of them vectors of float32. There are enough of them that each is finished
before its next turn on every processor sold: what is timed is the arithmetic units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pssr_live.bench.peak.machine_code import (
    RETURN,
    TAKE_TWO,
    MachineCode,
    instructions,
    is_x86_64,
)

_RDX, _RSP = 2, 4
_LOAD, _STORE = 0x10, 0x11  # vmovups
_FMA = 0xB8  # vfmadd231ps
_SAVED = range(6, 13)  # what a function on Windows must leave as it found it


@dataclass(frozen=True, slots=True)
class Vectors:
    """A kind of vector registers, and which of them are used.

    Attributes
    ----------
    lanes : int
        Values of float32 in one register.
    accumulators : range
        Numbers of the registers that are added to.
    factor : int
        Number of the register that holds `y`.
    """

    name: str
    lanes: int
    accumulators: range
    factor: int

    @property
    def size(self) -> int:
        """Bytes of a register."""
        return 4 * self.lanes

    @property
    def flop_per_round(self) -> int:
        """Operations in one round of the loop, two a multiply-add."""
        return 2 * self.lanes * len(self.accumulators)


AVX2 = Vectors("AVX2 + FMA", 8, range(12), 12)
AVX512 = Vectors("AVX-512", 16, range(16, 32), 0)


def best_vectors() -> Vectors | None:
    """Return the widest vectors that this machine computes with, if it has any.

    Raises
    ------
    OSError
        If the system lets no program make code.
    """
    if not is_x86_64():
        return None
    has = instructions()
    if has.avx512:
        return AVX512
    return AVX2 if has.avx2_fma else None


class FmaLoop:
    """The loop, ready to be run by any number of threads at once.

    Raises
    ------
    OSError
        If the system lets no program make code.
    """

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = vectors
        self._code = MachineCode(assembled(vectors))

    def __call__(self, rounds: int, registers: npt.NDArray[np.float32]) -> None:
        """Run it.

        Parameters
        ----------
        rounds : int
            At least 1.
        registers : ndarray, (accumulators + 1, lanes)
            The accumulators, which are replaced, then the factor `y`.
        """
        wanted = (len(self.vectors.accumulators) + 1, self.vectors.lanes)
        if registers.shape != wanted or not registers.flags.c_contiguous or rounds < 1:
            raise ValueError(f"{rounds} rounds over {registers.shape}, not {wanted}")
        self._code(rounds, registers.ctypes.data)

    def registers(self, factor: float = 1.0) -> npt.NDArray[np.float32]:
        """Return registers to run on: zeros, and `factor`."""
        rows = len(self.vectors.accumulators)
        made = np.zeros((rows + 1, self.vectors.lanes), np.float32)
        made[-1] = factor
        return made


def assembled(vectors: Vectors) -> bytes:
    """Return the machine code of the loop: (rounds, address of the registers)."""
    wide = vectors is AVX512
    size, used = vectors.size, vectors.accumulators
    code = TAKE_TWO
    if not wide:  # the wide registers used are nobody's
        code += bytes.fromhex("48 81 ec") + _int32(size * len(_SAVED))  # sub rsp
        code += b"".join(_move(_STORE, wide, *each) for each in _on_stack(size))
    places = [(number, _RDX, size * n) for n, number in enumerate(used)]
    for each in (*places, (vectors.factor, _RDX, size * len(used))):
        code += _move(_LOAD, wide, *each)
    body = b"".join(_multiply_add(wide, number, vectors.factor) for number in used)
    body += bytes.fromhex("48 83 e8 01")  # sub rax, 1
    code += body + bytes.fromhex("0f 85") + _int32(-len(body) - 6)  # jnz to its start
    code += b"".join(_move(_STORE, wide, *place) for place in places)
    if not wide:
        code += b"".join(_move(_LOAD, wide, *each) for each in _on_stack(size))
        code += bytes.fromhex("48 81 c4") + _int32(size * len(_SAVED))  # add rsp
    return code + bytes.fromhex("c5 f8 77") + RETURN  # vzeroupper


def _on_stack(size: int) -> list[tuple[int, int, int]]:
    return [(number, _RSP, size * n) for n, number in enumerate(_SAVED)]


def _move(opcode: int, wide: bool, register: int, base: int, offset: int) -> bytes:
    """Return vmovups between a register and [base + offset]."""
    modrm = bytes([0b10 << 6 | (register & 7) << 3 | base])
    sib = b"\x24" if base == _RSP else b""
    return (
        _prefix(wide, 1, 0, register) + bytes([opcode]) + modrm + sib + _int32(offset)
    )


def _multiply_add(wide: bool, accumulator: int, factor: int) -> bytes:
    """Return accumulator += factor * factor."""
    modrm = bytes([0b11 << 6 | (accumulator & 7) << 3 | factor & 7])
    prefix = _prefix(wide, 2, 1, accumulator, factor, factor)
    return prefix + bytes([_FMA]) + modrm


def _prefix(
    wide: bool, opcodes: int, kind: int, register: int, second: int = 0, third: int = 0
) -> bytes:
    """Return an EVEX or VEX prefix: the high bits of register numbers, inverted."""
    high = (~register >> 3 & 1) << 7 | 1 << 6 | (~third >> 3 & 1) << 5
    low_of_second = (~second & 15) << 3
    if not wide:
        return bytes([0xC4, high | opcodes, low_of_second | 1 << 2 | kind])
    return bytes(
        [
            0x62,
            high | (~register >> 4 & 1) << 4 | opcodes,
            low_of_second | 1 << 2 | kind,
            0b10 << 5 | (~second >> 4 & 1) << 3,
        ]
    )


def _int32(value: int) -> bytes:
    return value.to_bytes(4, "little", signed=True)
