"""The words that radiographers put into pictures and that name nobody: sides, views, positions, exposures, scales."""

from __future__ import annotations

import re
import unicodedata

# Sides: English, German (rechts, links), French (droite, gauche), Italian and Spanish (destra, sinistra; derecha,
# izquierda), Portuguese (direita, esquerda), Dutch, Polish, Russian, Chinese, Japanese, Korean.
_SIDES = """
l r lt rt left right re li rechts links dx sx d g dr ga droite gauche droit destra destro sinistra sinistro
der izq derecha derecho izquierda izquierdo dir esq direita direito esquerda esquerdo prawa lewa prawy lewy
п л пр лв прав лев правый левый 右 左 우 좌
"""
_VIEWS = """
ap pa a-p p-a a.p p.a lat ll rl lateral latl obl oblique rao lao rpo lpo axial cc mlo ml lm xccl decub decubitus
dorsal ventral chest thorax cxr cr dx kub abd abdomen pelvis spine torax thx lunge lung lungs poumon pulmon polmone
grid bucky nogrid seitlich profil face perfil proiezione прямая боковая 正位 側位 侧位
"""
_POSITIONS = """
supine erect upright prone semi-erect semierect semi-upright semiupright sitting seated standing recumbent lying
portable port mobile bedside insp exp inspiration expiration insp. exp. full expiratory inspiratory
stehend liegend sitzend bett inspir exspir exspiration aufnahme mobil
debout couche couché assis lit supino prono ortostatismo bipe bipedestacion bipedestación sentado seduto seduta portatil
portátil portatile decubito decúbito piedi clinostatismo ortostasi stojaca leżąca staand liggend zittend
стоя лежа сидя 立位 臥位 座位 卧位 坐位
"""
_WORDS = frozenset(unicodedata.normalize("NFC", word) for text in (_SIDES, _VIEWS, _POSITIONS) for word in text.split())

# "75kV", "2.5 mAs", "10 cm": a number with its unit.
_UNIT = r"(?:kvp?|mas|ma|ms|cm|mm|sec|s|hz|mhz|khz|db|fps|mgy|%|°)"
_MEASURE = re.compile(
    rf"(?:kvp?|mas)?\d{{1,4}}(?:[.,]\d{{1,3}})?{_UNIT}|(?:kvp?|mas|ma|ms)[:=]?\d{{1,3}}(?:[.,]\d{{1,3}})?"
)
_APART = re.compile(rf"(\d) +({_UNIT})\b")


def is_marker(text: str) -> bool:
    """Tell whether all that a line says is markers.

    Parameters
    ----------
    text : str
        Case, brackets and points at the ends of words do not count.

    Notes
    -----
    Initials of a technologist are no marker, and numbers are none without their unit: they may be of a date or an id.
    """
    words = _APART.sub(r"\1\2", unicodedata.normalize("NFKC", text).casefold()).split()
    bare = [word.strip("()[]{}<>.,:;-_|/\\'\"*·•=+") for word in words]
    told = [word for word in bare if word]
    return bool(told) and all(word in _WORDS or bool(_MEASURE.fullmatch(word)) for word in told)
