"""Find text in pixels with a detection network, so that a person can look before an image leaves.

The network (PP-OCR text detection, Apache-2.0) is read as a file out of the ``rapidocr`` wheel; that package itself and
its image stack are never imported. It says where text is, not what it says: nothing here reads a name. When it runs,
and what a box means, is told by `writing`.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

from radcommons.dicom.frames import Frame
from radcommons.records.errors import RadcommonsError

MODEL_PACKAGE = "rapidocr"
MODEL_FILE = "rapidocr/models/PP-OCRv6_det_small.onnx"

# The network was trained on sides that are multiples of 32; longer ones cost time with the square.
LONGEST_SIDE = 960
SHORTEST_LONG_SIDE = 320
_STRIDE = 32
_SMALLEST_FRAME = 12  # no line of letters fits into less

# Differentiable binarization (Liao et al., AAAI 2020): probability map -> shrunken text kernels -> boxes grown again.
_KERNEL_PROBABILITY = 0.3
_UNCLIP_RATIO = 1.6
_MIN_SIDE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TextBox:
    """A region that looks like text, in pixels of the frame; `score` is the network's mean probability in it."""

    x: int
    y: int
    width: int
    height: int
    score: float


class TextDetector:
    """A lazy session of the detection network, on one thread; safe to share between threads.

    Parameters
    ----------
    model : Path, optional
        Another detection network with the same input and output; by default the one in the ``rapidocr`` wheel.
    min_score : float
        Boxes whose mean probability is lower are dropped.
    """

    def __init__(self, *, model: Path | None = None, min_score: float = 0.4) -> None:
        self._model = model
        self._min_score = min_score
        self._session: Any = None
        self._lock = threading.Lock()

    def find_text(
        self, frame: Frame, *, longest_side: int = LONGEST_SIDE, shortest_side: int = SHORTEST_LONG_SIDE
    ) -> list[TextBox]:
        """Return where text is.

        Parameters
        ----------
        frame : ndarray, uint8, shape (rows, columns) or (rows, columns, 3)
            As to be shown; see `render.to_display`.
        longest_side : int
            A larger frame is made smaller for the network.
        shortest_side : int
            A frame whose longer side is shorter is made larger.

        Notes
        -----
        PHI: the frame stays in memory; nothing is logged. Cost: about 0.3 s for 512 x 512, 1 s for 960 x 960.
        """
        if min(frame.shape[:2]) < _SMALLEST_FRAME:
            return []
        rows, columns = frame.shape[:2]
        probability = self._probability(frame, longest_side, shortest_side)
        return boxes_of(probability, rows=rows, columns=columns, min_score=self._min_score)

    def _probability(self, frame: Frame, longest_side: int, shortest_side: int) -> Frame:
        picture = Image.fromarray(frame).convert("RGB")
        scale = min(1.0, longest_side / max(picture.size))
        scale = max(scale, shortest_side / max(picture.size))
        width, height = (max(round(side * scale / _STRIDE), 1) * _STRIDE for side in picture.size)
        if (width, height) != picture.size:
            picture = picture.resize((width, height), Image.Resampling.BILINEAR)
        tensor = np.asarray(picture, np.float32).transpose(2, 0, 1)[None] / np.float32(127.5) - np.float32(1)
        session = self._opened()
        found: Frame = session.run(None, {session.get_inputs()[0].name: tensor})[0]
        return np.asarray(found[0, 0])

    def _opened(self) -> Any:
        with self._lock:
            if self._session is None:
                self._session = open_network(self._model or shipped_model())
            return self._session


def open_network(path: Path) -> Any:
    """Return a session of a network, on one thread of the processor."""
    import onnxruntime  # 0.1 s and 60 MB that a command without pixels need not pay

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False  # it doubles as it grows: 2.5 GB of data for a film that takes 1 GB
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def shipped_model(name: str = MODEL_FILE) -> Path:
    """Return the path of a network inside the installed ``rapidocr`` wheel, by default the one that detects.

    Raises
    ------
    RadcommonsError
        If the package or its file is missing; then nobody can say that pixels were checked.
    """
    try:
        path = Path(str(distribution(MODEL_PACKAGE).locate_file(name)))
    except PackageNotFoundError:
        path = Path()
    if not path.is_file():
        raise RadcommonsError(
            "The network for text in pixels is not installed.",
            mend="Install rapidocr 3.10 (its wheel holds the network).",
        )
    return path


def boxes_of(probability: Frame, *, rows: int, columns: int, min_score: float) -> list[TextBox]:
    """Turn a probability map into boxes in pixels of a frame of `rows` x `columns`, from top to bottom."""
    labels, count = ndimage.label(probability > _KERNEL_PROBABILITY)
    if count == 0:
        return []
    regions = ndimage.find_objects(labels)
    scores = ndimage.mean(probability, labels, np.arange(1, count + 1))
    found = []
    for (down, across), score in zip(regions, scores, strict=True):
        height, width = down.stop - down.start, across.stop - across.start
        if score < min_score or min(height, width) < _MIN_SIDE:
            continue
        grown = _UNCLIP_RATIO * height * width / (2 * (height + width))
        found.append(
            _box(
                (across.start - grown, down.start - grown, across.stop + grown, down.stop + grown),
                scale=(columns / probability.shape[1], rows / probability.shape[0]),
                limits=(columns, rows),
                score=float(score),
            )
        )
    return sorted(found, key=lambda box: (box.y, box.x))


def _box(edges: Sequence[float], *, scale: tuple[float, float], limits: tuple[int, int], score: float) -> TextBox:
    left, top = max(int(edges[0] * scale[0]), 0), max(int(edges[1] * scale[1]), 0)
    right, bottom = min(int(edges[2] * scale[0] + 1), limits[0]), min(int(edges[3] * scale[1] + 1), limits[1])
    return TextBox(x=left, y=top, width=right - left, height=bottom - top, score=score)
