"""The values of a calibration, and the TOML file that holds them.

A value is a `Measured` or is absent; an absent one is named in `not_identifiable`
with the reason. Lengths are in pixels of the repeated frames, or of the high-density
scan for a pair. Directions: y down, x to the right along the fast axis.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pssr_live.errors import SettingsError, StorageError
from pssr_live.storage.disk import disk_errors
from pssr_live.trust import Noises, ScanNoise


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Measured(_Strict):
    """A value with its uncertainty, one standard deviation in the same unit."""

    value: float
    uncertainty: float = Field(ge=0)


class Source(_Strict):
    """The pictures behind a calibration."""

    kind: Literal["repeats", "pair"]
    files: tuple[str, ...]
    frames: int = Field(ge=1)
    shape_px: tuple[int, int]
    pixel_size_um: float | None = Field(default=None, gt=0)
    scale: int = Field(default=1, ge=1, description="High-density over low-density.")


class Calibration(_Strict):
    """An instrument, as far as its pictures tell.

    From repeats: gain, offset, read noise and line jitter of one frame, over how many
    pixels of a line the noise is shared (`noise_width_px`), the grey level of what is
    bright in the field (`bright_adu`, that which 2 pixels in 1000 exceed) and the noise
    of one pixel there, and the PSF.
    From a pair: where the low scan lies on the high one (`shift`), the Gaussian blur
    that it has beyond it (`blur`), and its grey levels as
    `gain_ratio * high + offset_difference_adu`.
    """

    source: Source
    gain_adu_per_photon: Measured | None = None
    offset_adu: Measured | None = None
    read_noise_adu: Measured | None = None
    bright_adu: Measured | None = None
    noise_at_bright_adu: Measured | None = None
    line_jitter_px: Measured | None = None
    noise_width_px: Measured | None = None
    psf_sigma_px: Measured | None = None
    psf_sigma_um: Measured | None = None
    shift_y_px: Measured | None = None
    shift_x_px: Measured | None = None
    blur_y_px: Measured | None = None
    blur_x_px: Measured | None = None
    gain_ratio: Measured | None = None
    offset_difference_adu: Measured | None = None
    correlation: float | None = Field(default=None, ge=-1, le=1)
    misfit: float | None = Field(
        default=None,
        ge=0,
        description="Mean squared residual over its expectation: 1 if the model holds.",
    )
    not_identifiable: dict[str, str] = {}
    notes: tuple[str, ...] = ()

    @property
    def photons(self) -> float | None:
        """Photons (or electrons) in a bright pixel; None where that is not known."""
        gain, offset, bright = (
            self.gain_adu_per_photon,
            self.offset_adu,
            self.bright_adu,
        )
        if gain is None or offset is None or bright is None:
            return None
        return (bright.value - offset.value) / gain.value

    def scan_noise(self, source: str) -> ScanNoise:
        """Return what noise a scan has at each grey level.

        Parameters
        ----------
        source : str
            What to call this calibration.

        Raises
        ------
        SettingsError
            If it does not tell: it is that of a pair, or of an earlier version; or
            what it tells cannot be.
        """
        gain, bright, noise = (
            self.gain_adu_per_photon,
            self.bright_adu,
            self.noise_at_bright_adu,
        )
        if gain is None or bright is None or noise is None:
            raise SettingsError(
                f"The calibration {source} does not tell the noise of a scan: give one "
                "that `pssr-live calibrate --repeats` wrote, of this version."
            )
        dark = self.offset_adu
        if dark is not None and dark.value >= bright.value:
            raise SettingsError(
                f"The calibration {source} has bright_adu = {bright.value:g}, which is "
                f"not above offset_adu = {dark.value:g}: run `pssr-live calibrate "
                "--repeats` again."
            )
        jitter, width = self.line_jitter_px, self.noise_width_px
        return ScanNoise(
            gain_adu_per_photon=gain.value,
            bright_adu=bright.value,
            noise_at_bright_adu=noise.value,
            line_jitter_px=0.0 if jitter is None else jitter.value,
            noise_width_px=0.0 if width is None else width.value,
            pixel_size_um=self.source.pixel_size_um,
            source=source,
        )

    def noted(self, more: tuple[str, ...]) -> Self:
        """Return it with more notes."""
        return self.model_copy(update={"notes": self.notes + more})

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a `calibration.toml`.

        Raises
        ------
        StorageError
            If it cannot be read or is no calibration.
        """
        try:
            return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise StorageError(
                f"The calibration {path} cannot be read ({error.strerror}): name the "
                "calibration.toml that `pssr-live calibrate` wrote."
            ) from error
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise StorageError(
                f"{path} is no calibration, see {place!r} ({first['msg'].lower()}): "
                "run `pssr-live calibrate` again."
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise StorageError(
                f"{path} is not valid TOML ({error}): run `pssr-live calibrate` again."
            ) from error

    def write(self, path: Path) -> None:
        """Write it as TOML.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        with disk_errors("The calibration", path):
            path.write_text(self.as_toml(), encoding="utf-8")

    def as_toml(self) -> str:
        """Return the text of `calibration.toml`; absent values are left out."""
        plain, tables = [], []
        for name, value in self.model_dump(mode="json", exclude_none=True).items():
            if isinstance(value, dict):
                lines = [f"{key} = {_toml(part)}" for key, part in value.items()]
                tables.append("\n".join([f"[{name}]", *lines]))
            else:
                plain.append(f"{name} = {_toml(value)}")
        return "\n\n".join(["\n".join(plain), *tables]) + "\n"


CalibrationFiles = str | Path | Mapping[str, str | Path] | None


def read_scan_noise(calibration: CalibrationFiles) -> Noises:
    """Return what noise the scans of a calibrated microscope have, by channel.

    Parameters
    ----------
    calibration : str, Path or mapping of str to either, or None
        A `calibration.toml` of all channels, or one for each, by channel name; None
        and an empty mapping are none.

    Raises
    ------
    StorageError
        If one cannot be read or is no calibration.
    SettingsError
        If it does not tell the noise.
    """
    if calibration is None:
        return {}
    files = {"": calibration} if isinstance(calibration, str | Path) else calibration
    return {
        channel: Calibration.read(Path(file)).scan_noise(str(file))
        for channel, file in files.items()
    }


def _toml(value: object) -> str:
    # JSON writes strings, whole numbers and lists as TOML does. Its exponents lack
    # nothing either; only DEL has to be escaped in TOML and not in JSON.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
