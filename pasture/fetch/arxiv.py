"""arXiv: the bulk tars of LaTeX sources, in a bucket whose downloads are billed to you.

The bucket's manifest names each tar with its size and MD5. Requests are signed, with the
credentials that AWS's own tools find, by botocore, which the extra ``s3`` brings; the download
itself is the same as for the other origins.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from lxml import etree

from pasture.errors import ConfigError, FetchError
from pasture.fetch.base import Manners, Origin, RemoteFile, Terms, checked_path, unique
from pasture.fetch.client import Client
from pasture.fetch.listings import whole_number

_TAR = re.compile(r"src/(arXiv_src_(\d\d)(\d\d)_\d{3,4}\.tar)", re.ASCII)
_MONTH = re.compile(r"(19|20)\d\d-(0[1-9]|1[0-2])", re.ASCII)
_MD5 = re.compile(r"[0-9a-f]{32}")
_SCHEME = "s3://"
_SIGNED_SECONDS = 3600
"""How long a signed address holds; each request has a new one."""


@dataclasses.dataclass(frozen=True)
class ArxivOrigin(Origin):
    """Tars of submissions, in the requester-pays bucket ``s3://arxiv``.

    Args:
        since: First month of submissions, such as ``2020-01``; empty for all.
        until: Last month; empty for all.
        bucket: Name of the bucket.
        region: The bucket's region.
    """

    name: ClassVar[str] = "arxiv"
    terms: ClassVar[Terms] = Terms(
        licence="Each paper has its own licence; most are under arXiv's licence to distribute, "
        "which is given to arXiv only. Check what you may do before you pass texts on.",
        url="https://info.arxiv.org/help/bulk_data_s3.html",
        size="about 3 TB at the end of 2023; a tar: about 500 MB",
        advice="The download is billed to your AWS account (requester pays), outside of AWS's "
        "region us-east-1 at its price for data transfer. Credentials are taken where AWS's own "
        "tools take them; pip install 'pasture[s3]' brings what signs the requests.",
    )
    manners: ClassVar[Manners] = Manners(connections=2)
    # It is part of what botocore signs.
    headers: ClassVar[Mapping[str, str]] = {"x-amz-request-payer": "requester"}

    base_url: str = "https://s3.us-east-1.amazonaws.com"
    since: str = ""
    until: str = ""
    bucket: str = "arxiv"
    region: str = "us-east-1"

    def __post_init__(self) -> None:
        super().__post_init__()
        for option in ("since", "until"):
            if getattr(self, option) and not _MONTH.fullmatch(getattr(self, option)):
                raise ConfigError(
                    f"arxiv: --{option} is {getattr(self, option)!r}; give a month such as 2020-01"
                )

    def files(self, client: Client) -> list[RemoteFile]:
        """Read the bucket's manifest and choose the tars of the months."""
        listing = f"{_SCHEME}{self.bucket}/src/arXiv_src_manifest.xml"
        body, _ = client.read(listing)
        try:
            # No entity of a document type is expanded, and nothing is loaded from elsewhere.
            parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
            root = etree.fromstring(body, parser)
        except etree.XMLSyntaxError as error:
            raise FetchError(f"{listing} is no manifest: {error}; try again later") from error
        found = []
        for entry in root.iterfind("file"):
            name = entry.findtext("filename") or ""
            match = _TAR.fullmatch(checked_path(name, listing))
            if match is None or not self._is_asked_for(match[2], match[3]):
                continue
            digest = (entry.findtext("md5sum") or "").strip()
            found.append(
                RemoteFile(
                    f"arxiv/{match[1]}",
                    (f"{_SCHEME}{self.bucket}/{name}",),
                    size=whole_number(entry.findtext("size"), listing),
                    checksum=f"md5:{digest}" if _MD5.fullmatch(digest) else "",
                )
            )
        if not found:
            raise FetchError(f"{listing} lists no tar of these months; check --since and --until")
        return unique(found, listing)[: self.limit]

    def _is_asked_for(self, year: str, month: str) -> bool:
        # arXiv began in 1991.
        date = f"{'19' if year >= '91' else '20'}{year}-{month}"
        return (not self.since or date >= self.since) and (not self.until or date <= self.until)

    def sign(self, url: str) -> str:
        """Sign an address of the bucket for one request.

        Raises:
            FetchError: There are no credentials, or no library to sign with.
        """
        bucket, _, key = url.removeprefix(_SCHEME).partition("/")
        parameters = {"Bucket": bucket, "Key": key, "RequestPayer": "requester"}
        try:
            from botocore.exceptions import BotoCoreError
        except ImportError as error:
            raise FetchError(f"{url}: pip install 'pasture[s3]' to sign requests") from error
        try:
            signed: str = _s3(self.region, self.base_url).generate_presigned_url(
                "get_object", Params=parameters, ExpiresIn=_SIGNED_SECONDS
            )
        except BotoCoreError as error:
            raise FetchError(
                f"{url}: {error}; set your AWS credentials, as for aws s3 cp"
            ) from error
        return signed


@functools.lru_cache(maxsize=1)
def _s3(region: str, endpoint: str) -> Any:
    """The client that signs; botocore takes a while to make one."""
    from botocore.config import Config
    from botocore.session import get_session

    return get_session().create_client(
        "s3",
        region_name=region,
        endpoint_url=endpoint,
        config=Config(signature_version="s3v4"),
    )
