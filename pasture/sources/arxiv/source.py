r"""ArXiv: the bulk source tars, one document a paper (LLaMA, section 2.1).

Reads the tars that arXiv hands out (``arXiv_src_2401_001.tar``): a folder ``yymm`` with one
member a paper, ``id.gz`` (a gzipped TeX file, or a gzipped tar of a submission) or ``id.pdf``
(a paper without source). The cleaning is in the package ``latex``.

A paper's date is the month in its id: the times in a bulk tar are those of its packing.
"""

from __future__ import annotations

import dataclasses
import datetime
import io
import posixpath
import re
import tarfile
import zlib
from collections.abc import Iterator

from pasture.records import Document, to_metadata
from pasture.sources.arxiv.latex import NotCleaned, Paper, clean_submission
from pasture.sources.arxiv.latex.files import is_source
from pasture.sources.arxiv.latex.limits import ExpansionLimits
from pasture.sources.base import InputShard, Rejected, Source, SourceInfo, one_shard_each
from pasture.sources.containers import archives
from pasture.sources.containers.archives import Limits, Member
from pasture.sources.containers.compression import TooLarge
from pasture.sources.containment import contained, contained_file

_OLD_ID = re.compile(r"([a-z-]{1,20}(?:\.[A-Z]{2})?)(\d{7})\Z")
_NEW_ID = re.compile(r"\d{4}\.\d{4,5}\Z")
_MAX_AUDIT = 2_000  # characters of a rejected paper's text that are kept


@dataclasses.dataclass(frozen=True)
class Arxiv(Source):
    """The LaTeX sources of arXiv.

    Args:
        appendices: Keep appendices, and what follows the bibliography under a heading of its
            own. LLaMA removes the bibliography only; RedPajama ends each text at the first of
            either.
        limits: What a bulk tar and a submission may hold.
        expansion: How far macros are expanded.
    """

    name = "arxiv"
    info = SourceInfo(
        title="arXiv",
        homepage="https://info.arxiv.org/help/bulk_data.html",
        licence="each paper's own; most under arXiv's non-exclusive licence to distribute",
        paper_section="2.1, ArXiv",
        raw_size="92 GB of text in the paper; bulk sources of about 3 TB up to 2023",
        formats="arXiv_src_yymm_nnn.tar",
    )

    appendices: bool = True
    limits: Limits = Limits()
    expansion: ExpansionLimits = ExpansionLimits()

    def shards(self) -> list[InputShard]:
        """One shard a bulk tar."""
        return one_shard_each(self.files())

    def read(self, shard: InputShard) -> Iterator[Document | Rejected]:
        """Yield one document or rejection a paper, in the order of the tar."""
        for path in shard.paths:
            yield from contained_file(path, self._read(path))

    def _read(self, path: str) -> Iterator[Document | Rejected]:
        for member in archives.read_members(path, self.limits):
            if isinstance(member, Rejected):
                yield member
                continue
            place = f"{path}:{member.name}"
            name = to_id(posixpath.splitext(posixpath.basename(member.name))[0]) or place
            yield contained(name, place, self.read_member, member, path)

    def read_member(self, member: Member, path: str) -> Document | Rejected:
        """Read one member of a bulk tar."""
        stem, extension = posixpath.splitext(posixpath.basename(member.name))
        paper_id = to_id(stem)
        if paper_id is None or extension not in (".gz", ".pdf"):
            locator = f"{path}:{member.name}"
            return Rejected(locator, "unexpected_member", "bad_record", "not yymm/id.gz or id.pdf")
        if extension == ".pdf":
            return Rejected(paper_id, "pdf_only")
        try:
            files = submission_files(member.data, self.limits)
            paper = clean_submission(files, self.expansion, appendices=self.appendices)
        except TooLarge as error:
            return Rejected(paper_id, "submission_over_limit", "bad_record", str(error))
        except NotCleaned as error:
            return Rejected(
                paper_id,
                error.reason,
                "bad_record" if error.is_bad else "rule",
                error.detail,
                error.text[:_MAX_AUDIT],
            )
        return to_document(paper_id, paper)


def to_document(paper_id: str, paper: Paper) -> Document:
    """Turn a cleaned paper into a document."""
    return Document(
        id=paper_id,
        source=Arxiv.name,
        text=paper.text,
        url=f"https://arxiv.org/abs/{paper_id}",
        date=to_date(paper_id),
        metadata=to_metadata(
            title=paper.title,
            start=paper.start,
            main_file=paper.main,
            files=list(paper.files) if len(paper.files) > 1 else None,
            missing_inputs=paper.missing_inputs or None,
            cyclic_inputs=paper.cyclic_inputs or None,
            unexpanded_macros=list(paper.unexpanded) or None,
        ),
    )


def to_id(stem: str) -> str | None:
    """The arXiv id in a member's name: ``2401.00001``, or ``hep-th/9901001`` for the old ones."""
    if _NEW_ID.match(stem):
        return stem
    old = _OLD_ID.match(stem)
    return f"{old[1]}/{old[2]}" if old else None


def to_date(paper_id: str) -> datetime.datetime | None:
    """The first day of the month in an id; None where it holds no month."""
    digits = paper_id.rpartition("/")[2][:4]
    year, month = int(digits[:2]), int(digits[2:])
    if not 1 <= month <= 12:
        return None
    century = 1900 if year >= 91 else 2000  # arXiv began in 1991
    return datetime.datetime(century + year, month, 1, tzinfo=datetime.timezone.utc)


def submission_files(data: bytes, limits: Limits = Limits()) -> dict[str, bytes]:
    """Unpack a submission: its files of TeX by path; a single file is called ``main.tex``.

    Raises:
        NotCleaned: It is damaged, or no source at all.
        TooLarge: It is over the limits.
    """
    try:
        content = archives.gunzip(data, limits.member_bytes)
    except (EOFError, zlib.error, OSError) as error:
        raise NotCleaned("damaged_gzip", repr(error), is_bad=True) from error
    if content.startswith(b"%PDF"):
        raise NotCleaned("pdf_only")
    if content.startswith(b"%!PS"):
        raise NotCleaned("postscript_only")
    if not _is_tar(content):
        return {"main.tex": content}
    files: dict[str, bytes] = {}
    names: list[str] = []
    for member in archives.read_members_of(io.BytesIO(content), "submission", limits):
        if isinstance(member, Rejected):
            if member.kind == "bad_file":
                raise NotCleaned(member.reason, member.detail, is_bad=True)
            continue  # a link or a file with an unsafe name, which TeX would not read either
        names.append(member.name)
        if is_source(member.name) or member.name.upper().startswith("00README"):
            files[member.name] = member.data
    if not any(is_source(name) for name in files):
        _raise_for_pages(names)
    return files


def _raise_for_pages(names: list[str]) -> None:
    """Reject a submission without source by the kind of its pages."""
    extensions = {posixpath.splitext(name)[1].lower() for name in names}
    if ".pdf" in extensions:
        raise NotCleaned("pdf_only", ", ".join(names[:5]))
    if extensions & {".ps", ".eps"}:
        raise NotCleaned("postscript_only", ", ".join(names[:5]))


def _is_tar(content: bytes) -> bool:
    """Tell a tar by the checksum of its first header."""
    try:
        tarfile.TarInfo.frombuf(content[:512], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True
