"""The front door of `streamlit run Home.py`: the dashboard and the REST API as one application on one port."""

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Mount

from core.api.application import create_api
from core.api.desk_life import desk_life
from core.api.own_origin import OwnOrigin
from core.api.security_headers import SecurityHeaders

app = st.App(
    "core/ui/desk.py",
    routes=[Mount("/api", app=create_api())],
    lifespan=desk_life,
    middleware=[
        Middleware(SecurityHeaders),
        Middleware(OwnOrigin, allowed_hosts=st.get_option("server.allowedHosts")),
    ],
)
