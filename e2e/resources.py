"""Prints all resources of the account as JSON, by kind. The end-to-end test compares them before and after
a deployment and a deletion.

The SAM CLI's own stack and bucket for uploads are left out, since all stacks of an account share them.

    python resources.py
"""

import json

import boto3

SAM = "aws-sam-cli-managed-default"


def names(service, operation, items, name):
    """The sorted names of a listing. Without `name`, the items are the names."""
    client = boto3.client(service)
    if client.can_paginate(operation):
        answers = client.get_paginator(operation).paginate()
    else:
        answers = [getattr(client, operation)()]
    found = []
    for answer in answers:
        for item in answer.get(items, []):
            found.append(item if name is None else item[name])
    return sorted(found)


def main():
    stacks = [
        stack["StackName"]
        for stack in boto3.client("cloudformation").describe_stacks()["Stacks"]
        if stack["StackStatus"] != "DELETE_COMPLETE" and stack["StackName"] != SAM
    ]
    found = {
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
    }
    print(json.dumps(found))


main()
