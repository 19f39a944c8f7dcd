"""The folder uploader: sends images file by file to the upload route, of any number, without loss."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2 import component

from core.services.desk import Desk
from core.services.films import uploads
from core.ui.component_words import with_words
from core.ui.source_files import read_joined
from core.ui.uploader.words import uploader_words

_HERE = Path(__file__).parent
_render = component(
    "pneumodesk_uploader",
    html=read_joined(_HERE, ["uploader.html"]),
    css=read_joined(_HERE, ["uploader.css"]),
    js=read_joined(_HERE, ["../sentences.js", "words.js", "walking.js", "sending.js", "uploader.js"]),
)


@dataclass(frozen=True)
class UploadState:
    """An upload as the page sees it; `num_received` is counted on disk, the rest is what the browser says."""

    upload_id: str
    folder: Path
    num_received: int
    num_expected: int
    num_failed: int
    num_hidden: int
    is_finished: bool


def uploader(
    desk: Desk, *, key: str = "uploader", disabled: bool = False, on_change: Callable[[], None] | None = None
) -> UploadState:
    """Show the uploader and return what has arrived; the page runs again when a sending ends, not while it runs."""
    memory = _memory(key)
    upload_id = memory["upload_id"]
    summary = uploads.describe_upload(desk, upload_id)
    result = _render(
        key=key,
        data={
            "upload_id": upload_id,
            "token": uploads.upload_token(desk, upload_id),
            "address": f"/api/uploads/{upload_id}",
            "session": memory["session"],
            "has_resumed": memory["has_resumed"],
            "num_received": summary.num_files,
            "max_file_bytes": uploads.limit_bytes(desk, ""),
            "max_archive_bytes": uploads.limit_bytes(desk, ".zip"),
            "disabled": disabled,
            **with_words(uploader_words()),
        },
        on_outcome_change=on_change or _nothing,
        on_resume_change=lambda: _resume(desk, key),
    )
    outcome = result.outcome or {}
    is_ours = outcome.get("upload_id") == upload_id
    return UploadState(
        upload_id=upload_id,
        folder=summary.folder,
        num_received=summary.num_files,
        num_expected=int(outcome["num_expected"]) if is_ours else summary.num_files,
        num_failed=int(outcome["num_failed"]) if is_ours else 0,
        num_hidden=int(outcome["num_hidden"]) if is_ours else 0,
        is_finished=is_ours and not outcome["is_cancelled"],
    )


def close_upload(desk: Desk, state: UploadState, *, key: str = "uploader") -> Path:
    """Take no more files into an upload, give the page a new one, and return the folder for triage to read."""
    uploads.close_upload(desk, state.upload_id)
    _memory(key).update(upload_id=uploads.new_upload_id(), has_resumed=True)
    return state.folder


def _memory(key: str) -> dict[str, Any]:
    name = f"{key}.upload"
    if name not in st.session_state:
        st.session_state[name] = {
            "upload_id": uploads.new_upload_id(),
            "session": secrets.token_hex(8),
            "has_resumed": False,
        }
    return st.session_state[name]


def _resume(desk: Desk, key: str) -> None:
    """Continue the upload that this tab was filling before it was refreshed."""
    memory, asked = _memory(key), st.session_state[key].resume or {}
    memory["has_resumed"] = True
    upload_id, token = str(asked.get("upload_id", "")), str(asked.get("token", ""))
    if uploads.may_upload(desk, upload_id, token) and uploads.describe_upload(desk, upload_id).num_files:
        memory["upload_id"] = upload_id


def _nothing() -> None:
    """Streamlit hands a value back only if a callback is named for it."""
