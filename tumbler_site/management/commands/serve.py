"""`serve`: runs the site under daphne or uvicorn, with one process or several."""

import asyncio
import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.checks import Tags
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connections

from accounts import remembered_settings
from tumbler_site.env import env_int, env_str
from tumbler_site.serving import bootstrap
from tumbler_site.serving.announcing import announce_first_run, announce_keys, announce_upstream
from tumbler_site.serving.chores import begin_batches, begin_chores
from tumbler_site.serving.limits import limits_in_force
from tumbler_site.serving.listening import CannotListen, is_loopback, listen_for, url_of
from tumbler_site.serving.neighbours import Sockets
from tumbler_site.serving.open_files import allow_many
from tumbler_site.serving.reports import report_directory
from tumbler_site.serving.running import SERVERS, run
from tumbler_site.serving.supervisor import supervise, worker_commands
from tumbler_site.serving.upstream import SimulatorFailed, start_simulator, wants_simulator


class Command(BaseCommand):
    """Listens first, prepares if asked, chooses the upstream, says so, and serves until SIGTERM or Ctrl-C."""

    help = "Serves the site. HOST and PORT (127.0.0.1 and 3000) say where, unless --host and --port do."
    requires_system_checks = []  # `serve` runs them, once its options are in force

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options of serve."""
        parser.add_argument("--host", help="address to listen on (default: HOST, else 127.0.0.1)")
        parser.add_argument("--port", type=int, help="port to listen on, 0 for any (default: PORT, else 3000)")
        parser.add_argument("--workers", type=int, default=1, help="processes; more than one needs REDIS_URL")
        parser.add_argument("--server", choices=SERVERS, default="daphne")
        parser.add_argument("--demo", action="store_true", help="answer from the built-in Gemini simulator")
        parser.add_argument("--open", action="store_true", help="accept any API key or none, on loopback only")
        parser.add_argument("--prepare", action="store_true", help="migrate and bootstrap first")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve; every refusal is one sentence and exit status 1."""
        try:
            self.serve(**options)
        except (CannotListen, SimulatorFailed, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from None
        except OperationalError as error:
            raise CommandError(
                f"The database cannot be used: {str(error).strip()}. DATABASE_URL says where it is."
            ) from None
        except KeyboardInterrupt:
            sys.exit(130)

    def serve(self, *, server: str, workers: int, demo: bool, prepare: bool, **options: Any) -> None:
        """The steps of a start, in order."""
        host = options["host"] or env_str("HOST", "127.0.0.1")
        port = env_int("PORT", 3000) if options["port"] is None else options["port"]
        _require_redis(workers)
        self.apply_open_access(host, asked=options["open"])
        os.environ.setdefault("TUMBLER_WORKERS", str(workers))  # several hosts on one Redis: set by who runs them
        limits = limits_in_force()
        os.environ["HOST"] = host
        self.check()
        allow_many()
        sockets = listen_for(workers, host, port, backlog=limits.backlog, stall_seconds=limits.stall_seconds)
        url = url_of(sockets[0])
        if prepare:
            self.prepare(f"{url}/v1")
        elif bootstrap.has_unapplied_migrations():
            raise CommandError("The database is older than the code: run `python manage.py migrate` first.")
        self.check(tags=[Tags.database], databases=["default"])
        wait_for_simulator = start_simulator() if demo or wants_simulator() else None
        if workers == 1:
            from tumbler_site.asgi import application  # slow, and the simulator starts meanwhile
        if wait_for_simulator:
            wait_for_simulator()
        announce_upstream(self.stdout)
        connections.close_all()
        if workers == 1:
            begin_chores(limits)

            def ready() -> None:
                begin_batches()
                self.say(f"Serving {url}/v1 ({server}, 1 process).")

            run(server, application, Sockets(sockets[0]), limits, ready)
        else:
            self.say(f"Serving {url}/v1 ({server}, {workers} processes).")
            with report_directory(settings.DATA_DIR) as reports:
                commands = worker_commands(server, workers, sockets, reports)
                asyncio.run(supervise(commands, sockets, end_seconds=limits.end_seconds))

    def apply_open_access(self, host: str, *, asked: bool) -> None:
        """Open the door for this process and its workers when asked to, and say so; refused off loopback."""
        if not (asked or settings.OPEN_ACCESS):
            return
        if not is_loopback(host):
            raise CommandError(
                f"Open access lets anyone in who can reach {host}: it is for 127.0.0.1, ::1 or localhost only. "
                "Listen there, or leave out --open and TUMBLER_OPEN_ACCESS and use issued tokens."
            )
        os.environ["TUMBLER_OPEN_ACCESS"], settings.OPEN_ACCESS = "1", True
        remembered_settings.forget()
        self.say("Open access: any API key is accepted, or none, from every program on this machine.")

    def prepare(self, base_url: str) -> None:
        """Migrate and bootstrap, in this process."""
        with bootstrap.one_at_a_time():
            if bootstrap.migrate():
                self.say("The database was brought up to date.")
            announce_keys(self.stdout, bootstrap.import_operator_keys())
            announce_first_run(self.stdout, bootstrap.make_first_run(base_url))

    def say(self, line: str) -> None:
        """One line on standard output, at once even into a pipe."""
        self.stdout.write(line)
        self.stdout.flush()


def _require_redis(workers: int) -> None:
    if workers < 1:
        raise CommandError("--workers must be 1 or more.")
    if workers > 1 and not settings.REDIS_URL:
        raise CommandError(
            f"{workers} workers need REDIS_URL: limits, key cooldowns and revoked tokens are shared through Redis, "
            "and without it each worker would count for itself. Set REDIS_URL or use --workers 1."
        )
