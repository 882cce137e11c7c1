"""Starts MiniStack, with patches where it differs from AWS in a way that matters to Alimi.

The patches change internals of one pinned version. Each patch first checks the code that it changes, and
ends the program when that code differs: a test against a partly patched emulator would prove nothing. The
remaining differences from AWS are listed in the module documentation of alimi-e2e.

    python run_ministack.py FOLDER

Each function's log goes to FOLDER/logs/<function>.log, and MiniStack's own log to stderr. MiniStack reads
the port and the region from the environment. The process must lead a process group of its own.

The program reads commands from its input, and answers each with a number:

- `kill PART` kills the processes that handle invocations of functions whose name contains PART, and
  answers how many it killed.
- `busy` answers how many invocations run.
- `halt` stops all schedules, and answers how many were enabled.

When the input ends, or anything fails, the program ends together with its process group.
"""

import hashlib
import importlib.metadata
import inspect
import json
import logging
import os
import pathlib
import re
import signal
import socketserver
import sys
import threading
import time
import traceback
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

VERSION = "1.5.33"


def end():
    """Ends the whole process group, with the functions. Works on any thread; `sys.exit` would end only
    that thread."""
    os.killpg(0, signal.SIGKILL)


def fail(what):
    print(
        f"run_ministack.py: {what}. The patches are for MiniStack {VERSION}; check them against the "
        "installed version.",
        file=sys.stderr,
        flush=True,
    )
    end()


# This check comes first: `end` would otherwise kill the program that started this one.
if os.getpgrp() != os.getpid():
    sys.exit("run_ministack.py: does not lead a process group; start it with setsid")

if importlib.metadata.version("ministack") != VERSION:
    fail(f"MiniStack {importlib.metadata.version('ministack')} is installed")

from ministack import app  # noqa: E402
from ministack.core import lambda_runtime  # noqa: E402
from ministack.core.responses import (  # noqa: E402
    get_account_id,
    get_region,
    new_uuid,
    set_request_account_id,
    set_request_region,
)
from ministack.services import apigateway, dynamodb, eventbridge, lambda_svc, scheduler, sqs  # noqa: E402
from ministack.services.cloudformation import provisioners  # noqa: E402


def expect(module, name, *parameters):
    """Returns a function of a module, after checking that it has these parameters."""
    function = getattr(module, name, None)
    if not callable(function):
        fail(f"{module.__name__}.{name} does not exist")
    found = tuple(inspect.signature(function).parameters)
    if found != parameters:
        fail(f"{module.__name__}.{name} has the parameters {found}, not {parameters}")
    return function


def replace(module, name, digest, function):
    """Replaces a function, after checking the digest of its source text."""
    text = inspect.getsource(getattr(module, name, None) or fail(f"{module.__name__}.{name} does not exist"))
    found = hashlib.sha256(text.encode()).hexdigest()[:12]
    if found != digest:
        fail(f"{module.__name__}.{name} has changed: its digest is {found}, not {digest}")
    setattr(module, name, function)


def after(resource_type, operation, do):
    """Calls `do` after CloudFormation has created or updated a resource of this type."""
    handlers = provisioners._RESOURCE_HANDLERS.get(resource_type) or fail(
        f"CloudFormation has no handler for {resource_type}"
    )
    original = handlers[operation]
    # create(logical_id, props, stack_name), update(physical_id, old_props, new_props, …)
    expected = {"create": ("logical_id", "props"), "update": ("physical_id", "old_props", "new_props")}
    if tuple(inspect.signature(original).parameters)[: len(expected[operation])] != expected[operation]:
        fail(f"{operation} of {resource_type} has other parameters than {expected[operation]}")
    index = len(expected[operation]) - 1

    def wrapped(*arguments, **keywords):
        done = original(*arguments, **keywords)
        # Some updates return only the id.
        physical_id = done[0] if isinstance(done, tuple) else done
        do(physical_id, arguments[index])
        return done

    handlers[operation] = wrapped


def after_both(resource_type, do):
    after(resource_type, "create", do)
    after(resource_type, "update", do)


# ---------------------------------------------------------------- Routes of an HTTP API's OpenAPI body


def authorization(operation, schemes, authorizers):
    """The authorization of a route, as properties of it. Without a security requirement, it is NONE."""
    for requirement in operation.get("security") or []:
        for name in requirement:
            scheme = schemes.get(name)
            if scheme is None and name == "NONE":
                return {"AuthorizationType": "NONE"}
            if name in authorizers:
                return {"AuthorizationType": "CUSTOM", "AuthorizerId": authorizers[name]}
            if (scheme or {}).get("x-amazon-apigateway-authtype") != "awsSigv4":
                fail(f"a route has the security scheme {name}, which this patch does not know")
            return {"AuthorizationType": "AWS_IAM"}
    return {"AuthorizationType": "NONE"}


def authorizers_from_schemes(api_id, schemes):
    """Makes the Lambda authorizers of an HttpApi, and returns their ids by the names of their schemes."""
    made, ids = {}, {}
    for name, scheme in schemes.items():
        found = scheme.get("x-amazon-apigateway-authorizer")
        if found is None:
            continue
        sources = found.get("identitySource")
        is_known = isinstance(found.get("authorizerUri"), str) and isinstance(sources, list)
        if found.get("type") != "request" or not is_known:
            fail(f"this patch does not know the authorizer {name}: {found}")
        authorizer_id = ids[name] = new_uuid()[:8]
        made[authorizer_id] = {
            "authorizerId": authorizer_id,
            "authorizerType": "REQUEST",
            "name": name,
            "identitySource": sources,
            "jwtConfiguration": {},
            "authorizerUri": found["authorizerUri"],
            "authorizerPayloadFormatVersion": found["authorizerPayloadFormatVersion"],
            "authorizerResultTtlInSeconds": int(found["authorizerResultTtlInSeconds"]),
            "enableSimpleResponses": str(found["enableSimpleResponses"]).lower() == "true",
            "authorizerCredentialsArn": "",
        }
    # As in AWS, an import replaces all earlier authorizers.
    apigateway._authorizers[api_id] = made
    return ids


def routes_from_body(api_id, props):
    """Makes the routes of an HttpApi from its `Body`, which MiniStack does not read."""
    body = props.get("Body")
    if body is None:
        return
    if not isinstance(body.get("paths"), dict):
        fail("the body of the HTTP API has no paths")
    schemes = (body.get("components") or {}).get("securitySchemes") or {}
    authorizers = authorizers_from_schemes(api_id, schemes)
    routes, integrations = {}, {}
    for path, operations in body["paths"].items():
        for method, operation in operations.items():
            found = operation["x-amazon-apigateway-integration"]
            if found["type"] != "aws_proxy" or not isinstance(found["uri"], str):
                fail(f"this patch does not know the integration of {method} {path}: {found}")
            integration_id, route_id = new_uuid()[:8], new_uuid()[:8]
            integrations[integration_id] = {
                "integrationId": integration_id,
                **provisioners._apigw_v2_integration_props(
                    {
                        "IntegrationType": "AWS_PROXY",
                        "IntegrationUri": found["uri"],
                        "PayloadFormatVersion": found["payloadFormatVersion"],
                    }
                ),
            }
            verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
            routes[route_id] = {
                "routeId": route_id,
                **provisioners._apigw_v2_route_props(
                    {
                        "RouteKey": "$default" if path == "/$default" else f"{verb} {path}",
                        "Target": f"integrations/{integration_id}",
                        **authorization(operation, schemes, authorizers),
                    }
                ),
            }
    # As in AWS, an import replaces all earlier routes.
    apigateway._routes[api_id] = routes
    apigateway._integrations[api_id] = integrations


expect(provisioners, "_apigw_v2_integration_props", "props")
expect(provisioners, "_apigw_v2_route_props", "props")
expect(apigateway, "_authorizer_ttl", "authorizer")
if not hasattr(apigateway, "_authorizers"):
    fail("apigateway._authorizers does not exist")
after_both("AWS::ApiGatewayV2::Api", routes_from_body)


# ------------------------------------------------------------------------- Concurrency and loops


def concurrency(name, props):
    function = lambda_svc._functions[name]
    reserved = props.get("ReservedConcurrentExecutions")
    function["concurrency"] = None if reserved is None else int(reserved)
    function["recursive_loop"] = props.get("RecursiveLoop", "Terminate")


if "concurrency" not in inspect.getsource(expect(lambda_svc, "_reserved_concurrency", "func", "config")):
    fail("lambda_svc._reserved_concurrency does not read the field concurrency")
after_both("AWS::Lambda::Function", concurrency)


# ------------------------------------------------------------------------------------ Time to live


def time_to_live(name, props):
    wanted = props.get("TimeToLiveSpecification")
    if wanted:
        answer = dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": {
            "Enabled": str(wanted["Enabled"]).lower() == "true",
            "AttributeName": wanted["AttributeName"],
        }})
        if answer[0] != 200:
            fail(f"the time to live of {name} was refused: {answer}")


expect(dynamodb, "_update_ttl", "data")
after_both("AWS::DynamoDB::Table", time_to_live)


# ---------------------------------------------------------------------------------------- Scheduler


def at_time(expression, zone):
    """The time of an `at(…)` expression, as seconds since the epoch."""
    found = re.fullmatch(r"\s*at\(\s*(.+?)\s*\)\s*", expression)
    return found and datetime.fromisoformat(found.group(1)).replace(tzinfo=zone).timestamp()


def next_time(schedule, last_s, zone):
    """The first time of a schedule that is later than this, as seconds since the epoch."""
    expression = schedule["ScheduleExpression"]
    start_s = scheduler._to_epoch(schedule.get("StartDate"))
    once_s = at_time(expression, zone)
    if once_s is not None:
        return once_s if once_s > last_s else None
    interval_s = eventbridge._parse_rate_seconds(expression)
    if interval_s is not None:
        first_s = schedule["CreationDate"] + interval_s if start_s is None else start_s
        past = 0 if last_s < first_s else int((last_s - first_s) // interval_s) + 1
        return first_s + past * interval_s
    fields = eventbridge._parse_cron_fields(expression) or fail(
        f"this patch does not understand the expression {expression}"
    )
    # The expression's fields are times of the zone's wall clock.
    wall = datetime.fromtimestamp(last_s, zone).replace(tzinfo=timezone.utc)
    found = eventbridge._cron_next_fire(fields, wall)
    return found and found.replace(tzinfo=zone).timestamp()


# For each version of a schedule: the time up to which it was checked.
checked_until_s = {}

# Held during a check, so that no schedule fires after `halt` has answered.
checking = threading.Lock()
halted = False


def halt():
    """Stops all schedules, and returns the number of enabled ones."""
    global halted
    with checking:
        halted = True
        schedules = list(scheduler._schedules._data.values())
        return sum(1 for schedule in schedules if schedule["State"] == "ENABLED")


def fire_what_is_due():
    """Checks all schedules once."""
    with checking:
        if not halted:
            check_schedules()


def check_schedules():
    now_s = time.time()
    account, region = get_account_id(), get_region()
    try:
        for key, schedule in list(scheduler._schedules._data.items()):
            end_s = scheduler._to_epoch(schedule.get("EndDate"))
            # A changed schedule is a new version. An `at` in the past does not fire.
            version = (*key, schedule["LastModificationDate"])
            last_s = checked_until_s.setdefault(version, schedule["LastModificationDate"])
            zone = ZoneInfo(schedule["ScheduleExpressionTimezone"])
            due_s = next_time(schedule, last_s, zone)
            if due_s is None or due_s > now_s:
                continue
            checked_until_s[version] = due_s
            if schedule["State"] != "ENABLED" or (end_s is not None and due_s > end_s):
                continue
            set_request_account_id(key[0])
            set_request_region(key[1])
            fire(schedule, due_s)
            if schedule["ActionAfterCompletion"] == "DELETE" and at_time(
                schedule["ScheduleExpression"], zone
            ):
                scheduler._schedules._data.pop(key, None)
    finally:
        set_request_account_id(account)
        set_request_region(region)


def fire(schedule, due_s):
    """Fires a schedule for the time at which it was due. As in AWS, the invocation is asynchronous."""
    target = schedule["Target"]
    due = datetime.fromtimestamp(due_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    keywords = {
        "<aws.scheduler.schedule-arn>": schedule["Arn"],
        "<aws.scheduler.scheduled-time>": due,
        "<aws.scheduler.execution-id>": new_uuid(),
        "<aws.scheduler.attempt-number>": "1",
    }
    event = target.get("Input", "{}")
    for keyword, value in keywords.items():
        event = event.replace(keyword, value)
    queue = sqs._queue_by_arn(target["Arn"])
    if queue is not None:
        logging.info("Scheduler: %s fires for %s into a queue", schedule["Name"], due)
        sqs._act_send_message({"QueueUrl": queue["url"], "MessageBody": event}, "")
        return
    function, config, name = lambda_svc._get_func_record_for_ref(target["Arn"])
    if function is None:
        logging.warning("Scheduler: the function %s does not exist", name)
        return
    logging.info("Scheduler: %s fires for %s", schedule["Name"], due)
    record = lambda_svc._execution_record_for_config(function, config)
    lambda_svc.invoke_async_with_retry(record, json.loads(event))


expect(scheduler, "_to_epoch", "value")
expect(sqs, "_queue_by_arn", "arn")
expect(sqs, "_act_send_message", "data", "qurl")
expect(eventbridge, "_parse_rate_seconds", "expr")
expect(eventbridge, "_parse_cron_fields", "expr")
expect(eventbridge, "_cron_next_fire", "fields", "after_dt")
expect(lambda_svc, "_get_func_record_for_ref", "function_ref")
expect(lambda_svc, "_execution_record_for_config", "func", "config")
expect(lambda_svc, "invoke_async_with_retry", "func", "event")
replace(scheduler, "_tick_schedules", "0ece514e9120", fire_what_is_due)
if scheduler._SCHEDULE_TICK_INTERVAL != 10:
    fail("scheduler._SCHEDULE_TICK_INTERVAL is not 10")
scheduler._SCHEDULE_TICK_INTERVAL = 1


# --------------------------------------------------------- FIFO queues: one batch a message group


def collect_one_group(queue, max_n, visibility_s, now):
    """Receives a batch of one group, so that batches of several groups can be handled at the same time."""
    messages = queue["messages"]
    for message in messages:
        sqs._ensure_msg_fields(message)
    busy = {m["group_id"] for m in messages if m["visible_at"] > now and m["receive_count"] > 0}
    found = []
    for message in messages:
        if message["visible_at"] > now or message["group_id"] in busy:
            continue
        if found and message["group_id"] != found[0]["group_id"]:
            continue
        message["receipt_handle"] = new_uuid()
        message["visible_at"] = now + visibility_s
        message["receive_count"] += 1
        if message.get("first_receive_at") is None:
            message["first_receive_at"] = now
        found.append(message)
        if len(found) == max_n:
            break
    return found


def concurrent_batches(esm, func_rec, config, queue=None):
    """The number of batches that a mapping handles at the same time. MiniStack handles one batch of a FIFO
    queue, since its batches can mix groups."""
    limit = (esm.get("ScalingConfig") or {}).get("MaximumConcurrency")
    limit = int(limit or lambda_svc._ESM_SQS_DEFAULT_CONCURRENCY)
    reserved = lambda_svc._reserved_concurrency(func_rec, config)
    return limit if reserved is None else min(limit, reserved)


expect(sqs, "_ensure_msg_fields", "m")
replace(sqs, "_collect_fifo", "dc84c5a1db0b", collect_one_group)
replace(lambda_svc, "_sqs_esm_concurrency", "d3e9d1e865aa", concurrent_batches)


# ------------------------------------------------------------------------------ Latency, and logs

# Nagle's algorithm delays answers by 40 ms.
socketserver.StreamRequestHandler.disable_nagle_algorithm = True

# A webhook's path contains its secret.
SECRET = re.compile(r"(/webhooks/[^/\s]+/)[^/\s?\"']+")


def redacted(text):
    return SECRET.sub(r"\1…", text)


class Redacted(logging.Formatter):
    """Formats log records without the secrets of webhooks."""

    def __init__(self, formatter):
        super().__init__()
        self.formatter = formatter

    def format(self, record):
        return redacted(self.formatter.format(record))


def keep_functions_logs(folder):
    """Writes each function's log into a file of its own."""
    original = expect(
        lambda_svc, "_emit_lambda_logs",
        "func", "request_id", "log_text", "error", "duration_ms", "log_source",
    )
    lock = threading.Lock()

    def emit(func, request_id, log_text, error, duration_ms, **keywords):
        name = (func.get("config") or func).get("FunctionName", "unknown")
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        end = "FAILED" if error else "done"
        with lock, (folder / f"{name}.log").open("a", encoding="utf-8") as file:
            file.write(f"{log_text}\n" if log_text else "")
            file.write(f"{now} {end} {request_id} after {duration_ms} ms\n")
        original(func, request_id, log_text, error, duration_ms, **keywords)

    lambda_svc._emit_lambda_logs = emit


# ------------------------------------------------------------------------------------- Commands


def kill(part):
    """Kills the processes that handle invocations of a function, as a crash would."""
    with lambda_runtime._lock:
        workers = [worker for pool in lambda_runtime._workers.values() for worker in pool]
    killed = 0
    for worker in workers:
        process = worker._proc
        if part in worker.func_name and worker.in_use and process and process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed += 1
    return killed


def run_commands():
    try:
        for line in sys.stdin:
            match line.split():
                case ["kill", part]:
                    print(kill(part), flush=True)
                case ["busy"]:
                    print(lambda_svc.executions_in_flight()[0], flush=True)
                case ["halt"]:
                    print(halt(), flush=True)
                case _:
                    raise ValueError(f"{line!r} is not a command")
    except BaseException:
        traceback.print_exc()
    finally:
        end()


expect(lambda_svc, "executions_in_flight")
expect(lambda_runtime.ProvidedWorker, "__init__", "self", "func_name", "config", "code_zip")


if __name__ == "__main__":
    threading.Thread(target=run_commands, daemon=True).start()
    logs = pathlib.Path(sys.argv.pop(1)) / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    keep_functions_logs(logs)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(Redacted(handler.formatter or logging.Formatter()))
    try:
        app.main()
    except BaseException:
        traceback.print_exc()
    finally:
        end()
