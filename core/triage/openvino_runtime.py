"""OpenVINO without its telemetry, which asks a foreign host and writes to the home folder at the first import."""

import sys

# Where its telemetry cannot be imported, OpenVINO takes a stand-in that does nothing.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino as ov  # noqa: E402

__all__ = ["ov"]
