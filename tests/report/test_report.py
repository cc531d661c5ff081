"""The report: histograms, and a page that data cannot break out of."""

from __future__ import annotations

import pytest
from lxml import html

from pasture.manifests.clusters import Cluster, KeptFile
from pasture.manifests.outputs import Funnel
from pasture.report.data import Example, FunnelStep, Histogram, Report, SourceReport, histogram
from pasture.report.page import render

HOSTILE = '</pre><script>alert(1)</script><img src=x onerror=alert(2)> & "quotes" \''


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        ([0, 0], None),
        ([1, 9, 10, 99, 100], Histogram((1.0, 10.0, 100.0, 1000.0), (2, 2, 1))),
        ([5, 500], Histogram((1.0, 10.0, 100.0, 1000.0), (1, 0, 1))),
    ],
)
def test_histogram_has_logarithmic_bins(values, expected):
    assert histogram(values, bins_per_decade=1) == expected


def hostile_report() -> Report:
    funnel = Funnel("c4", 10, 6, 100, 200, {f"10-x/f/{HOSTILE}": 4}, 50)
    example = Example(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    source = SourceReport(
        funnel=funnel,
        steps=(FunnelStep("10-x", 10, 6, {HOSTILE: 4}, {HOSTILE: 1}),),
        languages=((HOSTILE, 6),),
        buckets=(("head", 6),),
        lengths=Histogram((1.0, 10.0), (6,)),
        perplexity=Histogram((), ()),
        kept=(example,),
        dropped=(example,),
        clusters=(Cluster("c4", HOSTILE, 3, KeptFile("c4", "10-x", 0), 0, HOSTILE, HOSTILE),),
    )
    return Report(HOSTILE, (source,), {}, {"models/ngram": {"note": HOSTILE}})


def test_text_from_the_data_stays_text():
    page = html.fromstring(render(hostile_report()))
    assert page.xpath("//script | //img") == []
    assert page.xpath("//pre/text()") == [HOSTILE, HOSTILE]


def test_the_page_shows_the_funnel():
    text = html.fromstring(render(hostile_report())).text_content()
    assert "10-x" in text
    assert "60%" in text
    assert "Not every source is tokenized yet" in text
