"""Whole answers: every call of a request made at once, each settled with its own key."""

import asyncio
from collections.abc import Awaitable

from accounts import pool
from accounts.pool import Lease
from compat.errors import CompatError, ContentFiltered
from compat.gemini.failures import EMPTY, Facts, GeminiFailure
from compat.relay.attempts import Attempts
from compat.relay.calls import Call
from compat.relay.job import Job
from compat.relay.upstream import gemini
from compat.schemas.gemini import CountReply, EmbeddingReply, Reply
from compat.translation.substance import blocked_reason
from compat.translation.usage import NO_USAGE


async def complete(job: Job) -> list[tuple[int, Reply]]:
    """(first choice, reply) of every call, in order. Raises CompatError when any call fails for good."""
    if len(job.calls) == 1:
        call = job.calls[0]
        return [_counted(job, call, await _answer(job, call))]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_complete(job, call)) for call in job.calls]
    return [task.result() for task in tasks]


async def complete_some(job: Job) -> tuple[list[tuple[int, Reply]], list[CompatError]]:
    """(first choice, reply) of every call that was answered, in order, and what the others failed with.

    Raises CompatError when none was answered.
    """
    found = await asyncio.gather(*(_complete(job, call) for call in job.calls), return_exceptions=True)
    errors = [one for one in found if isinstance(one, BaseException)]
    for error in errors:
        if not isinstance(error, CompatError):
            raise error
    replies = [one for one in found if not isinstance(one, BaseException)]
    if not replies:
        raise errors[0]
    return replies, [error for error in errors if isinstance(error, CompatError)]


async def embed(job: Job) -> list[EmbeddingReply]:
    """The vectors of every call, in order. Raises CompatError."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_embed(job, call)) for call in job.calls]
    return [task.result() for task in tasks]


async def count(job: Job) -> CountReply:
    """What the prompt of the only call counts. Raises CompatError. No quota of generation is used, and no token charged."""
    counted, lease = await Attempts(job, job.calls[0], gemini().count).first_success()
    pool.refund(lease)
    return counted


async def _complete(job: Job, call: Call) -> tuple[int, Reply]:
    return _counted(job, call, await _answer(job, call))


def _answer(job: Job, call: Call) -> Awaitable[tuple[Reply, Lease]]:
    return Attempts(job, call, gemini().generate, _refuse_empty).first_success()


def _counted(job: Job, call: Call, answer: tuple[Reply, Lease]) -> tuple[int, Reply]:
    """(first choice, reply) of a call, once its tokens are counted and its lease is given back."""
    reply, lease = answer
    usage = NO_USAGE.merged(reply.usageMetadata)
    job.heard(call, usage, lease)
    prompt, completion = usage.totals()
    pool.give_back(lease, prompt, completion)
    return call.first_choice, reply


async def _embed(job: Job, call: Call) -> EmbeddingReply:
    reply, lease = await Attempts(job, call, gemini().embed, _refuse_incomplete).first_success()
    usage = NO_USAGE.merged(reply.usageMetadata)
    job.heard(call, usage, lease)
    prompt, _ = usage.totals()
    pool.give_back(lease, prompt)
    return reply


def _refuse_empty(job: Job, _: Call, reply: Reply) -> None:
    if not job.says_something(reply):
        refuse_blocked(job, reply)
        raise GeminiFailure(EMPTY, Facts(200))


def _refuse_incomplete(_: Job, call: Call, reply: EmbeddingReply) -> None:
    if len(reply.embeddings) != call.candidates:
        raise GeminiFailure(EMPTY, Facts(200))


def refuse_blocked(job: Job, reply: Reply) -> None:
    """Raise ContentFiltered for a prompt that the upstream blocked: no other key would answer it either."""
    reason = blocked_reason(reply)
    if reason is not None:
        param, code = job.blocked
        raise ContentFiltered(f"The prompt was blocked by Gemini's safety filter ({reason}).", param=param, code=code)
