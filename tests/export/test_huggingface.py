"""The folder for the Hub opens without arguments, and its card is right and safe."""

from __future__ import annotations

import base64
import http.server
import json
import pathlib
import sys
import threading
from collections.abc import Iterator

import pyarrow.parquet as pq
import pytest
import yaml

from pasture.errors import ConfigError, StageError
from pasture.export.card import escape
from pasture.export.huggingface import HuggingFace, push
from pasture.export.run import export
from pasture.export.select import select
from pasture.manifests.outputs import Output


@pytest.fixture(scope="module")
def folder(two_sources: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    target = tmp_path_factory.mktemp("hub") / "dataset"
    exporter = HuggingFace(title="My corpus: <b>1</b>")
    export(select(Output(str(two_sources)), exporter), exporter, str(target))
    return target


def test_load_dataset_needs_no_arguments(two_sources, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    loaded = datasets.load_dataset(str(folder))
    assert {name: part.num_rows for name, part in loaded.items()} == {"train": 63 + 60}
    c4 = datasets.load_dataset(str(folder), "c4", split="train")
    expected = pq.read_table(two_sources / "documents/c4/20-exact")
    assert c4["id"][:] == expected["id"].to_pylist()


def test_the_card(two_sources, folder):
    _, head, body = (folder / "README.md").read_text().split("---\n", 2)
    front = yaml.safe_load(head)
    assert (front["pretty_name"], front["license"]) == ("My corpus: <b>1</b>", "other")
    assert (front["language"], front["size_categories"]) == (["en"], ["n<1K"])
    assert [config["config_name"] for config in front["configs"]] == ["default", "books", "c4"]
    tokens = json.loads((two_sources / "tokens/c4/MANIFEST.json").read_text())["splits"]
    count = tokens["train"]["tokens"] + tokens["validation"]["tokens"]
    assert "# My corpus: &lt;b&gt;1&lt;/b&gt;" in body
    assert "123 documents in 6 Parquet files" in body
    assert f"| {count:,} |" in body
    assert "| c4/10-language | 69 | 63 | keep\\_languages/other\\_language: 6 |" in body
    assert "| c4/20-exact | 63 | 60 | exact\\_duplicates/duplicate: 3 |" in body
    assert "books/20" not in body
    assert "| en | 123 |" in body
    assert "| not known | 123 |" in body
    assert "--stage books/10-language --stage c4/20-exact" in body
    assert (folder / "recipe.yaml").read_bytes() == (two_sources / "recipe.yaml").read_bytes()
    assert yaml.safe_load(body.split("```yaml\n")[1].split("```")[0])["name"] == "small"


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("CC-BY-4.0", "CC-BY-4.0"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("a | b\n# c", "a \\| b # c"),
        ("[x](http://y) `z`", "\\[x\\](http&#58;//y) \\`z\\`"),
        ("WWW.shop.example me@x.y &amp;", "WWW&#46;shop.example me&#64;x.y &amp;amp;"),
        ("\x1b[31m\u202e", " \\[31m "),
        ("x" * 300, "x" * 200),
    ],
)
def test_text_of_the_corpus_is_escaped(text, escaped):
    assert escape(text) == escaped


def test_push_names_what_is_missing(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "huggingface_hub", None)
        with pytest.raises(ConfigError, match=r"pip install 'pasture\[export\]'"):
            push(str(folder), "me/corpus")
    with pytest.raises(ConfigError, match="from a local folder"):
        push("gs://bucket/folder", "me/corpus")
    from huggingface_hub import constants

    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(constants, "HF_STORED_TOKENS_PATH", str(tmp_path / "none"))
    with pytest.raises(StageError, match='run "hf auth login"'):
        push(str(folder), "me/corpus")


class Hub(http.server.BaseHTTPRequestHandler):
    """The part of the Hub's protocol that an upload of small files takes."""

    is_logged_in = True
    created: dict[str, object]
    committed: dict[str, bytes]

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        if not Hub.is_logged_in:
            self._answer(401, {"error": "Invalid user token."})
        elif self.path == "/api/whoami-v2":
            self._answer(200, {"name": "me", "orgs": [], "auth": {}})
        else:
            self._answer(200, {"id": "me/corpus", "sha": "0" * 40, "private": True, "siblings": []})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        address = f"http://{self.headers['Host']}/datasets/me/corpus"
        if self.path == "/api/repos/create":
            Hub.created = json.loads(body)
            self._answer(200, {"url": address})
        elif self.path == "/api/validate-yaml":  # of the card
            self._answer(200, {"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            names = [file["path"] for file in json.loads(body)["files"]]
            found = [{"path": n, "uploadMode": "regular", "shouldIgnore": False} for n in names]
            self._answer(200, {"files": found})
        else:
            lines = [json.loads(line)["value"] for line in body.splitlines()]
            Hub.committed = {
                line["path"]: base64.b64decode(line["content"]) for line in lines if "path" in line
            }
            found = {"commitUrl": f"{address}/commit/1", "commitOid": "1", "success": True}
            self._answer(200, found)


@pytest.fixture
def hub(monkeypatch) -> Iterator[type[Hub]]:
    """A hub on loopback that huggingface_hub talks to."""
    from huggingface_hub import constants

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", "hf_nobody")
    yield Hub
    server.shutdown()
    server.server_close()
    Hub.is_logged_in = True


def test_push_uploads_every_file_to_a_private_repository(folder, hub):
    assert push(str(folder), "me/corpus").endswith("/datasets/me/corpus/commit/1")
    assert (hub.created["type"], hub.created["name"]) == ("dataset", "corpus")
    assert hub.created.get("private") is True or hub.created.get("visibility") == "private"
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert hub.committed == {str(p.relative_to(folder)): p.read_bytes() for p in files}


def test_push_tells_what_the_hub_says(folder, hub, monkeypatch):
    from huggingface_hub import constants

    hub.is_logged_in = False
    with pytest.raises(StageError, match=r"the Hugging Face Hub did not take me/corpus: .*"):
        push(str(folder), "me/corpus")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(StageError, match=r"did not take me/corpus: .*refused"):
        push(str(folder), "me/corpus")
