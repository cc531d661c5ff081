"""What LLaMA's corpus would cost on Dataflow, by what each stage took on a sample.

    pasture plan RECIPE --measure --rates rates.json
    python -m benchmarks.dataflow_cost rates.json [--vcpu-hour 0.056] ...

Nothing of it was executed on Dataflow. Each stage's worker seconds and shuffled bytes grow with
the raw bytes of its source, from the sample's to those of the paper's corpus. Assumed: a worker
process a vCPU; processors as fast as those that were measured on, whose time counts only as far
as the steps had one; workers that are busy four fifths of the time; all shuffled bytes billed.
Left out: the models, which the driver trains; storage, requests and network.
"""

from __future__ import annotations

import argparse
import collections
import sys

from benchmarks.reporting import machine, markdown_table
from pasture.driver.measure import Rates

RAW_GIGABYTES = {
    "common_crawl": 40_000,
    "c4": 305,
    "github": 625,  # 2.5 TB of text, at a quarter as gzip
    "wikipedia": 70,
    "books": 15,
    "arxiv": 3_000,
    "stackexchange": 25,
}
"""Raw input as the sources hold it, compressed where they compress, in GB: what ``pasture sources``
says of each."""

BUSY = 0.8
"""Share of a worker's time that it works; ours."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("rates", help="what pasture plan --measure --rates wrote")
    # The example of Google's dataflow-metrics-exporter, which names us-central1 (2023).
    parser.add_argument("--vcpu-hour", type=float, default=0.056, help="USD a vCPU-hour")
    parser.add_argument("--gigabyte-hour", type=float, default=0.003557, help="USD a GB-hour")
    parser.add_argument("--shuffled-gigabyte", type=float, default=0.011, help="USD a GB shuffled")
    parser.add_argument("--memory", type=float, default=4.0, help="GB of memory a vCPU")
    args = parser.parse_args()
    rates = Rates.read(args.rates)
    hours: dict[str, float] = collections.defaultdict(float)
    shuffled: dict[str, float] = collections.defaultdict(float)
    worked = working_share(rates)
    for key, rate in rates.stages.items():
        parts = key.split("/")
        if parts[0] in ("documents", "tokens", "indexes"):
            growth = RAW_GIGABYTES[parts[1]] * 1e9 / rates.raw_bytes[parts[1]]
            hours[parts[1]] += rate.seconds * worked * growth / 3600 / BUSY
            shuffled[parts[1]] += rate.shuffled_bytes * growth / 1e9
    rows = [
        (
            source,
            f"{RAW_GIGABYTES[source]:,}",
            f"{rates.raw_bytes[source] / 1e6:,.1f}",
            f"{hours[source]:,.0f}",
            f"{shuffled[source]:,.0f}",
            f"{price(args, hours[source], shuffled[source]):,.0f}",
        )
        for source in RAW_GIGABYTES
        if source in rates.raw_bytes
    ]
    total_hours, total_shuffled = sum(hours.values()), sum(shuffled.values())
    total = price(args, total_hours, total_shuffled)
    rows.append(("all", "", "", f"{total_hours:,.0f}", f"{total_shuffled:,.0f}", f"{total:,.0f}"))
    print(f"{machine()}; measured with {rates.workers} workers.\n", file=sys.stdout)
    header = ("source", "raw GB", "measured on, MB", "vCPU-hours", "GB shuffled", "USD")
    print(markdown_table(header, rows))


def working_share(rates: Rates) -> float:
    """The share of the time inside the stages' steps in which they had a processor."""
    jobs = [job for job in rates.jobs if not job.keys[0].startswith(("models/", "tokenizer"))]
    starts = min(job.cpu_seconds for job in jobs)
    inside = sum(rates.stages[key].seconds for job in jobs for key in job.keys)
    return min(1.0, sum(job.cpu_seconds - starts for job in jobs) / inside)


def price(args: argparse.Namespace, hours: float, shuffled: float) -> float:
    """Add up the price of vCPU-hours with their memory, and of gigabytes shuffled."""
    each = args.vcpu_hour + args.memory * args.gigabyte_hour
    return float(hours * each + shuffled * args.shuffled_gigabyte)


if __name__ == "__main__":
    main()
