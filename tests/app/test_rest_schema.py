"""The whole REST schema, tried with requests that a machine makes up: right ones, wrong ones, unauthorised ones."""

from collections.abc import Iterator

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.openapi.loaders import from_asgi, from_dict
from schemathesis.specs.openapi.checks import positive_data_acceptance

from core.api.application import create_api
from core.api.settings import ApiSettings
from core.radiograph.phantom import synthesise_phantom
from core.services.desk import Desk, open_desk
from core.services.desk.api_keys import Scope, make_key
from core.services.worklist.verdicts import Verdict, give_verdict
from core.settings import get_settings
from tests.app.api_server import ServedApi
from tests.hostile_files import encoded
from tests.small_desk import add_batch, uploaded

NUM_EXAMPLES = 8
SETTINGS = ApiSettings(keys_required=True, max_live_batches=1)
SCHEMA = from_dict(create_api(SETTINGS).openapi())
OPERATIONS = sorted(operation.ok().label for operation in SCHEMA.get_all_operations())
# Made-up bytes are rightly refused here, since they are no image; so are configs whose fields do not go together,
# and models that are not there. What is stored refuses the others: a finding is undone by its own reader alone,
# and a text is no image.
REFUSE_MORE = (
    *("POST /predict", "POST /v1/predictions", "POST /v1/batches", "POST /v1/runs"),
    "POST /v1/models/{name}/versions",
    *("DELETE /v1/verdicts/{verdict_id}", "GET /v1/readings/{reading_id}/film"),
)


@pytest.fixture(scope="module")
def schema_and_key(
    api: ServedApi, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[schemathesis.BaseSchema, str]]:
    """The schema of the application over a home of its own with a batch, and a key for everything, which it asks for.

    What other tests left in the home that they share would decide what is found at the addresses made up here.
    """
    home = tmp_path_factory.mktemp("schema") / "home"
    (home / "caches").mkdir(parents=True)
    (home / "caches" / "graphs").symlink_to(api.home / "caches" / "graphs")
    patch = pytest.MonkeyPatch()
    patch.setenv("PNEUMODESK_HOME", str(home))
    get_settings.cache_clear()
    add_readings(open_desk())
    application: FastAPI = create_api(SETTINGS)
    application.state.film_desk.model.get()
    yield from_asgi("/openapi.json", application), make_key(open_desk(), "schema", list(Scope))[1]
    patch.undo()
    get_settings.cache_clear()


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("label", OPERATIONS)
def test_every_address_keeps_its_word(schema_and_key, label: str, mode: GenerationMode) -> None:
    """No made-up request brings an error of the server, an undeclared answer, or a way in without a key."""
    schema, key = schema_and_key
    operation = next(found.ok() for found in schema.get_all_operations() if found.ok().label == label)
    if mode is GenerationMode.NEGATIVE and not takes_anything(operation):
        pytest.skip("this address takes nothing that could be wrong")

    unfit = [positive_data_acceptance] if label in REFUSE_MORE else []

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=NUM_EXAMPLES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
        database=None,
        derandomize=True,
    )
    def ask(case) -> None:
        answered.append(case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, excluded_checks=unfit))

    answered: list[object] = []
    ask()
    assert answered, "no request could be made up"


def add_readings(desk: Desk) -> None:
    """Add an image with a reader's finding, and a text that is no image."""
    folder = uploaded(desk, "one")
    (folder / "film.png").write_bytes(encoded(synthesise_phantom(1, size=128)))
    (folder / "letter.txt").write_text("text")
    ids = add_batch(desk, [("film.png", 0.9), ("letter.txt", "failed")], folder=folder)
    give_verdict(desk, ids["film.png"], "Dr A", Verdict.NORMAL)


def takes_anything(operation) -> bool:
    return bool(list(operation.iter_parameters()) or list(operation.body))


def test_a_misspelt_parameter_is_refused_with_those_there_are(api: ServedApi) -> None:
    """A query that names what an address does not take is answered 422 with what it takes, not with another list."""
    answer = httpx.get(f"{api.address}/v1/runs", params={"limt": 5})
    assert answer.status_code == 422
    assert "limit, offset" in answer.json()["detail"]
