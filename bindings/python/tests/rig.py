"""A relay process behind the fault proxy, as every language's tests have them."""

import json
import os
import subprocess
import tempfile
import urllib.error
import urllib.request

TOKEN = "right"


class Rig:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="glasslink-")
        self.relay = subprocess.Popen(
            [os.environ["GLASSLINK_TEST_RELAY"], "127.0.0.1:0", self.folder.name, TOKEN],
            stdout=subprocess.PIPE,
            text=True,
        )
        upstream = self.relay.stdout.readline().strip().removeprefix("http://")
        self.faults = subprocess.Popen(
            [os.environ["GLASSLINK_TEST_FAULTS"], "--upstream", upstream], stdout=subprocess.PIPE, text=True
        )
        ready = json.loads(self.faults.stdout.readline())
        self.url = "http://" + ready["proxy"]
        self.control = ready["control"]

    def ask(self, method, path, body=None):
        data = None if body is None else body.encode()
        request = urllib.request.Request(self.control + path, data, method=method)
        request.add_header("content-type", "application/json")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()

    def close(self):
        for process in (self.faults, self.relay):
            process.kill()
            process.wait()
            process.stdout.close()
        self.folder.cleanup()
