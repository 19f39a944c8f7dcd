"""How much the REST API takes on, and whom it answers; read once from the environment."""

from functools import lru_cache

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.services.models.lookup import ACTIVE
from core.settings import read_settings


class ApiSettings(BaseSettings):
    """The settings of the REST API; each field is read from `PNEUMODESK_API_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="PNEUMODESK_API_", frozen=True)

    model: str = Field(default=ACTIVE, description="The model that reads single images: `active` or any model's name.")
    keys_required: bool = Field(
        default=False, description="Whether programs on this very machine need a key too; all others always do."
    )
    requests_per_minute: int = Field(
        default=12_000,
        ge=1,
        le=10_000_000,
        description="Requests that one key, or one address without a key, may make a minute.",
    )
    max_waiting: int = Field(
        default=64, ge=1, le=10_000, description="Single images that may wait for the model at once."
    )
    max_bodies: int = Field(
        default=256, ge=1, le=100_000, description="Requests that may be sending their files at once."
    )
    max_batch_megabytes: int = Field(
        default=2_000, ge=1, le=1_000_000, description="Largest batch sent in one request, in MB."
    )
    max_batch_files: int = Field(
        default=1_000, ge=1, le=100_000, description="Most files of a batch sent in one request."
    )
    max_live_batches: int = Field(default=4, ge=1, le=1_000, description="Batches that may wait or be read at once.")
    silence_seconds: float = Field(
        default=20, gt=0, le=3_600, description="Longest pause while a request is being sent."
    )
    body_seconds: float = Field(
        default=600, gt=0, le=86_400, description="Longest time in which a request must have been sent."
    )
    answer_seconds: float = Field(default=60, gt=0, le=3_600, description="Longest wait for the model's answer.")


@lru_cache(maxsize=1)
def get_api_settings() -> ApiSettings:
    """Return the API's settings of this process; raises SettingsError naming the variable that is wrong."""
    return read_settings(ApiSettings)
