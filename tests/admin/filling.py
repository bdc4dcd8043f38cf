"""An admin with rows in every table, and the client of a signed-in person."""

from datetime import timedelta
from uuid import uuid4

from django.contrib import admin
from django.test import Client
from django.utils import timezone

from accounts.contributing import contribute, disable_key
from accounts.issuing import issue_token
from accounts.models import (
    Invitation,
    KeyCooldown,
    KeyDay,
    KeyEvent,
    LearnedQuota,
    ModelPrice,
    Plan,
    ProjectPair,
    TierQuota,
    UsageRecord,
    UsageTotal,
    User,
)
from accounts.pool.pacific import pacific_day
from compat.models import ModelMapping
from tests.storing import store_conversation, store_response

KEY = "fake-key-abcdefghijk-0001"
SITE = "http://localhost/admin/"
HOSTILE = "=cmd|'/C calc'!A0<img src=x onerror=alert(1)>"

LISTS = tuple(f"{table._meta.label_lower.replace('.', '/')}/" for table in admin.site._registry)


def signed_in(user):
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    return client


def fill(count):
    texts = []
    now = timezone.now()
    for number in range(count):
        unique = uuid4().hex[:8]
        plan = Plan.objects.create(name=f"plan {unique}", rpm=60)
        Invitation.objects.create(note=HOSTILE, digest=unique, plan=plan, expires=now)
        user = User.objects.create_user(f"user-{unique}", plan=plan)
        token, text = issue_token(user, name=HOSTILE, rpm=5, allowed_models=["gpt-4*"])
        key_text = f"{KEY}-{unique}"
        key = contribute(key_text, source="admin", label=HOSTILE, project=f"p-{unique}", owner=user).key
        texts += [text, key_text]
        if number == 0:
            disable_key(key, "leaked")
        KeyCooldown.objects.create(
            domain=key.quota_domain, model="gemini-3.8-flash", until=now + timedelta(hours=1), reason="quota_minute"
        )
        KeyDay.objects.create(
            key=key,
            model="gemini-3.8-flash",
            day=pacific_day(now.timestamp()),
            requests=7,
            last_refusal="overloaded",
            last_used=now,
        )
        KeyEvent.objects.create(key=key, domain=key.quota_domain, was="active", became="disabled", reason=HOSTILE)
        LearnedQuota.objects.create(domain=key.quota_domain, model="gemini-3.8-flash", rpd=250)
        TierQuota.objects.create(pattern=f"gemini-{unique}*", rpm=5)
        ProjectPair.objects.create(first=f"key:{uuid4()}", second=key.quota_domain, model=HOSTILE, limit="rpm")
        counts = dict.fromkeys(
            ("prompt_tokens", "cached_tokens", "tool_prompt_tokens", "completion_tokens", "reasoning_tokens"), 1
        )
        UsageRecord.objects.create(
            created=now,
            user=user,
            token=token,
            endpoint="chat.completions",
            stream=False,
            model=HOSTILE,
            gemini_model="gemini-3.8-flash",
            status=(200, 429, 503)[number % 3],
            attempts=1,
            total_tokens=5,
            counts_from="upstream",
            queue_ms=1,
            first_byte_ms=2,
            total_ms=3,
            **counts,
        )
        UsageTotal.objects.create(
            day=now.date(),
            user=user,
            token=token,
            owner=f"{user.pk}:{token.pk}",
            model=HOSTILE,
            requests=1,
            total_tokens=12345,
            **counts,
        )
        store_response(user, f"resp_{unique}")
        store_conversation(user, f"conv_{unique}")
        ModelPrice.objects.create(model=f"gemini-{unique}", prompt=1, completion=2)
        mapping = ModelMapping.objects.create(name=f"model-{unique}")
        for position in range(6):
            mapping.targets.create(gemini_model=f"gemini-target-{position}", position=position)
    return texts
