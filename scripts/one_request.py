"""One chat request to a running server, with the standard library only; see test-openai-compatibility.sh."""

import argparse
import http.client
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

FINISH_REASONS = {"stop", "length", "tool_calls", "content_filter", "function_call"}
QUESTION = "Say hello in one short sentence."


class Unfit(Exception):
    """The answer is not what OpenAI's API promises; the message says where."""


def main() -> int:
    """Ask, print, judge: 0 only for a well-formed completion."""
    options = _options()
    try:
        _judge(_ask(options), streamed=options.stream)
    except Unfit as unfit:
        print(f"\n{unfit}", file=sys.stderr)
    except (KeyError, TypeError, AttributeError) as error:
        print(f"\nNot well-formed: {type(error).__name__} {error}", file=sys.stderr)
    except ConnectionRefusedError:
        where = f"{options.host}:{options.port}"
        print(f"Nothing listens on {where}. Start it: scripts/run-openai-compatible-server.sh", file=sys.stderr)
    except (OSError, http.client.HTTPException) as error:
        print(
            f"\nThe connection to {options.host}:{options.port} failed: {error or type(error).__name__}",
            file=sys.stderr,
        )
    else:
        print("\nOK: a well-formed streamed completion." if options.stream else "\nOK: a well-formed completion.")
        return 0
    return 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/test-openai-compatibility.sh")
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--model", default="gpt-4")
    parser.add_argument("--host", default=os.environ.get("HOST") or "127.0.0.1")
    parser.add_argument("--port", type=int, default=os.environ.get("PORT") or 3000)
    return parser.parse_args()


def _ask(options: argparse.Namespace) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(options.host, options.port, timeout=120)
    body = {
        "model": options.model,
        "messages": [{"role": "user", "content": QUESTION}],
        "stream": options.stream,
    }
    # An open server takes any token; where there is none, this one says that nothing secret was sent.
    token = os.environ.get("TUMBLER_TOKEN") or "dummy-key"
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
    return connection.getresponse()


def _judge(answer: http.client.HTTPResponse, *, streamed: bool) -> None:
    if answer.status != 200:
        raise Unfit(_explained(answer.status, answer.read()))
    if streamed:
        _judge_stream(_chunks(answer))
    else:
        _judge_completion(_parsed(answer.read()))


def _explained(status: int, body: bytes) -> str:
    try:
        message = json.loads(body)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = body[:200].decode(errors="replace")
    advice = ""
    if status == 401:
        advice = (
            "\nGive a token with --token=… or TUMBLER_TOKEN; the first one is in first-run.txt in the data directory."
        )
    return f"The server answered {status}: {message}{advice}"


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise Unfit(f"Not JSON: {text[:200]!r}") from None


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise Unfit(f"Not well-formed: {what}")


def _judge_completion(completion: Any) -> None:
    print(json.dumps(completion, indent=2, ensure_ascii=False))
    _must(
        isinstance(completion, dict) and completion.get("object") == "chat.completion", "object is not chat.completion"
    )
    _must(isinstance(completion.get("id"), str) and bool(completion["id"]), "no id")
    _must(isinstance(completion.get("created"), int), "created is not a number")
    _must(bool(completion.get("choices")), "no choices")
    for choice in completion["choices"]:
        message = choice["message"]
        _must(message.get("role") == "assistant", "the message is not the assistant's")
        _must(bool(message.get("content") or message.get("tool_calls")), "the message is empty")
        _must(choice.get("finish_reason") in FINISH_REASONS, "no finish_reason")
    usage = completion.get("usage") or {}
    _must(all(isinstance(usage.get(f"{kind}_tokens"), int) for kind in ("prompt", "completion", "total")), "no usage")


def _chunks(answer: http.client.HTTPResponse) -> Iterator[Any]:
    """The chunks up to [DONE]; comments are skipped. Raises Unfit unless [DONE] is there and the last."""
    kind = answer.headers.get("Content-Type", "")
    _must(kind.startswith("text/event-stream"), f"the content type is {kind or 'missing'}")
    done = False
    for line in answer:
        if not line.startswith(b"data:"):
            continue
        _must(not done, "something after [DONE]")
        data = line.removeprefix(b"data:").strip()
        done = data == b"[DONE]"
        if not done:
            yield _parsed(data)
    _must(done, "the stream ended without [DONE]")


def _judge_stream(chunks: Iterator[Any]) -> None:
    ids: set[str] = set()
    reasons: dict[int, str] = {}
    begun: set[int] = set()
    for chunk in chunks:
        _must("error" not in chunk, f"an error came instead: {chunk.get('error')}")
        _must(chunk.get("object") == "chat.completion.chunk", "object is not chat.completion.chunk")
        ids.add(chunk.get("id", ""))
        for choice in chunk["choices"]:
            number, delta = choice["index"], choice["delta"]
            _must(number not in reasons, "content after finish_reason")
            _must(number in begun or delta.get("role") == "assistant", "the first delta has no role")
            begun.add(number)
            print(delta.get("content") or "", end="", flush=True)
            if choice.get("finish_reason"):
                reasons[number] = choice["finish_reason"]
    _must(len(ids) == 1 and "" not in ids, "the chunks do not have one id")
    _must(bool(begun) and set(reasons) == begun, "no finish_reason")
    _must(set(reasons.values()) <= FINISH_REASONS, "an unknown finish_reason")


if __name__ == "__main__":
    sys.exit(main())
