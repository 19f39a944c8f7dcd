"""The real routes with a page that shows the uploader and the viewer alone; run by the browser tests."""

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Mount

from core.api.application import create_api
from core.api.prompt_answers import answer_at_once
from core.api.security_headers import SecurityHeaders

app = st.App(
    "parts_page.py",
    routes=[Mount("/api", app=create_api())],
    lifespan=answer_at_once,
    middleware=[Middleware(SecurityHeaders)],
)
