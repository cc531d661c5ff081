r"""LaTeX submissions cleaned to their text, as the LLaMA paper asks (section 2.1, ArXiv).

    files -> Submission -> Expander -> cut_body -> Paper

Definitions are carried out and the authors' macros expanded first, with a tokenizer that
follows TeX's rules, because only then is it known where a section or a bibliography starts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from pasture.sources.arxiv.latex.body import cut_body
from pasture.sources.arxiv.latex.commands import COMMANDS
from pasture.sources.arxiv.latex.expand import Expander
from pasture.sources.arxiv.latex.files import Submission
from pasture.sources.arxiv.latex.limits import CannotExpand, ExpansionLimits


class NotCleaned(Exception):  # a verdict on the submission, which becomes a Rejected
    """A submission gives no text.

    Args:
        reason: Why, as the reason of a ``Rejected``.
        detail: What exactly was met.
        is_bad: Whether the submission is broken, rather than left out by a rule.
        text: Its text, where it is at hand, for the audit.
    """

    def __init__(
        self, reason: str, detail: str = "", *, is_bad: bool = False, text: str = ""
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.is_bad = is_bad
        self.text = text


@dataclasses.dataclass(frozen=True, slots=True)
class Paper:
    """A cleaned paper.

    Args:
        text: The text.
        title: The title that the source gives.
        start: What the text starts with (``cut_body``).
        main: The main file.
        files: The files read, in order of first use.
        missing_inputs: Files that the paper reads but the submission lacks.
        cyclic_inputs: Files that read themselves, passed over the second time.
        unexpanded: The paper's macros that were left as they stand.
    """

    text: str
    title: str | None
    start: str
    main: str
    files: tuple[str, ...]
    missing_inputs: int = 0
    cyclic_inputs: int = 0
    unexpanded: tuple[str, ...] = ()


def clean_submission(
    files: Mapping[str, bytes],
    limits: ExpansionLimits = ExpansionLimits(),
    *,
    appendices: bool = True,
) -> Paper:
    """Clean the files of one submission.

    Raises:
        NotCleaned: It gives no text.
    """
    submission = Submission(files)
    main = submission.find_main()
    if main is None:
        raise _no_main(submission)
    expander = Expander(submission, COMMANDS, limits)
    try:
        text = expander.expand(main)
    except CannotExpand as error:
        raise NotCleaned(error.reason, error.detail) from error
    body = cut_body(text, submission.lexicon, appendices=appendices)
    if body is None:
        raise NotCleaned("no_body", main, text=text)
    if not body.text:
        raise NotCleaned("empty", f"{main}: no words are left", text=text)
    return Paper(
        text=body.text,
        title=body.title,
        start=body.start,
        main=main,
        files=tuple(expander.used),
        missing_inputs=expander.counts["missing_inputs"],
        cyclic_inputs=expander.counts["cyclic_inputs"],
        unexpanded=tuple(expander.unexpanded),
    )


def _no_main(submission: Submission) -> NotCleaned:
    if submission.is_withdrawn():
        return NotCleaned("withdrawn")
    if not submission.names:
        if submission.not_text:
            return NotCleaned("not_text", submission.not_text[0], is_bad=True)
        return NotCleaned("no_tex")
    if not any(submission.text(name).strip() for name in submission.names):
        return NotCleaned("empty")
    return NotCleaned("plain_tex", f"no LaTeX document among {', '.join(submission.names)[:200]}")
