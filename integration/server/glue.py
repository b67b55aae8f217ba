"""Serves Glue and S3 with moto on a port of loopback: python -c … PORT.

Glue's UpdateTable is atomic and refuses a VersionId that is not the table's present one; moto's own takes any, so that
of two commits at a time the first is lost in silence."""
import sys
import threading

from moto.core.exceptions import JsonRESTError
from moto.core.responses import EmptyResult
from moto.glue.responses import GlueResponse
from moto.server import main

updating = threading.Lock()


def update_table(self):
    table_input = self.parameters["TableInput"]
    with updating:
        table = self.glue_backend.get_table(self.parameters["DatabaseName"], table_input["Name"])
        before = table.as_dict()["VersionId"]
        if self.parameters.get("VersionId", before) != before:
            raise JsonRESTError("ConcurrentModificationException", "Update table failed due to concurrent modifications.")
        table.update(table_input)
        if self.parameters.get("SkipArchive"):
            table.delete_version(before)
    return EmptyResult()


GlueResponse.update_table = update_table
main(["--host", "127.0.0.1", "--port", sys.argv[1]])
