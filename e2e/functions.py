"""Prints every function of the account as JSON, with its `LOG_LEVEL` and its reserved concurrency.

    python functions.py
"""

import json

import boto3

client = boto3.client("lambda")


def described(function):
    """A function in the form that the end-to-end test reads."""
    name = function["FunctionName"]
    concurrency = client.get_function_concurrency(FunctionName=name)
    return {
        "name": name,
        "log_level": function["Environment"]["Variables"]["LOG_LEVEL"],
        "reserved": concurrency.get("ReservedConcurrentExecutions"),
    }


pages = client.get_paginator("list_functions").paginate()
print(json.dumps([described(function) for page in pages for function in page["Functions"]]))
