"""botocore in the bench: peer.py ENDPOINT [once] is a peer (see peer.h), or makes one call. AWS_DATA_PATH leads to the model."""
import json
import os
import sys
import time

import botocore.session
from botocore.config import Config

endpoint = sys.argv[1]
session = botocore.session.get_session()
session.set_credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
client = session.create_client(
    "bedrock", region_name="us-east-1", endpoint_url=endpoint, config=Config(max_pool_connections=256, proxies={}))


def get(identifier="abcdefghijkl"):
    assert client.get_model_customization_job(jobIdentifier=identifier)["status"] == "InProgress"


def create():
    with open(os.environ["BENCH_INPUT"] + "/create.json") as file:
        params = json.load(file)

    def unit():
        assert client.create_model_customization_job(**params)["jobArn"]
    return unit


def page():
    assert len(client.list_model_customization_jobs(maxResults=1000)["modelCustomizationJobSummaries"]) == 1000


def pages():
    paginator = client.get_paginator("list_model_customization_jobs")
    config = {"PageSize": 100, "StartingToken": "page-001"}
    count = 0
    for answer in paginator.paginate(PaginationConfig=config):
        for _ in answer["modelCustomizationJobSummaries"]:
            count += 1
    assert count == 10000


def parallel():
    from concurrent.futures import ThreadPoolExecutor
    pool = ThreadPoolExecutor(256)
    return lambda: list(pool.map(get, ["slow"] * 256))


def sign():
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    signer = SigV4Auth(session.get_credentials(), "bedrock", "us-east-1")

    def unit():
        signer.add_auth(AWSRequest("POST", "https://bedrock.us-east-1.amazonaws.com/model-customization-jobs",
                                   headers={"Content-Type": "application/json"}, data="x" * 700))
    return unit


makers = {"get": lambda: get, "create": create, "page": lambda: page, "pages": lambda: pages, "parallel": parallel, "sign": sign}


def serve():
    made = {}
    for line in sys.stdin:
        name, n = line.split()
        if name not in makers:
            print("-", flush=True)
            continue
        if name not in made:
            made[name] = makers[name]()
            until = time.monotonic() + 0.5
            while time.monotonic() < until:
                made[name]()
        unit = made[name]
        clock = time.monotonic if name == "parallel" else time.process_time
        started = clock()
        for _ in range(int(n)):
            unit()
        print("%.4f" % ((clock() - started) * 1e6 / int(n)), flush=True)


if len(sys.argv) > 2:
    get()
else:
    serve()
