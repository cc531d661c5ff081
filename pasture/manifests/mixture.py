"""Mixtures: how much of each source a model is trained on, and what that means in epochs.

A mixture gives each source a proportion of the sampled tokens. With a token budget and the
sources' own tokens, the epochs follow: ``epochs = proportion * budget / tokens``; from epochs,
proportions follow the same way. Reads ``mixtures/*.yaml``; writes an output's ``mixture.yaml``.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Collection, Iterator, Mapping

import yaml

from pasture import config, storage
from pasture.errors import ConfigError

log = logging.getLogger(__name__)

# Up to about four epochs repeated data is worth nearly as much as new (Muennighoff et al. 2023,
# arXiv:2305.16264); the value of more falls off fast.
MAX_USEFUL_EPOCHS = 4.0


@dataclasses.dataclass(frozen=True)
class Share:
    """One source of a mixture.

    Args:
        proportion: Share of the sampled tokens, over 0 and at most 1.
        epochs: Passes over the source that the mixture's publication reports, where it does.
        gigabytes: Size on disk that the publication reports, in units of 10^9 bytes.
    """

    proportion: float
    epochs: float | None = None
    gigabytes: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.proportion <= 1:
            raise ConfigError(f"proportion: {self.proportion} is not over 0 and at most 1")
        for name in ("epochs", "gigabytes"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigError(f"{name}: {value} is not over 0")


@dataclasses.dataclass(frozen=True)
class Mixture:
    """Proportions of sources, and where they come from.

    Args:
        name: Name of the mixture.
        tokens: The token budget that it was made for.
        sources: The sources by registry name; the proportions sum to 1 within 1e-9.
        citation: Where the figures stand.
        unknown: What the publication does not say, and what stands here in its place.
        absent: Sources that were left out by ``rescaled``.
    """

    name: str
    tokens: float
    sources: Mapping[str, Share]
    citation: str = ""
    unknown: str = ""
    absent: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.tokens > 0:
            raise ConfigError(f"tokens: {self.tokens} is not over 0")
        _check_sum(self.proportions)

    @property
    def proportions(self) -> dict[str, float]:
        """The proportions by source."""
        return {name: share.proportion for name, share in self.sources.items()}

    def implied_tokens(self) -> dict[str, float]:
        """Derive each source's own tokens from the proportions and epochs that are published."""
        return {
            name: share.proportion * self.tokens / share.epochs
            for name, share in self.sources.items()
            if share.epochs is not None
        }

    def implied_bytes_per_token(self) -> dict[str, float]:
        """Derive the bytes of each source's files per token, where their size is published."""
        tokens = self.implied_tokens()
        return {
            name: share.gigabytes * 1e9 / tokens[name]
            for name, share in self.sources.items()
            if share.gigabytes is not None and name in tokens
        }

    def rescaled(self, present: Collection[str]) -> Mixture:
        """Leave out the sources that are not there, and scale the others up to 1.

        The sources left out are kept in ``absent``, and a warning names them.

        Raises:
            ConfigError: A source that is there is not in the mixture, or none is there.
        """
        strange = sorted(set(present) - set(self.sources))
        if strange:
            raise ConfigError(
                f"the mixture {self.name} gives no proportion for {', '.join(strange)}; "
                f"it knows {', '.join(self.sources)}"
            )
        kept = {name: share for name, share in self.sources.items() if name in present}
        if not kept:
            raise ConfigError(f"none of the sources of the mixture {self.name} is there")
        if len(kept) == len(self.sources):
            return self
        absent = tuple(name for name in self.sources if name not in kept)
        total = sum(share.proportion for share in kept.values())
        log.warning(
            "the mixture %s is rescaled: %s absent, which made up %.1f%% of it",
            self.name,
            f"{', '.join(absent)} {'are' if len(absent) > 1 else 'is'}",
            100 * (1 - total),
        )
        shares = {
            name: dataclasses.replace(share, proportion=share.proportion / total)
            for name, share in kept.items()
        }
        return dataclasses.replace(self, sources=shares, absent=(*self.absent, *absent))

    def plan(
        self,
        token_counts: Mapping[str, int],
        budget: float | None = None,
        options: PlanOptions | None = None,
    ) -> MixturePlan:
        """Work out the tokens and epochs of each source for a budget, by default the mixture's.

        Raises:
            ConfigError: A source has no tokens, or is not in the mixture; or the options
                contradict one another.
        """
        options = options or PlanOptions()
        proportions: Mapping[str, float] = self.proportions
        if options.epochs is not None:
            if budget is not None:
                raise ConfigError("epochs give the budget themselves: leave one of them out")
            token_counts = {name: token_counts.get(name, 0) for name in options.epochs}
            proportions, budget = proportions_from_epochs(options.epochs, token_counts)
        budget = self.tokens if budget is None else budget
        if options.temperature is not None:
            proportions = temperature_proportions(token_counts, options.temperature)
        if options.max_epochs is not None:
            proportions = cap_epochs(proportions, token_counts, budget, options.max_epochs)
        plan = make_plan(self.name + options.suffix, proportions, token_counts, budget)
        return dataclasses.replace(plan, absent=self.absent)


@dataclasses.dataclass(frozen=True)
class PlanOptions:
    """How a plan may depart from its mixture's proportions.

    Args:
        max_epochs: Most passes over a source, see ``cap_epochs``.
        temperature: Weigh the sources by size instead, see ``temperature_proportions``.
        epochs: Passes over each source, from which proportions and budget follow; sources that
            it does not name are left out.
    """

    max_epochs: float | None = None
    temperature: float | None = None
    epochs: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if self.epochs is not None and (self.max_epochs or self.temperature):
            raise ConfigError("epochs stand alone: leave max_epochs and temperature out")
        if self.max_epochs is not None and not self.max_epochs > 0:
            raise ConfigError(f"max_epochs: {self.max_epochs} is not over 0")

    @property
    def suffix(self) -> str:
        """What is put behind the mixture's name, whose proportions these are no longer."""
        changes = {"temperature": self.temperature, "max-epochs": self.max_epochs}
        parts = [f"-{name}-{value:g}" for name, value in changes.items() if value is not None]
        return "".join(parts) or ("-epochs" if self.epochs is not None else "")


@dataclasses.dataclass(frozen=True)
class SourcePlan:
    """What a budget means for one source.

    Args:
        proportion: Share of the sampled tokens.
        unique_tokens: Tokens that the source has.
        sampled_tokens: Tokens that are drawn from it.
        epochs: ``sampled_tokens / unique_tokens``.
    """

    proportion: float
    unique_tokens: int
    sampled_tokens: float
    epochs: float


@dataclasses.dataclass(frozen=True)
class MixturePlan:
    """What a budget means for every source of a mixture.

    Args:
        name: Name of the mixture.
        budget: Tokens sampled in all.
        sources: The sources by registry name.
        tokenizer: The tokenizer's hash, where the tokens are counted and not assumed.
        absent: Sources of the mixture that were left out, the others scaled up.
    """

    name: str
    budget: float
    sources: Mapping[str, SourcePlan]
    tokenizer: str = ""
    absent: tuple[str, ...] = ()

    @property
    def proportions(self) -> dict[str, float]:
        """The proportions by source, for a sampler."""
        return {name: source.proportion for name, source in self.sources.items()}

    def warnings(self) -> list[str]:
        """Say what a user should think about before training on the plan."""
        lines = [
            f"{name} would be seen {source.epochs:.1f} times; past about "
            f"{MAX_USEFUL_EPOCHS:.0f} epochs repeated data teaches little: lower its "
            f"proportion or the budget, or get more of it"
            for name, source in self.sources.items()
            if source.epochs > MAX_USEFUL_EPOCHS
        ]
        if self.absent:
            lines.append(
                f"the mixture was rescaled to the sources that are there; without "
                f"{', '.join(self.absent)} it is not {self.name} as published"
            )
        return lines


def make_plan(
    name: str, proportions: Mapping[str, float], token_counts: Mapping[str, int], budget: float
) -> MixturePlan:
    """Work out the tokens and epochs of each source for proportions and a budget.

    Raises:
        ConfigError: A source has no tokens or no proportion, or the budget is not over 0.
    """
    if not budget > 0:
        raise ConfigError(f"budget: {budget} is not over 0")
    _check_sum(proportions)
    _check_counts(proportions, token_counts)
    return MixturePlan(
        name,
        budget,
        {
            source: SourcePlan(
                proportion=proportion,
                unique_tokens=int(token_counts[source]),
                sampled_tokens=proportion * budget,
                epochs=proportion * budget / token_counts[source],
            )
            for source, proportion in proportions.items()
        },
    )


def proportions_from_epochs(
    epochs: Mapping[str, float], token_counts: Mapping[str, int]
) -> tuple[dict[str, float], float]:
    """Turn epochs into proportions, and give the budget that they make up.

    Raises:
        ConfigError: A source has no tokens or no epochs, or its epochs are not over 0.
    """
    _check_counts(epochs, token_counts)
    for source, value in epochs.items():
        if not value > 0:
            raise ConfigError(f"{source}: {value} epochs is not over 0")
    sampled = {source: value * token_counts[source] for source, value in epochs.items()}
    budget = sum(sampled.values())
    return {source: tokens / budget for source, tokens in sampled.items()}, budget


def temperature_proportions(
    token_counts: Mapping[str, int], temperature: float
) -> dict[str, float]:
    """Weigh sources by ``tokens ** (1 / temperature)``: 1 is by size, high is all alike.

    Under 1, large sources get even more than by size.

    Multilingual models are mixed so, to see enough of small languages (Conneau et al. 2020,
    arXiv:1911.02116, with an exponent of 0.3).

    Raises:
        ConfigError: A source has no tokens, or the temperature is not over 0.
    """
    if not temperature > 0:
        raise ConfigError(f"temperature: {temperature} is not over 0")
    _check_counts(token_counts, token_counts)
    largest = max(token_counts.values())
    weights = {
        source: (count / largest) ** (1 / temperature) for source, count in token_counts.items()
    }
    total = sum(weights.values())
    return {source: weight / total for source, weight in weights.items()}


def cap_epochs(
    proportions: Mapping[str, float],
    token_counts: Mapping[str, int],
    budget: float,
    max_epochs: float,
) -> dict[str, float]:
    """Lower the proportion of sources that would be repeated too often; the others take it up.

    A source over the cap gets what the cap allows, and the rest goes to the others in their
    proportions, until none is over (after UniMax, Chung et al. 2023, arXiv:2304.09151).

    Raises:
        ConfigError: All sources together have too few tokens for the budget under the cap.
    """
    _check_sum(proportions)
    _check_counts(proportions, token_counts)
    most = {source: max_epochs * token_counts[source] / budget for source in proportions}
    if sum(most.values()) < 1 - 1e-9:
        raise ConfigError(
            f"{max_epochs} epochs of all sources are {sum(most.values()) * budget:.4g} tokens, "
            f"fewer than the budget of {budget:.4g}; raise max_epochs or lower the budget"
        )
    capped: dict[str, float] = {}
    free = dict(proportions)
    while True:
        scale = (1 - sum(capped.values())) / (sum(free.values()) or 1)
        over = [source for source, share in free.items() if share * scale > most[source]]
        if not over:
            break
        for source in over:
            capped[source] = most[source]
            del free[source]
    return {
        source: capped[source] if source in capped else free[source] * scale
        for source in proportions
    }


def builtin_mixtures() -> dict[str, str]:
    """Map the names of the built-in mixtures to their paths."""
    return config.builtin_files("mixtures")


def load_mixture(name: str, known: Collection[str] | None = None) -> Mixture:
    """Load and check a mixture: a YAML file, or a built-in name.

    Args:
        name: ``llama``, ``llama2``, ``llama3``, ``sample``, or the path of a ``.yaml`` file.
        known: The names that a source may have; None allows any.

    Raises:
        ConfigError: There is none of that name, or it cannot work; the message names the key.
    """
    builtin = builtin_mixtures()
    path = name
    if not name.endswith((".yaml", ".yml")):
        path = builtin[config.one_of(name, builtin, "mixture", "name")]
    elif not storage.exists(path):
        raise ConfigError(f"there is no mixture file {path}; built in: {', '.join(builtin)}")
    where = path.rsplit("/", 1)[-1]
    mixture = config.load(Mixture, config.read_yaml(path), where)
    for source in mixture.sources if known is not None else ():
        config.one_of(source, known or (), f"{where}.sources", "source")
    return mixture


def natural_mixture(sizes: Mapping[str, int]) -> Mixture:
    """Make the mixture that draws every source by its size, and each token once.

    Raises:
        ConfigError: Every source is empty.
    """
    total = sum(sizes.values())
    shares = {name: Share(size / total) for name, size in sizes.items() if size}
    return Mixture("natural", float(max(total, 1)), shares)


def write_mixture(path: str, plan: MixturePlan) -> None:
    """Write the proportions and the budget of a plan as a mixture, for a recipe.

    Raises:
        ConfigError: The name does not end in ``.yaml``, as a recipe wants it.
    """
    if not path.endswith((".yaml", ".yml")):
        raise ConfigError(f"{path}: a mixture's file ends in .yaml")
    body = {
        "name": plan.name,
        "tokens": plan.budget,
        "sources": {name: {"proportion": p} for name, p in plan.proportions.items()},
    }
    with storage.atomic_write(path) as stream:
        stream.write(yaml.safe_dump(body, sort_keys=False, allow_unicode=True).encode())


def write_realised(path: str, plan: MixturePlan) -> None:
    """Write the plan of what an output really holds: its ``mixture.yaml``."""
    with storage.atomic_write(path) as stream:
        stream.write(
            b"# Written by Pasture: each source's proportion, and the tokens and epochs that it\n"
            b"# means for the budget. The trainer samples by these proportions.\n"
        )
        body = yaml.safe_dump(config.plain(plan), sort_keys=False, allow_unicode=True)
        stream.write(body.encode())


def read_realised(path: str) -> MixturePlan:
    """Read an output's ``mixture.yaml``.

    Raises:
        ConfigError: The file is not a mixture that Pasture wrote, or was changed so that its
            proportions do not sum to 1.
    """
    plan = config.load(MixturePlan, config.read_yaml(path), path.rsplit("/", 1)[-1])
    _check_sum(plan.proportions)
    return plan


def compare_rows(mixture: Mixture, plan: MixturePlan) -> list[dict[str, str]]:
    """Lay a plan beside the figures that the mixture's publication reports, one row a source.

    The columns are ``source``, ``proportion``, ``epochs``, ``tokens``, ``published epochs``,
    ``published tokens`` (derived), ``ratio`` (our tokens to theirs) and ``disk`` (published).
    A cell without a figure is empty.
    """
    return [dict(row) for row in _compare(mixture, plan)]


def _compare(mixture: Mixture, plan: MixturePlan) -> Iterator[dict[str, str]]:
    implied = mixture.implied_tokens()
    for name, share in mixture.sources.items():
        ours = plan.sources.get(name)
        theirs = implied.get(name)
        yield {
            "source": name,
            "proportion": f"{100 * (ours or share).proportion:.1f}%",
            "epochs": f"{ours.epochs:.2f}" if ours else "",
            "tokens": format_count(ours.unique_tokens) if ours else "",
            "published epochs": f"{share.epochs:.2f}" if share.epochs else "",
            "published tokens": format_count(theirs) if theirs else "",
            "ratio": f"{ours.unique_tokens / theirs:.3g}" if ours and theirs else "",
            "disk": format_bytes(share.gigabytes) if share.gigabytes else "",
        }


def format_count(value: float) -> str:
    """Write a number of tokens with three digits: ``25.7 B``."""
    for scale, unit in ((1e12, " T"), (1e9, " B"), (1e6, " M"), (1e3, " k")):
        if value >= 0.9995 * scale:
            return f"{value / scale:.3g}{unit}"
    return f"{value:.0f}"


def format_bytes(gigabytes: float) -> str:
    """Write a size as the paper's table does: ``3.3 TB``, ``783 GB``."""
    return f"{gigabytes / 1000:g} TB" if gigabytes >= 1000 else f"{gigabytes:g} GB"


def _check_sum(proportions: Mapping[str, float]) -> None:
    if not proportions:
        raise ConfigError("sources: name at least one source")
    total = sum(proportions.values())
    if abs(total - 1) > 1e-9:
        raise ConfigError(f"sources: the proportions must sum to 1, not to {total:.12g}")


def _check_counts(names: Collection[str], token_counts: Mapping[str, int]) -> None:
    empty = sorted(name for name in names if not token_counts.get(name))
    if empty:
        raise ConfigError(
            f"no tokens of {', '.join(empty)}: run these sources, or rescale the mixture to those "
            f"that are there"
        )
    strange = sorted(name for name, count in token_counts.items() if count and name not in names)
    if strange:
        raise ConfigError(f"the mixture gives no proportion for {', '.join(strange)}")
