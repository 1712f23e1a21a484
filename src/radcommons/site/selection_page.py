"""What the page and the command line show of selecting: what is owed, over all protocols that files came under."""

from __future__ import annotations

from radcommons.platform.policy import load_protocol
from radcommons.records.errors import RadcommonsError
from radcommons.records.protocol import FactValue
from radcommons.site.selection_quota import Owed, cases, owed
from radcommons.site.selection_settle import kept_protocols
from radcommons.site.store import Store


def owed_lines(store: Store) -> list[Owed]:
    """Return what the protocols want of each kind and what is here; the protocol of the settings counts unused too."""
    with store.read() as connection:
        protocols = kept_protocols(connection)
        try:
            own = load_protocol(store.settings.protocol)
            protocols.setdefault(own.digest, own)
        except RadcommonsError:
            pass  # its file is gone; what came under it is kept in words
        return [
            line
            for protocol in protocols.values()
            if protocol.quotas
            for site in store.settings.sites
            for line in owed(protocol, cases(connection, protocol, site=site))
        ]


_FACT_WORDS = {
    "slice_thickness_mm": "{} mm slices",
    "kernel": "{} kernel",
    "plane": "{}",
    "view": "view {}",
    "view_kind": "{} view",
    "modality": "{}",
    "sex": "sex {}",
}
_FLAG_WORDS = {
    "has_clinical_row": ("in the clinical table", "not in the clinical table"),
    "rt_pcr_positive": ("RT-PCR positive", "RT-PCR not positive"),
    "igm_positive": ("IgM positive", "IgM not positive"),
    "clinical_diagnosis": ("clinically diagnosed", "not clinically diagnosed"),
    "covid_suspected": ("COVID-19 suspected", "COVID-19 not suspected"),
    "covid_negative": ("tested negative", "no negative test alone"),
}


def words_of_fact(name: str, value: FactValue) -> str:
    """Return a fact as a person says it."""
    if name in _FLAG_WORDS:
        return _FLAG_WORDS[name][0 if value else 1]
    if name == "age_years" and isinstance(value, int | float):
        return f"{value:.0f} years"
    return _FACT_WORDS.get(name, name + " {}").format(f"{value:g}" if isinstance(value, float) else value)
