"""Each function in the account, with its `LOG_LEVEL` and the concurrency that is reserved for it, as
JSON.

    python functions.py
"""

import json

import boto3

client = boto3.client("lambda")


def described(function):
    """A function as the end-to-end test reads it."""
    name = function["FunctionName"]
    concurrency = client.get_function_concurrency(FunctionName=name)
    return {
        "name": name,
        "log_level": function["Environment"]["Variables"]["LOG_LEVEL"],
        "reserved": concurrency.get("ReservedConcurrentExecutions"),
    }


pages = client.get_paginator("list_functions").paginate()
print(json.dumps([described(function) for page in pages for function in page["Functions"]]))
