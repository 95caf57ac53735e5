"""A real S3 server, OpenStack Swift with its s3api, as tests use it; swift_node starts it."""

from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.servers import swift_clock
from tests.servers.ports import HOST, WORKER

ACCESS_KEY = "test:tester"
SECRET_KEY = "testing-secret"


class Swift:
    """One node, for as many tests as there are: each has names of its own, each worker a bucket."""

    access_key = ACCESS_KEY
    secret_key = SECRET_KEY
    bucket = f"postroom-{WORKER}"

    def __init__(self, folder: Path, port: int) -> None:
        #: Of what it is made.
        self.place = folder, port
        self.folder, self.port = folder, port
        #: boto3's own view of it.
        self.client = self._connected()

    @property
    def endpoint(self) -> str:
        """Where S3 is spoken."""
        return f"http://{HOST}:{self.port}"

    def section(self, prefix: str, **options: str) -> str:
        """[storage s3] for a prefix of its own, with the smallest parts."""
        own = {"endpoint": self.endpoint, "bucket": self.bucket, "prefix": prefix}
        lines = {**own, "part_megabytes": "5", **options}
        return "\n".join(["[storage s3]", *(f"{k} = {v}" for k, v in lines.items()), ""])

    def environment(self) -> dict[str, str]:
        """What opens it; nothing else that boto3 could find counts."""
        own = {"POSTROOM_S3_ACCESS_KEY": ACCESS_KEY, "POSTROOM_S3_SECRET_KEY": SECRET_KEY}
        return {**own, "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null"}

    def names(self, prefix: str) -> list[str]:
        """Of the objects whose names begin so."""
        listed = self.client.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [told["Key"] for told in listed.get("Contents", [])]

    def uploads(self, prefix: str) -> list[str]:
        """Names of the objects that are on their way in parts."""
        listed = self.client.list_multipart_uploads(Bucket=self.bucket, Prefix=prefix)
        return [told["Key"] for told in listed.get("Uploads", [])]

    def make_bucket(self, name: str) -> None:
        """Make one that is empty."""
        self.client.create_bucket(Bucket=name)

    def drop_bucket(self, name: str) -> None:
        """Delete a bucket with a few objects."""
        for told in self.client.list_objects_v2(Bucket=name).get("Contents", []):
            self.client.delete_object(Bucket=name, Key=told["Key"])
        self.client.delete_bucket(Bucket=name)

    def age(self, name: str, seconds: float) -> None:
        """Make an object look as if it had been written so long ago."""
        # What is new is entered into the listing when somebody asks for it.
        self.client.list_objects_v2(Bucket=self.bucket, MaxKeys=1)
        swift_clock.age(self.folder / "node/d1", "AUTH_test", self.bucket, name, seconds)

    def _connected(self) -> Any:
        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(s3={"addressing_style": "path"}),
        )
