"""Embeddings: deterministic, of the asked length, normalised where the real ones are."""

import math

import pytest


def asked(text, model, **members):
    return {"model": f"models/{model}", "content": {"parts": [{"text": text}]}, **members}


async def embed(gemini, model, text="hello", **members):
    response = await gemini.post(model, asked(text, model, **members), method="embedContent")
    assert response.status_code == 200, response.text
    return response.json()


def length(values):
    return math.sqrt(sum(value * value for value in values))


@pytest.mark.parametrize(("dimensions", "members"), [(3_072, {}), (768, {"outputDimensionality": 768})])
async def test_vectors_have_the_asked_length(gemini, dimensions, members):
    reply = await embed(gemini, "gemini-embedding-2", **members)

    assert len(reply["embedding"]["values"]) == dimensions


async def test_the_same_text_gives_the_same_vector_and_another_another(gemini):
    first, second, other = [
        (await embed(gemini, "gemini-embedding-2", text))["embedding"] for text in ("hello", "hello", "bye")
    ]

    assert first == second != other


async def test_the_two_models_are_not_comparable(gemini):
    assert (await embed(gemini, "gemini-embedding-2"))["embedding"] != (await embed(gemini, "gemini-embedding-001"))[
        "embedding"
    ]


@pytest.mark.parametrize(
    ("model", "dimensions", "normalised"),
    [
        ("gemini-embedding-001", 3_072, True),
        ("gemini-embedding-001", 768, False),
        ("gemini-embedding-2", 3_072, True),
        ("gemini-embedding-2", 768, True),
    ],
)
async def test_normalisation_is_that_of_the_real_models(gemini, model, dimensions, normalised):
    values = (await embed(gemini, model, outputDimensionality=dimensions))["embedding"]["values"]

    assert (abs(length(values) - 1) < 1e-6) is normalised


async def test_a_batch_keeps_its_order(gemini):
    model = "gemini-embedding-2"
    requests = [asked(text, model, outputDimensionality=8) for text in ("one", "two")]
    response = await gemini.post(model, {"requests": requests}, method="batchEmbedContents")

    alone = [(await embed(gemini, model, text, outputDimensionality=8))["embedding"] for text in ("one", "two")]
    assert response.json()["embeddings"] == alone
    assert response.json()["usageMetadata"] == {
        "promptTokenCount": 2,
        "promptTokenDetails": [{"modality": "TEXT", "tokenCount": 2}],
    }


async def test_the_older_model_tells_no_usage(gemini):
    assert "usageMetadata" not in await embed(gemini, "gemini-embedding-001")


async def test_embeddings_have_quotas(limited):
    model = "gemini-embedding-001"
    long = asked("word" * 29_999, model)
    assert (await limited.post(model, long, method="embedContent")).status_code == 200

    refused = (await limited.post(model, long, method="embedContent")).json()["error"]

    assert refused["details"][1]["violations"][0]["quotaId"] == "EmbedContentInputTokensPerModelPerMinute-FreeTier"
