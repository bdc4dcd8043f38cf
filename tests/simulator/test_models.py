"""The model list, and who may call what."""

import pytest

from compat.simulator.models import CATALOGUE
from tests.simulator.asking import said


async def get(gemini, path, key="sim-alpha-1"):
    return await gemini.client.get(path, headers={"x-goog-api-key": key})


async def test_the_list_comes_in_pages(gemini):
    first = (await get(gemini, "/v1beta/models?pageSize=30")).json()
    second = (await get(gemini, f"/v1beta/models?pageSize=30&pageToken={first['nextPageToken']}")).json()

    assert [model["name"] for model in first["models"] + second["models"]] == [f"models/{name}" for name in CATALOGUE]
    assert "nextPageToken" not in second


async def test_a_page_size_that_is_none_is_refused(gemini):
    assert (await get(gemini, "/v1beta/models?pageSize=x")).status_code == 400


async def test_a_model_tells_its_limits(gemini):
    model = (await get(gemini, "/v1beta/models/gemini-3.8-flash")).json()

    assert model["name"] == "models/gemini-3.8-flash"
    assert (model["inputTokenLimit"], model["outputTokenLimit"]) == (1_048_576, 65_536)
    assert "generateContent" in model["supportedGenerationMethods"]
    assert model["thinking"] is True


@pytest.mark.parametrize(
    "name", ["gemini-1.5-flash", "gemini-2.0-flash", "gemini-2.5-pro-exp-03-25", "gemini-3-pro-preview", "nonsense"]
)
async def test_a_model_that_is_gone_is_not_found(gemini, name):
    error = await gemini.error(name, said("hi"))

    assert error["code"] == 404
    assert error["status"] == "NOT_FOUND"
    assert error["message"].startswith(f"models/{name} is not found for API version v1beta")
    assert (await get(gemini, f"/v1beta/models/{name}")).status_code == 404


@pytest.mark.parametrize(
    ("model", "method"),
    [
        ("gemini-embedding-2", "generateContent"),
        ("gemini-3.8-flash", "embedContent"),
        ("gemini-3.8-live", "generateContent"),
        ("imagen-4.0-generate-001", "generateContent"),
    ],
)
async def test_a_method_the_model_does_not_have_is_not_found(gemini, model, method):
    response = await gemini.post(model, said("hi"), method=method)

    assert response.status_code == 404
    assert f"not supported for {method}" in response.json()["error"]["message"]


async def test_a_listed_model_may_answer_only_elsewhere(gemini):
    error = await gemini.error("deep-research-preview-04-2026", said("hi"))

    assert (error["code"], error["message"]) == (400, "This model only supports Interactions API.")


async def test_an_alias_names_the_real_model_in_its_answer(gemini):
    reply = await gemini.generate("gemini-flash-latest", said("hi"))

    assert reply["modelVersion"] == "gemini-3.8-flash"


async def test_only_paying_keys_get_the_large_gemini_4(gemini):
    refused = await gemini.error("gemini-4-neon", said("hi"))
    served = await gemini.generate("gemini-4-neon", said("hi"), key="sim-paid-alpha-1")

    assert refused["code"] == 429
    assert "limit: 0" in refused["message"]
    assert served["modelVersion"] == "gemini-4-neon"


async def test_an_unknown_path_is_googles_html_page(gemini):
    response = await gemini.client.get("/v1beta/nonsense")

    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html")
