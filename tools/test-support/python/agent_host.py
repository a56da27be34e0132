"""Hosts any number of real Datadog test agents in one process: importing the agent takes most of a
second, starting one more takes milliseconds.

Each agent is the application that the `ddapm-test-agent` command would serve, with state of its
own. What the command takes from its environment is given here in full, so that nothing leaks in
from the caller's.
"""

import asyncio
import json
import logging
import os
import shutil
import threading

from aiohttp import web
from ddapm_test_agent import agent as ddapm

logging.getLogger("ddapm_test_agent").setLevel(logging.CRITICAL)

running = {}


def make_app(info, tracer_variables):
    app = ddapm.make_app(
        enabled_checks=[],
        log_span_fmt="[{name}]",
        snapshot_dir="",
        snapshot_ci_mode=True,
        snapshot_ignored_attrs=[],
        agent_url="",
        trace_request_delay=0.0,
        suppress_trace_parse_errors=False,
        pool_trace_check_failures=True,
        disable_error_responses=False,
        snapshot_removed_attrs=[],
        snapshot_regex_placeholders={},
        vcr_cassettes_directory="",
        vcr_ci_mode=True,
        vcr_provider_map="",
        vcr_ignore_headers="",
        vcr_json_body_normalizers="",
        vcr_body_regex_normalizers="",
        dd_site="",
        dd_api_key="",
        disable_llmobs_data_forwarding=True,
    )
    # Every check that this version has, so that a new one is enabled with the next upgrade.
    app["checks"].enabled = [check.name for check in app["checks"].checks]

    @web.middleware
    async def adapt(request, handler):
        # As if the tracer had sent X-Datadog-Trace-Env-Variables, as only test builds do.
        if tracer_variables:
            request["_dd_trace_env_variables"] = tracer_variables
        response = await handler(request)
        if request.path != "/info" or not info:
            return response
        return web.json_response(dict(json.loads(response.body), **info))

    app.middlewares.append(adapt)
    return app


async def serve(app, *sites):
    runner = web.AppRunner(app, tcp_keepalive=False, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    for site in sites:
        await site(runner).start()
    return runner


def loopback(runner):
    return web.TCPSite(runner, host="127.0.0.1", port=0)


async def start(key, socket, info, tracer_variables):
    app = make_app(info, tracer_variables)
    unix = [lambda runner: web.UnixSite(runner, socket)] if socket else []
    apm = await serve(app, loopback, *unix)
    otlp = await serve(ddapm.make_otlp_http_app(app["agent"]), loopback)
    running[key] = (app, socket, apm, otlp)
    return {"port": apm.addresses[0][1], "otlp_port": otlp.addresses[0][1]}


async def stop(key):
    _, _, *runners = running.pop(key)
    for runner in runners:
        await runner.cleanup()


async def set_rates(key, rates):
    # The public way, /test/session/start, also hides all that was received before it.
    running[key][0]["agent"]._sessions[None].sample_rate_by_service_env = rates


COMMANDS = {"start": start, "stop": stop, "set_rates": set_rates}

loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()


def handle(message):
    command = COMMANDS[message.pop("command")]
    return asyncio.run_coroutine_threadsafe(command(**message), loop).result()


def closed():
    # The test was killed: nobody else removes what its agents have on disk.
    for _, socket, *_ in list(running.values()):
        if socket:
            shutil.rmtree(os.path.dirname(socket), ignore_errors=True)
