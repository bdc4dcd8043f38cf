"""What is kept, where and for how long: one table, which docs/privacy.md and /privacy.json show and a test holds complete.

Whoever adds a column, a log line or a metric adds it here, and says for how long it stays.
"""

from typing import Any, NamedTuple


class Kept(NamedTuple):
    """Something that is kept, and the columns that hold it."""

    what: str
    details: str
    where: str
    how_long: str
    columns: tuple[str, ...] = ()
    """`app.Table: column column …`, as Django names them."""

    @property
    def told(self) -> tuple[str, str, str, str]:
        """The four texts: pages say them in the reader's language, scripts/messages.py gathers them."""
        return self[:4]


class Logged(NamedTuple):
    """Lines of the log that tell the same kind of thing; `lines` are their formats, word for word."""

    what: str
    lines: tuple[str, ...]


_LIMITS = "rpm tpm rpd max_parallel daily_tokens monthly_tokens daily_cost monthly_cost"
_TOKENS = "prompt_tokens cached_tokens tool_prompt_tokens completion_tokens reasoning_tokens total_tokens"

KEPT = (
    Kept(
        "Prompts, answers, files",
        "What a request carries and what comes back, except what is stored: see the next rows",
        "Memory, while the request runs. Never in the database, a log, the journal or Redis",
        "Until the request ends",
    ),
    Kept(
        "Stored files",
        "What a user leaves here for a batch or for conversations, and the results of batches: purpose, size and times; name, "
        "type, checksum and contents sealed with Fernet, bound to their place. They go to Google inside the requests that "
        "name them, and are left there with no key, except for the next row",
        "Database",
        "Until deleted, until the time that came with them, and 30 days (TUMBLER_FILE_DAYS) at most",
        (
            "accounts.StoredFile: id user purpose name details whole bytes created expires",
            "accounts.FilePart: id file number sealed_as content",
        ),
    ),
    Kept(
        "Copies of stored files at Google",
        "Of those alone that do not fit into a request which names them (TUMBLER_GEMINI_FILES: `large`; `never` or `always`): "
        "the contents, without their name or owner. Google keeps them unsealed; who holds a key of that project can list "
        "them and name them in requests of their own, though not download them",
        "Google's Files API, in the project of each key that served such a request",
        "Until the file is deleted here or its time is over, and an hour after it was named last "
        "(TUMBLER_GEMINI_FILE_MINUTES); what cannot be deleted then, two days after it was uploaded, when Google does",
    ),
    Kept(
        "Which project of Google's holds a copy of a stored file",
        "By the ids of both: Google's name for it, its end, when it was named last",
        "Memory, and Redis where it is used: sealed with AES-256-GCM, under a keyed hash. Never in the database",
        "An hour after it was named last (TUMBLER_GEMINI_FILE_MINUTES), in Redis ten minutes more; until the file is deleted",
    ),
    Kept(
        "Files that come in several requests",
        "The token that began one, how much of it has come, how long it is to be kept. What has come is sealed as stored "
        "files are",
        "Database",
        "An hour; then what is not whole is erased",
        (
            "accounts.FileUpload: id file token open_access status size received stretches lives_seconds created last_came "
            "expires",
        ),
    ),
    Kept(
        "Stored responses of the Responses API",
        "Input, answer and thought signatures of requests to /v1/responses, unless they say `store: false` or the operator "
        "stores nothing: compressed and sealed with Fernet, each bound to its own row. In plain text whose they are, when they "
        "were made, which one goes on from which, how they ended, their size",
        "Database; in memory for the moment until they are written",
        "30 days (TUMBLER_STORED_DAYS); until deleted by their owner, or with the user",
        ("accounts.StoredResponse: id user created previous root status alive_until size sealed",),
    ),
    Kept(
        "Streams of responses in the background",
        "The events of a response that was asked for with `background` and `stream`, while it is made: for readers at other "
        "processes; compressed and sealed with Fernet, bound to their place. Beside them the response's id alone",
        "Redis where it is used; memory of the process that makes it",
        "In Redis a minute after its end, at most 15 minutes after the last event",
    ),
    Kept(
        "Conversations of the Responses API",
        "What was put into them, and what requests that name them say and are answered: items, thought signatures and metadata, "
        "compressed and sealed with Fernet, each bound to its own row. In plain text whose they are, when they were made and "
        "used, the ids of their items, their size",
        "Database; in memory for the moment until they are written",
        "30 days after the last use (TUMBLER_STORED_DAYS); until deleted by their owner, or with the user",
        (
            "accounts.Conversation: id user created used size metadata",
            "accounts.ConversationItem: id conversation item_id sealed",
        ),
    ),
    Kept(
        "Images behind links",
        "Only where a client asks for links (`response_format` `url`): sealed with AES-256-GCM under a key that the link alone "
        "holds; owner, type, size, end. Nothing lists them",
        "Database",
        "An hour (TUMBLER_IMAGE_LINK_SECONDS), after which none is shown; erased within the next. Less where newer ones "
        "need the room",
        ("accounts.KeptImage: id owner content_type size expires sealed",),
    ),
    Kept(
        "Batches",
        "User, token, endpoint, model, files, state, times, counts of lines, tokens and bytes; which lines of its file are "
        "wrong, and how; the client's own words about it, and what each line brought until the batch ends and its files are "
        "written, sealed with Fernet",
        "Database",
        "What lines brought: until the batch ends. The rest: 30 days after that (TUMBLER_FILE_DAYS)",
        (
            "accounts.Batch: id user token open_access endpoint status input_file output_file error_file output_seconds",
            "accounts.Batch: metadata errors total completed failed created expires in_progress_at finalizing_at",
            "accounts.Batch: cancelling_at ended_at worker leased_until model prompt_tokens cached_tokens completion_tokens",
            "accounts.Batch: reasoning_tokens result_bytes",
            "accounts.BatchResult: id batch number answered content",
        ),
    ),
    Kept(
        "Thought signatures of tool calls",
        "Opaque texts of Gemini's, which it wants back; by user and tool call id",
        "Memory, and Redis where it is used: sealed with AES-256-GCM, under a keyed hash",
        "6 hours, in memory until the process ends at most",
    ),
    Kept(
        "Contributed keys",
        "Sealed with Fernet (AES-128-CBC and HMAC-SHA256), each bound to its own row; beside it a keyed fingerprint and "
        "the last four characters",
        "Database. In memory, unsealed, while the server runs",
        "Until the row is deleted or the key withdrawn, which erases it; a stranger's key that Google refused when it "
        "came: 7 days",
        ("accounts.ContributedKey: id ciphertext fingerprint last_four",),
    ),
    Kept(
        "Who contributed a key",
        "Only where a user or an operator brought it by name. A key from the contribution page has neither owner nor "
        "label, and of its coming the date alone",
        "Database",
        "Until the row is deleted. When the user is deleted the key stays, without an owner",
        ("accounts.ContributedKey: owner label source created",),
    ),
    Kept(
        "What is known of a key",
        "Project as it was told, tier, state and why, times of checks and changes, the caps of its contributor, how many "
        "requests it answered while on trial",
        "Database",
        "Until the row is deleted",
        (
            "accounts.ContributedKey: upstream project paid state reason state_since cooldowns_reset last_checked updated",
            "accounts.ContributedKey: paused keep_share allowed_models hours_utc successes",
        ),
    ),
    Kept(
        "What a contributed key did",
        "Counts by model and day, the last refusal, the hour of the last use",
        "Database",
        "Until the key is deleted",
        ("accounts.KeyDay: id key model day requests refusals prompt_tokens completion_tokens last_refusal last_used",),
    ),
    Kept(
        "Cooldowns, learned limits and changes of state",
        "Of a key or its Google project, by model",
        "Database",
        "Cooldowns: an hour past their end. Changes: 30 days. Limits: until the last key of the project is withdrawn, or "
        "they are deleted",
        (
            "accounts.KeyCooldown: id domain model until reason",
            "accounts.LearnedQuota: id domain model rpm tpm rpd learned",
            "accounts.KeyEvent: id at key domain model was became reason until",
        ),
    ),
    Kept(
        "How a key fares",
        "Of a key or its Google project, by model: averages of failures and of seconds to an answer; of the running minute "
        "how much was sent, its end to ten seconds",
        "Database",
        "The averages until the last key of the project is withdrawn. The minute until it is over; where the process was "
        "killed, until it starts again",
        (
            "accounts.LedgerState: id domain model errors latency failures_in_a_row half_open requests tokens minute_ends",
        ),
    ),
    Kept(
        "Imports and checks of many keys in the admin",
        "Who began it and when, how many lines got which verdict, and the verdict on each line by its number. No key, and "
        "not which",
        "Database; the keys of an import in memory while it runs",
        "The last 50",
        ("accounts.KeyTask: id kind started_by created updated finished total done counts letters next",),
    ),
    Kept(
        "That a quota was used up by others too",
        "Of a key or its Google project, by model: when it was refused below its limit, and which pairs were so at the same "
        "moments, for they may be one project",
        "Database",
        "The moments: ten minutes. The pairs: as long as the keys are here, or until they are joined",
        (
            "accounts.Overrun: id domain model limit at used allowed",
            "accounts.ProjectPair: id first second state coincidences last_at model limit",
        ),
    ),
    Kept(
        "Receipts of contributions",
        "The code as HMAC-SHA256, the version of the terms, the date, whether it was redeemed; for each key its place in "
        "the receipt, last four characters, and the date of withdrawal. No name, no address, no hour",
        "Database",
        "As long as a key of it is here, and 30 days",
        (
            "accounts.Receipt: id digest terms created redeemed",
            "accounts.ReceiptKey: id receipt number key upstream last_four decided withdrawn",
        ),
    ),
    Kept(
        "That a key has earned a token",
        "A keyed digest; not which token, not whose",
        "Database",
        "Until the month in which that token ends",
        ("accounts.RedeemedKey: id digest until",),
    ),
    Kept(
        "How often an address has contributed",
        "By a salted hash. The salt is made anew each day and never written down",
        "Memory",
        "A day at most",
    ),
    Kept(
        "Wrong tokens",
        "How often an address, or the prefix of a token, was wrong",
        "Memory",
        "Counted for a minute; forgotten when others need the room, or the process ends",
    ),
    Kept(
        "What limits and budgets were used up",
        "By the numbers of user, token and plan",
        "Memory, or Redis where it is used",
        "Until the window or period has passed",
    ),
    Kept(
        "What the quotas of contributed keys were used up",
        "By the key or its Google project, and model; of the running minute the time of each request",
        "Memory, or Redis where it is used",
        "Until the minute or the Pacific day has passed",
    ),
    Kept(
        "Issued tokens",
        "A random prefix and HMAC-SHA256 of the token under a secret pepper; name, limits, models, scopes, the networks "
        "it may come from, expiry, last use (to the minute). The token itself is shown once and kept nowhere. Pages make "
        "themselves such tokens for ten minutes",
        "Database",
        "Until the row is deleted; a revoked token's row stays until then, a page's own goes after its time",
        (
            "accounts.IssuedToken: id user name prefix digest pepper_version allowed_models created expires revoked "
            f"last_used allowed_networks scopes tells_sub_users ephemeral {_LIMITS}",
        ),
    ),
    Kept(
        "The first token and the admin's first password",
        "In plain text",
        "first-run.txt in the data directory, mode 0600",
        "Until you delete the file. Do so once both are in a safe place",
    ),
    Kept(
        "Users",
        "Name, what was typed into the account (e-mail and names may stay empty), password as a salted hash, plan, "
        "limits, rights, time zone, last sign-in",
        "Database",
        "Until deleted",
        (
            "accounts.User: id password last_login is_superuser username first_name last_name email is_staff is_active "
            f"date_joined plan time_zone {_LIMITS}",
            "accounts.User_groups: id user group",
            "accounts.User_user_permissions: id user permission",
        ),
    ),
    Kept(
        "E-mail addresses of people with an account",
        "Which are theirs, whether they proved it. A code sent to one is in the session until it is used",
        "Database",
        "Until removed, or the user is deleted",
        (
            "account.EmailAddress: id user email verified primary",
            "account.EmailConfirmation: id email_address created sent key",
        ),
    ),
    Kept(
        "Second factors",
        "The secret of an authenticator app and the seed of recovery codes, sealed as contributed keys are; the public half "
        "of a passkey, its name, the last use",
        "Database",
        "Until removed, or the user is deleted",
        ("mfa.Authenticator: id user type data created_at last_used_at",),
    ),
    Kept(
        "Logins by other services",
        "Which account of which service, and what the service told of it (number, name, e-mail, picture's address). No "
        "token of the service is kept; apps are set by variables, not here",
        "Database",
        "Until the connection is removed, or the user is deleted",
        (
            "socialaccount.SocialAccount: id user provider uid last_login date_joined extra_data",
            "socialaccount.SocialToken: id app account token token_secret expires_at",
            "socialaccount.SocialApp: id provider provider_id name client_id secret key settings",
        ),
    ),
    Kept(
        "Invitations",
        "The SHA-256 of the code, a note of the operator's, plan, dates. Not who came by it",
        "Database",
        "Until deleted",
        ("accounts.Invitation: id note digest plan created expires used",),
    ),
    Kept(
        "Failed logins, sign-ups, password resets",
        "How often an address of the network (IPv6: the /64) tried",
        "Memory, or Redis where it is used, by a keyed hash of what was tried and the address",
        "An hour at most",
    ),
    Kept(
        "Usage records",
        "User, token, time, endpoint, models asked and served, status, attempts, token counts, cost, durations; of each "
        "attempt of a request that needed several the model, a word for how it ended and its time to 10 ms; of tokens "
        "that tell their sub-users, a keyed hash of the sub-user's name. Never which contributed key answered",
        "Database; for moments before that the usage journal in the data directory",
        "30 days (TUMBLER_USAGE_DAYS): the server deletes older ones within the hour",
        (
            "accounts.UsageRecord: id created user token owner endpoint stream model gemini_model status error_code "
            f"attempts {_TOKENS} counts_from cost sub_user queue_ms first_byte_ms total_ms tried",
        ),
    ),
    Kept(
        "Live traffic",
        "What the usage records of the running and of the last 500 requests say or will say: no prompt, and never which "
        "contributed key answers",
        "Memory of each process; while a member of staff watches also Redis where it is used, sealed with Fernet",
        "Until newer requests take the room, or the process ends; in Redis 10 seconds",
    ),
    Kept(
        "What /metrics tells",
        "Sums of all requests together, by endpoint, status, error code and model: nobody's name",
        "Memory; of several workers also a file for each in the data directory",
        "Until the service ends",
    ),
    Kept(
        "Usage totals",
        "By day, user, token and models: sums",
        "Database",
        "Kept; when the user is deleted the sums stay, with the user's number and without a name",
        (
            f"accounts.UsageTotal: id day user token owner model gemini_model requests errors {_TOKENS} cost rows_purged",
        ),
    ),
    Kept(
        "Usage by hour",
        "Sums of all requests together: nobody's name, no model",
        "Database",
        "Kept",
        ("accounts.UsageHour: id hour requests errors total_tokens cost paid",),
    ),
    Kept(
        "Who is calling",
        "User, limits and rights, by the BLAKE2b of a token",
        "Memory",
        "4 seconds",
    ),
    Kept(
        "Sessions of the pages",
        "A random id. The contribution pages need none; they set a cookie against forged forms that ends with the browser",
        "Database, and a cookie",
        "8 hours",
        ("sessions.Session: session_key session_data expire_date",),
    ),
    Kept("The language of the pages", "Which one was chosen", "A cookie, once it was", "A year"),
    Kept(
        "History of the admin",
        "Who changed which row when, and the row's name (never a secret)",
        "Database",
        "Kept",
        ("admin.LogEntry: id action_time user content_type object_id object_repr action_flag change_message",),
    ),
    Kept(
        "Audit log",
        "Who did what to which row when, what the fields were before and after (never a secret), by the names of then; "
        "exports and the operator's commands too",
        "Database",
        "Kept; neither changed nor deleted by anything of the site's",
        ("accounts.StaffAct: id at actor actor_number act table row name changes",),
    ),
    Kept(
        "What the operator sets",
        "Plans, prices, tier limits, model mappings, groups and rights",
        "Database",
        "Until changed",
        (
            f"accounts.Plan: id name is_default {_LIMITS}",
            "accounts.ModelPrice: id model prompt cached completion",
            "accounts.TierQuota: id pattern paid position rpm tpm rpd",
            "compat.ModelMapping: id name strategy switch_minutes switch_requests enabled listed dimensions created updated",
            "compat.MappingTarget: id mapping gemini_model position weight",
            "auth.Permission: id name content_type codename",
            "auth.Group: id name",
            "auth.Group_permissions: id group permission",
            "contenttypes.ContentType: id app_label model",
        ),
    ),
    Kept(
        "The log",
        "Every line is listed in /privacy.json and docs/privacy.md. None holds a prompt, key, token or address",
        "Standard error; where that goes is up to you",
        "Up to you",
    ),
    Kept(
        "Secrets of the site",
        "Signing key, encryption keys",
        "secrets.json in the data directory (mode 0600), or the environment",
        "Yours to keep and to rotate",
    ),
)

LOGGED = (
    Logged(
        "Attempts and cooldowns: the kind of failure, the model, Google's status. Not which key, not for whom",
        (
            "attempt failed: %s with %s (HTTP %d)",
            "a quota domain rests for %s: %s",
            "a contributed key was disabled: %s",
            "a contributed key is suspected: %s",
            "the pool rests: several quota domains were refused at once without a reason",
        ),
    ),
    Logged(
        "A model without a known price",
        (
            "No price is known for %.100s: it is taken for the dearest. The admin can set one.",
            "No price can be told for %.100s: it is taken for free.",
        ),
    ),
    Logged(
        "A request of the Responses API named tools that are not served: their kinds",
        ("tools that are not served were left out: %s",),
    ),
    Logged(
        "A copy of a file at Google could not be deleted, and the kind of failure; neither which nor where",
        ("a copy of a file could not be deleted: %s",),
    ),
    Logged("How many received keys were checked", ("received keys were checked: %d, of which good: %d",)),
    Logged(
        "Our own mistakes, with the place in the code, under the request's id",
        (
            "%s failed",
            "a stream broke",
            "a batch broke; it is taken up again",
            "a response could not be stored",
            "a live page broke",
            "live traffic could not be read",
            "Exception inside the application: %s",
        ),
    ),
    Logged(
        "The database, Redis or the journal fails or is back",
        (
            "the database is out of reach",
            "batches wait: the database does not answer",
            "a batch waits: the database does not answer",
            "the pool could not exchange with the database; it goes on with what it knows",
            "the model mappings could not be read anew; the known ones stay",
            "usage cannot be recorded: requests are refused until it can",
            "received keys could not be checked: the database does not answer",
            "a task with many keys was cut off: the database does not answer",
            "the names of users could not be looked up for live traffic",
            "The last uses of %d tokens were not written.",
            "Responses wait to be stored: the database takes none (%s).",
            "A response was not stored: too many wait for the database.",
            "A response was not stored: the conversations of its user take all the room.",
            "A mail could not be sent (%s).",
            "A login service did not answer as it should (%s).",
            "The database is back, usage records are stored again.",
            "The database takes no usage records (%s); they wait in the journal.",
            "The usage journal %s cannot be replayed: %s.",
            "%d lines of a usage journal are unreadable; it is kept as %s.",
            "The usage journal cannot be written, no request is admitted: %s",
            "What was used so far could not be looked up (%s).",
            "the prices could not be read anew; the known ones stay",
            "Whether the tokens of running streams still hold could not be looked up.",
            "Redis refused %d of %d scripts: %s",
            "Redis does not answer (%s): each process goes on by itself.",
            "Redis answers again: the processes count together.",
        ),
    ),
    Logged(
        "Connections and processes",
        (
            "Invalid HTTP request received.",
            "%d requests were still running at the end and were cancelled.",
            "A client took nothing of its answer for %g s; its connection was cut.",
            "A client took nothing of its answer for %g s and was cut.",
            "The app failed in a request.",
            "The app returned before the end of its answer.",
            "The sweep of the connections failed; the next one is in a second.",
            "Worker %d ended with status %s; it is started again in %.1f s.",
        ),
    ),
)

METRICS = (
    "tumbler_requests",
    "tumbler_attempts",
    "tumbler_tokens",
    "tumbler_request_seconds",
    "tumbler_errors",
    "tumbler_pool_keys",
    "tumbler_worker_requests",
    "tumbler_tasks",
)
"""The names of the site's own metrics; process_… come from the library and tell of the processes alone."""


def as_json() -> dict[str, Any]:
    """The table as /privacy.json serves it."""
    return {
        "object": "privacy_table",
        "kept": [{**row._asdict(), "columns": list(row.columns)} for row in KEPT],
        "logged": [{"what": row.what, "lines": list(row.lines)} for row in LOGGED],
        "metrics": list(METRICS),
    }


def as_markdown() -> str:
    """The tables of docs/privacy.md."""
    kept = _table("what | in detail | where | for how long", [row.told for row in KEPT])
    columns = _table("columns | they hold", [(_code(row.columns), row.what) for row in KEPT if row.columns])
    logged = _table("log lines | they tell", [(_code(row.lines), row.what) for row in LOGGED])
    metrics = "Metrics count requests, errors, attempts, tokens, seconds, keys and tasks, without names: " + ", ".join(
        f"`{name}`" for name in METRICS
    )
    return "\n\n".join((kept, "### Column by column", columns, "### Line by line", logged, f"{metrics}."))


def _code(texts: tuple[str, ...]) -> str:
    return "<br>".join(f"`{text}`" for text in texts)


def _table(head: str, rows: list[tuple[str, ...]]) -> str:
    rule = "|".join("---" for _ in head.split("|"))
    return "\n".join((f"| {head} |", f"|{rule}|", *(f"| {' | '.join(row)} |" for row in rows)))
