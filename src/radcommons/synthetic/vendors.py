"""The habits of scanner vendors that a receiver meets: names of versions, kernels, stored types, private groups.

The names of manufacturers and private creators are the real ones, because a de-identifier must know them; models,
versions and contents are invented in their style.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Private:
    """One private block: its group, its creator, and (offset, VR, what to write).

    The text may name `{name}`, `{id}`, `{birth}`, `{accession}`, `{site}`; that is what private groups do in practice.
    """

    group: int
    creator: str
    elements: tuple[tuple[int, str, str], ...]


@dataclass(frozen=True, slots=True)
class Vendor:
    """One maker's way of writing an object.

    Parameters
    ----------
    signed : bool
        Pixel Representation of its CT images.
    intercept : int
        Rescale Intercept of its CT images.
    padding : int or None
        Pixel Padding Value outside the reconstructed circle.
    """

    manufacturer: str
    model: str
    software: str
    station: str
    private: tuple[Private, ...] = ()
    kernels: tuple[str, str] = ("STANDARD", "LUNG")
    kvp: str = "120"
    signed: bool = False
    intercept: int = -1024
    padding: int | None = None
    bits: int = 12
    charset_free_text: str = ""


VENDORS: dict[str, Vendor] = {
    "siemens": Vendor(
        "SIEMENS",
        "SOMATOM Mistral",
        "syngo CT VB20A",
        "CTAWP{:05d}",
        (
            Private(0x0029, "SIEMENS CSA HEADER", ((0x08, "CS", "SOM 5"), (0x10, "OB", "SV10 {name} {id}"))),
            Private(0x0019, "SIEMENS CT VA1  COAD", ((0x90, "DS", "0.5"), (0xB0, "LO", "{name}"))),
            Private(0x0021, "SIEMENS MED", ((0x5A, "LO", "{accession}"), (0x11, "DS", "130.5"))),
        ),
        ("B31f", "B70f"),
        "120",
    ),
    "ge": Vendor(
        "GE MEDICAL SYSTEMS",
        "Revolution Zephyr",
        "revo_ct_21a.13",
        "ct{:02d}oc0",
        (
            Private(0x0009, "GEMS_IDEN_01", ((0x01, "LO", "CT_LIGHTSPEED {id}"), (0xE3, "UI", "1.2.840.113619.1.3.9"))),
            Private(0x0011, "GEMS_PATI_01", ((0x10, "SS", "0"),)),
            Private(0x0019, "GEMS_ACQU_01", ((0x02, "SL", "912"), (0x24, "DS", "55.000000"))),
            Private(0x0045, "GEMS_HELIOS_01", ((0x3A, "LO", "{station}"),)),
        ),
        ("STANDARD", "LUNG"),
        "120",
        signed=True,
        padding=-2000,
        bits=16,
    ),
    "philips": Vendor(
        "Philips",
        "iCT Aeolus",
        "4.1.7",
        "HOST-{:05d}",
        (
            Private(0x01F1, "ELSCINT1", ((0x01, "CS", "OUT"), (0x26, "DS", "0.4"))),
            Private(0x00E1, "ELSCINT1", ((0x21, "DS", "512"), (0x37, "DS", "1"), (0x40, "SH", "{id}"))),
        ),
        ("B", "YA"),
        "120",
    ),
    "canon": Vendor(
        "Canon Medical Systems",
        "Aquilion Boreas",
        "V10.6SP0003",
        "ID_STATION{:02d}",
        (
            Private(
                0x7005,
                "TOSHIBA_MEC_CT3",
                ((0x00, "OB", "{name} {birth}"), (0x1D, "UL", "47"), (0xF2, "SH", "{id}"), (0x40, "FD", "512.3")),
            ),
        ),
        ("FC08", "FC52"),
        "120",
        signed=True,
        intercept=0,
        bits=16,
    ),
    "fujifilm": Vendor(
        "FUJIFILM Corporation",
        "DR-ID 9500CL",
        "V12.1",
        "FUJI{:03d}",
        (Private(0x0019, "FDMS 1.0", ((0xF1, "SH", "{id}"), (0x90, "IS", "4"))),),
    ),
    "agfa": Vendor(
        "Agfa",
        "CR 95-X Cirrus",
        "NIM2.1.109",
        "ADC{:04d}",
        (Private(0x0019, "Agfa ADC NX", ((0x05, "ST", "{name}"), (0xE0, "CS", "V00"))),),
    ),
}
