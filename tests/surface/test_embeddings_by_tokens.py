"""Token ids instead of texts: their table is large, and loading it must not hold up the others."""

import json
import threading

import pytest

from compat.translation.prompts import load_vocabulary


@pytest.mark.filterwarnings("ignore:open_binary is deprecated")
@pytest.mark.parametrize(("path", "member"), [("/v1/embeddings", "input"), ("/v1/completions", "prompt")])
async def test_the_table_of_token_ids_is_loaded_off_the_event_loop(monkeypatch, site, path, member):
    import bpe_openai

    loaded_in = []
    get_encoding = bpe_openai.get_encoding

    def load(name):
        loaded_in.append(threading.current_thread())
        return get_encoding(name)

    monkeypatch.setattr(bpe_openai, "get_encoding", load)
    load_vocabulary.cache_clear()
    body = {"model": "text-embedding-3-small" if member == "input" else "gpt-4o", member: [15339, 1917]}
    for _ in range(2):
        assert (await site.ask(path, json.dumps(body).encode())).status == 200
    assert len(loaded_in) == 1
    assert threading.current_thread() not in loaded_in
    method, _, _, asked = site.gemini.calls[-1]
    assert "hello world" in json.dumps(asked), method
