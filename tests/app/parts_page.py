"""The uploader on a page of its own, with what Python knows of it in words."""

import streamlit as st

from core.services.desk import open_desk
from core.services.films.images import Picture, picture_address
from core.ui.uploader.component import close_upload, uploader
from core.ui.viewer.component import viewer

st.set_page_config(layout="wide")
st.title("Parts")
desk = open_desk()
state = uploader(desk, disabled=st.toggle("Disabled"))
is_complete = state.is_finished and state.num_received > 0 and not state.num_failed
st.text(f"python: {state.num_received} of {state.num_expected}, failed {state.num_failed}, complete {is_complete}")
if st.button("Close"):
    st.session_state["closed"] = str(close_upload(desk, state))
    st.rerun()
st.text(f"closed: {st.session_state.get('closed')}")

films = sorted((desk.settings.home / "films").glob("*.jpg"))
if films:
    path = st.selectbox("Image", films, format_func=lambda path: path.name)
    viewer(desk, path, alt=f"Image {path.name}", heatmap=path.with_suffix(".png"))
    addresses = [picture_address(desk, Picture.THUMBNAIL, film) for film in films]
    st.dataframe({"film": addresses}, column_config={"film": st.column_config.ImageColumn()}, row_height=96)
