"""The routes under /v1, one file for each kind of thing."""

from core.api.v1 import predictions

routers = (predictions.router,)
