import collections
import dataclasses
import datetime
import random
import tarfile

import numpy as np
import pyarrow as pa
import pytest

from pasture.dedup.minhash import band_keys, match_probability, permutations, signatures
from pasture.dedup.near import FindNearDuplicates, NearDuplicates
from pasture.dedup.shingles import shingle
from pasture.records import Document

LETTERS = [chr(ord("a") + number) for number in range(26)]


def n_grams(text, n):
    words = text.split()
    return {tuple(words[i : i + n]) for i in range(max(1, len(words) - n + 1))} if words else set()


def jaccard(first, second):
    return len(first & second) / len(first | second)


def containment(first, second):
    return len(first & second) / min(len(first), len(second))


def coverage(first, second, n):
    """The share of the shorter text's words that stand in an n-gram of both."""
    shorter, longer = sorted((first.split(), second.split()), key=len)
    theirs = {tuple(longer[i : i + n]) for i in range(len(longer) - n + 1)}
    covered = set()
    for i in range(len(shorter) - n + 1):
        if tuple(shorter[i : i + n]) in theirs:
            covered.update(range(i, i + n))
    return len(covered) / len(shorter)


def make_corpus(seed, families=25, copies=4, words=120):
    """Texts in families, each a text and edited copies of it; all of different lengths."""
    draw = random.Random(seed)
    texts, lengths = [], set()
    for _ in range(families):
        original = [f"w{draw.randrange(5000)}" for _ in range(words)]
        for copy in range(copies):
            edited = list(original)
            for _ in range(draw.choice([0, 1, 2, 4, 8]) * bool(copy)):
                edited[draw.randrange(words)] = f"x{draw.randrange(5000)}"
            while len(" ".join(edited)) in lengths:
                edited.append("".join(draw.choices(LETTERS, k=draw.randrange(1, 40))))
            texts.append(" ".join(edited))
            lengths.add(len(texts[-1]))
    return draw.sample(texts, len(texts))


def by_hand(shards, config, rank=lambda text: 0):
    """The method on strings and Python sets: buckets, star links, true similarity, greedy."""
    addresses = [(s, r) for s, texts in enumerate(shards) for r in range(len(texts))]
    order = sorted(addresses, key=lambda at: (rank(shards[at[0]][at[1]]), at))
    grams = {(s, r): n_grams(shards[s][r], config.ngram) for s, r in addresses}
    texts = pa.array([shards[s][r] for s, r in addresses], pa.string())
    signature = signatures(
        shingle(texts, "words", config.ngram), *permutations(config.num_permutations, config.seed)
    )
    keys = dict(zip(addresses, band_keys(signature, *config.layout()).tolist(), strict=True))
    best, links = {}, collections.defaultdict(dict)
    measure = {"jaccard": jaccard, "containment": containment}
    for address in order:
        for key in keys[address] if grams[address] else []:
            other = best.setdefault(key, address)
            if other != address:
                if config.verify == "coverage":
                    pair = (shards[s][r] for s, r in (address, other))
                    value = coverage(*pair, config.ngram)
                else:
                    value = measure[config.verify](grams[address], grams[other])
                if value >= config.min_similarity:
                    links[address][other] = float(np.float32(value))
    found, gone = collections.defaultdict(list), set()
    for address in order:
        stays = [other for other in links[address] if other not in gone]
        if stays:
            gone.add(address)
            # What no document beats comes first, then what is more similar.
            other = min(stays, key=lambda at: (bool(links.get(at)), -links[address][at], at))
            found[address[0]].append((address[1], *other, links[address][other]))
    return {shard: sorted(rows) for shard, rows in sorted(found.items())}


CONFIGS = [
    NearDuplicates(),
    NearDuplicates(ngram=3, bands=20, rows=6, min_similarity=0.7),
    NearDuplicates(bands=64, rows=2, verify="containment", min_similarity=0.9),
    NearDuplicates(unit="dash_words", verify="coverage", min_similarity=0.9),
]


@pytest.mark.parametrize(("config", "num_shards"), zip(CONFIGS, [1, 3, 5, 4], strict=True))
def test_equals_a_search_by_hand(search, config, num_shards):
    texts = make_corpus(num_shards)
    shards = [texts[shard::num_shards] for shard in range(num_shards)]
    wanted = by_hand(shards, config)
    assert sum(map(len, wanted.values())) > 25
    assert search(FindNearDuplicates(config), shards) == wanted


@pytest.mark.parametrize("config", CONFIGS)
def test_drops_the_same_texts_in_any_order_and_sharding(search, config):
    """Where ranks differ, the address says nothing about which text stays."""
    config = dataclasses.replace(config, keep="longest")
    texts = make_corpus(9)
    dropped = set()
    for seed, num_shards in [(1, 2), (2, 7)]:
        mixed = random.Random(seed).sample(texts, len(texts))
        shards = [mixed[shard::num_shards] for shard in range(num_shards)]
        found = search(FindNearDuplicates(config), shards)
        assert found == by_hand(shards, config, rank=lambda text: -len(text))
        dropped.add(frozenset(shards[s][row] for s, rows in found.items() for row, *_ in rows))
    assert len(dropped) == 1


def test_every_dropped_document_has_a_kept_and_similar_better_one(search):
    config = NearDuplicates(ngram=2, bands=40, rows=3, min_similarity=0.6)
    chain = [" ".join(f"w{word}" for word in range(start, start + 60)) for start in range(0, 60, 4)]
    shards = [chain[:5], chain[5:]]
    found = search(FindNearDuplicates(config), shards)
    gone = {(shard, row) for shard, rows in found.items() for row, *_ in rows}
    assert len(gone) > 5
    for shard, rows in found.items():
        for row, of_shard, of_row, similarity in rows:
            assert (of_shard, of_row) < (shard, row)
            assert (of_shard, of_row) not in gone
            true = jaccard(n_grams(shards[shard][row], 2), n_grams(shards[of_shard][of_row], 2))
            assert similarity == pytest.approx(true)
            assert true >= 0.6


def test_similarity_is_not_chained(search):
    """B repeats A, and C repeats B, but C does not repeat A: only B goes."""
    texts = [" ".join(f"w{word}" for word in range(start, start + 30)) for start in (0, 6, 12)]
    config = NearDuplicates(ngram=1, bands=64, rows=2, min_similarity=0.6)
    found = search(FindNearDuplicates(config), [[text] for text in texts])
    assert found == {1: [(0, 0, 0, pytest.approx(24 / 36))]}


@pytest.mark.parametrize("shards", [[], [["", "--- !"], [], ["... ?", "", " \n"]]])
def test_texts_without_words_are_nobodys_duplicates(search, shards):
    assert search(FindNearDuplicates(), shards) == {}


def test_short_texts_are_one_shingle(search):
    shards = [["One, two.", "three"], ["one two", "two one", "Three!"]]
    assert search(FindNearDuplicates(), shards) == {1: [(0, 0, 0, 1.0), (2, 0, 1, 1.0)]}


def test_unique_texts_all_stay(search):
    texts = make_corpus(3, families=300, copies=1)
    assert search(FindNearDuplicates(), [texts[::2], texts[1::2]]) == {}


def test_a_hot_text_keeps_its_first_copy_only(search):
    shards = [["a b c d e f"] * 400, ["x y z"], ["a b c d e f"] * 400]
    found = search(FindNearDuplicates(), shards)
    assert found == {
        0: [(row, 0, 0, 1.0) for row in range(1, 400)],
        2: [(row, 0, 0, 1.0) for row in range(400)],
    }


def test_a_short_edition_in_a_long_one_is_contained(search):
    words = [f"w{number}" for number in range(2000)]
    shards = [[" ".join(words)], [" ".join(words[:1000]) + " an afterword of its own"]]
    books = NearDuplicates(
        ngram=13, bands=64, rows=2, verify="containment", min_similarity=0.9, keep="longest"
    )
    assert search(FindNearDuplicates(NearDuplicates(bands=64, rows=2)), shards) == {}
    assert search(FindNearDuplicates(books), shards) == {1: [(0, 0, 0, pytest.approx(988 / 993))]}


WORDS = [f"w{number}" for number in range(40)]


@pytest.mark.parametrize(
    ("edition", "share"),
    [
        (WORDS[:30], 1),
        ([*WORDS[:10], "other", *WORDS[11:30]], 29 / 30),
        ([*WORDS[:10], "x", *WORDS[11:15], "y", *WORDS[16:30]], 24 / 30),
        ([*WORDS[5:9], "only", "four", "are", "shared", *WORDS[20:30]], 10 / 18),
        (WORDS[:4], 0),
        (["too", "short"], 0),
    ],
)
def test_coverage_is_the_share_of_words_in_shared_n_grams(search, edition, share):
    config = NearDuplicates(
        unit="dash_words", num_permutations=1024, bands=1024, rows=1, verify="coverage",
        min_similarity=0.001, keep="longest",
    )  # fmt: skip
    for shards in (
        [[" ".join(WORDS)], [" ".join(edition)]],
        [[" ".join(WORDS), " ".join(edition)]],
    ):
        at = (0, 0, 0) if len(shards) == 2 else (1, 0, 0)
        found = {len(shards) - 1: [(*at, pytest.approx(share))]} if share else {}
        assert search(FindNearDuplicates(config), shards) == found


def test_a_dash_parts_words_however_it_is_set(search):
    editions = [
        "one two--three four five",
        "one two -- three\u2014four five",
        "One two\u2013three, four five",
    ]
    config = NearDuplicates(unit="dash_words", ngram=2, verify="coverage", min_similarity=1)
    assert search(FindNearDuplicates(config), [[text] for text in editions]) == {
        1: [(0, 0, 0, 1)],
        2: [(0, 0, 0, 1)],
    }
    hyphens = [["a well-known man here now"], ["a well known man here now"]]
    assert search(FindNearDuplicates(config), hyphens) == {}


def test_keeps_the_cleanest_copy(search):
    book = "it is a truth universally acknowledged that a man must want a wife"
    shards = [
        [f"Transcriber's note: {book} an eBook"],
        [f"{book} an ebook of it"],
        [f"{book} and a pretext, a note-book"],
        [book],
    ]
    config = NearDuplicates(verify="coverage", min_similarity=0.5, keep="cleanest")
    found = search(FindNearDuplicates(config), shards)
    assert {shard: rows[0][1] for shard, rows in found.items()} == {0: 2, 1: 2, 3: 2}


@pytest.mark.parametrize(
    ("similarity", "found"), [(0.8, {1: [(0, 0, 0, pytest.approx(0.8))]}), (0.81, {})]
)
def test_the_threshold_is_inclusive(search, similarity, found):
    shards = [["a b c d e f g h i"], ["a b c d e f g h j"]]
    config = NearDuplicates(ngram=1, bands=64, rows=2, min_similarity=similarity)
    assert search(FindNearDuplicates(config), shards) == found


def test_compares_characters_where_words_are_not_parted(search):
    shards = [
        ["\u540c\u3058\u6587\u7ae0\u3067\u3059\u3002" * 5],
        ["\u540c\u3058\u6587\u7ae0\u3067\u3059\u3002" * 6],
    ]
    config = NearDuplicates(unit="characters", ngram=5)
    assert search(FindNearDuplicates(), shards) == {}
    assert search(FindNearDuplicates(config), shards) == {1: [(0, 0, 0, 1.0)]}


def test_keeps_the_best_copy(search):
    def document(day):
        date = datetime.datetime(2020, 1, day, tzinfo=datetime.timezone.utc)
        return Document("id", "test", "a b c d e f g", date=date)

    config = NearDuplicates(keep="newest")
    found = search(FindNearDuplicates(config), [[document(2)], [document(3)], [document(1)]])
    assert found == {0: [(0, 1, 0, 1.0)], 2: [(0, 1, 0, 1.0)]}


def test_without_verification_every_candidate_goes(search):
    shards = [["a b c d e f g h i"], ["a b c d e f g h j"], ["p q r s t u v w x"]]
    config = NearDuplicates(ngram=1, bands=64, rows=2, verify="none")
    assert search(FindNearDuplicates(config), shards) == {1: [(0, 0, 0, 0.125)]}


def test_finds_the_same_in_worker_processes(search):
    texts = make_corpus(4)
    shards = [texts[shard::6] for shard in range(6)]
    options = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
    found = search(FindNearDuplicates(), shards, options)
    assert found == by_hand(shards, NearDuplicates())


@pytest.mark.parametrize("layout", [(14, 9), (9, 13), (64, 2)])
@pytest.mark.parametrize("similarity", [0.9, 0.8, 0.7, 0.5])
def test_recall_follows_the_lsh_curve(layout, similarity):
    """Planted pairs of one-word shingles with a known Jaccard similarity."""
    pairs, size = 400, 180
    shared = round(2 * size * similarity / (1 + similarity))
    true = shared / (2 * size - shared)
    texts = []
    for pair in range(pairs):
        words = [f"p{pair}w{word}" for word in range(2 * size - shared)]
        texts += [" ".join(words[:size]), " ".join(words[size - shared :])]
    signature = signatures(shingle(pa.array(texts), "words", 1), *permutations(128, 1))
    keys = band_keys(signature, *layout)
    recall = (keys[::2] == keys[1::2]).any(axis=1).mean()
    expected = float(match_probability(true, *layout))
    error = np.sqrt(expected * (1 - expected) / pairs)
    assert abs(recall - expected) <= 4 * error + 1 / pairs


def test_a_search_finds_planted_copies_by_the_curve_and_nothing_else(search):
    """Copies with words replaced so far apart that each changes five n-grams."""
    config = NearDuplicates(bands=9, rows=13, min_similarity=0.69)
    pairs, shingles = 150, 200
    originals, copies, expected = [], [], []
    for edits in (2, 4, 7):
        true = (shingles - 5 * edits) / (shingles + 5 * edits)
        chance = float(match_probability(true, 9, 13))
        expected.append((chance, pytest.approx(true)))
        for pair in range(pairs):
            words = [f"e{edits}p{pair}w{number}" for number in range(shingles + 4)]
            originals.append(" ".join(words))
            words[10 : 10 * edits + 1 : 10] = ["edited"] * edits
            copies.append(" ".join(words))
    unique = [" ".join(f"u{text}w{word}" for word in range(100)) for text in range(100)]
    found = search(FindNearDuplicates(config), [originals, unique, copies])
    assert set(found) == {2}
    for number, (chance, true) in enumerate(expected):
        rows = [row for row in found[2] if row[0] // pairs == number]
        assert rows == [(row, 0, row, true) for row, *_ in rows]
        error = np.sqrt(chance * (1 - chance) / pairs)
        assert abs(len(rows) / pairs - chance) <= 3 * error


@pytest.mark.parametrize(
    ("config", "layout"),
    [
        (NearDuplicates(), (18, 7)),
        (NearDuplicates(verify="containment", min_similarity=0.9), (64, 2)),
        (NearDuplicates(threshold=0.75), (11, 11)),
        (NearDuplicates(bands=5, rows=25), (5, 25)),
    ],
)
def test_layout(config, layout):
    assert config.layout() == layout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ngram": 0}, "ngram is 0"),
        ({"num_permutations": 0}, "num_permutations is 0"),
        ({"threshold": 0.0}, "threshold is 0.0"),
        ({"min_similarity": 1.1}, "min_similarity is 1.1"),
        ({"seed": -1}, "seed is -1"),
        ({"bands": 4}, "both bands and rows"),
        ({"bands": 0, "rows": 4}, "bands and rows are 0 and 4"),
        ({"bands": 20, "rows": 7}, "need 140 permutations"),
    ],
)
def test_refuses_what_cannot_work(options, message):
    with pytest.raises(ValueError, match=message):
        NearDuplicates(**options)


@pytest.mark.real_data
def test_finds_the_editions_of_real_books(real_data, search):
    """Only the known pairs of editions, at the coverage of their words."""
    names, texts = [], []
    for path in sorted((real_data / "books/gutenberg").glob("*.txt")):
        names.append(path.name)
        texts.append(body(path.read_bytes().decode("utf-8", "replace")))
    with tarfile.open(real_data / "books/books3.tar.gz") as archive:
        for member in archive:
            if member.isfile():
                names.append(member.name.rsplit("/", 1)[-1].split(" - ")[0])
                texts.append(body(archive.extractfile(member).read().decode()))
    books = NearDuplicates(unit="dash_words", verify="coverage", min_similarity=0.9)
    found = search(FindNearDuplicates(books), [texts[:8], texts[8:16], texts[16:]])
    pairs = {
        (names[8 * shard + row], names[8 * of_shard + of_row]): round(similarity, 2)
        for shard, rows in found.items()
        for row, of_shard, of_row, similarity in rows
    }
    assert pairs == {
        ("frank13.txt", "84-0.txt"): 1.0,
        ("pandp11.txt", "1342-0.txt"): 1.0,
        ("Lewis Carroll", "11-0.txt"): 1.0,
        ("Carroll, Lewis", "11-0.txt"): 1.0,
        ("William Morris", "3261.txt"): 1.0,
    }


def body(text):
    """What stands between Project Gutenberg's marks, roughly."""
    for start in ("*** START OF", "***START OF", "*END*THE SMALL PRINT", "*END THE SMALL PRINT"):
        text = text.partition(start)[2] or text
    return text.partition("*** END OF")[0].partition("***END OF")[0]
