"""The `LOG_LEVEL` of each function in the account, as JSON.

    python log_levels.py
"""

import json

import boto3

pages = boto3.client("lambda").get_paginator("list_functions").paginate()
functions = [function for page in pages for function in page["Functions"]]
print(json.dumps([function["Environment"]["Variables"]["LOG_LEVEL"] for function in functions]))
