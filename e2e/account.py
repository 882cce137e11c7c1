"""Answers questions about the emulated account. Starting Python and boto3 for each question would cost more
processor time than the answers.

    python account.py STACK

Each line of the input is a number and a question. The answer is one line of JSON with that number, and
with `answer` or `error`. The program ends with its input.

- `resources`: all resources of the account, by kind. The end-to-end test compares them before and after a
  deployment and a deletion. The SAM CLI's own stack and bucket for uploads are left out, since all stacks
  of an account share them.
- `functions`: every function, with its `LOG_LEVEL` and its reserved concurrency.
- `outputs`: the outputs of the stack.
- `template`: the stack's template as it was deployed, with the addresses of the uploaded programs.
- `refusal NAME=VALUE …`: why CloudFormation refuses to change these parameters of the stack; null if it
  does not. The stack stays as it is.
"""

import functools
import json
import sys
import traceback

import boto3
from botocore.exceptions import ClientError

STACK = sys.argv[1]
SAM = "aws-sam-cli-managed-default"


@functools.cache
def client(service):
    return boto3.client(service)


def names(service, operation, items, name):
    """The sorted names of a listing. Without `name`, the items are the names."""
    if client(service).can_paginate(operation):
        answers = client(service).get_paginator(operation).paginate()
    else:
        answers = [getattr(client(service), operation)()]
    found = []
    for answer in answers:
        for item in answer.get(items, []):
            found.append(item if name is None else item[name])
    return sorted(found)


def resources():
    stacks = [
        stack["StackName"]
        for stack in client("cloudformation").describe_stacks()["Stacks"]
        if stack["StackStatus"] != "DELETE_COMPLETE" and stack["StackName"] != SAM
    ]
    return {
        "stacks": stacks,
        "functions": names("lambda", "list_functions", "Functions", "FunctionName"),
        "event source mappings": names(
            "lambda", "list_event_source_mappings", "EventSourceMappings", "UUID"
        ),
        "queues": names("sqs", "list_queues", "QueueUrls", None),
        "HTTP APIs": names("apigatewayv2", "get_apis", "Items", "ApiId"),
        "log groups": names("logs", "describe_log_groups", "logGroups", "logGroupName"),
        "roles": names("iam", "list_roles", "Roles", "RoleName"),
        "schedules": names("scheduler", "list_schedules", "Schedules", "Name"),
        "schedule groups": [
            group
            for group in names("scheduler", "list_schedule_groups", "ScheduleGroups", "Name")
            if group != "default"
        ],
        "alarms": names("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
        "dashboards": names("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
        "topics": names("sns", "list_topics", "Topics", "TopicArn"),
        "tables": names("dynamodb", "list_tables", "TableNames", None),
        "buckets": [
            bucket
            for bucket in names("s3", "list_buckets", "Buckets", "Name")
            if not bucket.startswith(SAM)
        ],
    }


def function(found):
    name = found["FunctionName"]
    concurrency = client("lambda").get_function_concurrency(FunctionName=name)
    return {
        "name": name,
        "log_level": found["Environment"]["Variables"]["LOG_LEVEL"],
        "reserved": concurrency.get("ReservedConcurrentExecutions"),
    }


def functions():
    pages = client("lambda").get_paginator("list_functions").paginate()
    return [function(found) for page in pages for found in page["Functions"]]


def stack():
    return client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]


def template():
    found = client("cloudformation").get_template(StackName=STACK, TemplateStage="Original")
    return found["TemplateBody"]


def refusal(changes):
    """Asks for a change set as the SAM CLI does, but with the deployed template."""
    kept = [
        {"ParameterKey": parameter["ParameterKey"], "UsePreviousValue": True}
        for parameter in stack()["Parameters"]
        if parameter["ParameterKey"] not in changes
    ]
    changed = [{"ParameterKey": name, "ParameterValue": value} for name, value in changes.items()]
    try:
        client("cloudformation").create_change_set(
            StackName=STACK,
            ChangeSetName="accepted",
            ChangeSetType="UPDATE",
            UsePreviousTemplate=True,
            Capabilities=["CAPABILITY_IAM"],
            Parameters=kept + changed,
        )
    except ClientError as error:
        return error.response["Error"]["Message"]
    return None


def answer(question):
    match question:
        case ["resources"]:
            return resources()
        case ["functions"]:
            return functions()
        case ["outputs"]:
            return stack()["Outputs"]
        case ["template"]:
            return template()
        case ["refusal", *changes]:
            return refusal(dict(change.split("=", 1) for change in changes))
        case _:
            raise ValueError(f"{question} is not a question")


for line in sys.stdin:
    number, *question = line.split()
    try:
        said = {"answer": answer(question)}
    except Exception:
        said = {"error": traceback.format_exc()}
    print(json.dumps({"number": int(number), **said}), flush=True)
