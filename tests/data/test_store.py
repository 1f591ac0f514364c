"""Looking data up: the own folder, the cache, a download; and what a bad download leaves behind: nothing."""

import hashlib
import http.server
import os
import pathlib
import threading
import time

import pooch
import pytest

from hiddenstate.data import store
from hiddenstate.errors import DataError, InvalidArgument, MissingExtra

CONTENT = b"some data " * 100_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path == "/missing":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[: len(CONTENT) // 2] if self.path == "/cut" else CONTENT)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked = []
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "cache" / "set" / "file.bin"


def test_a_download_is_checked_named_and_not_repeated(server, target):
    remote = store.Remote(f"{server.url}/good", SHA256)
    assert store.fetch(remote, target) == target
    assert target.read_bytes() == CONTENT
    assert store.fetch(remote, target) == target
    assert server.asked == ["/good"]
    assert os.listdir(target.parent) == ["file.bin"]


def test_a_damaged_cache_is_downloaded_again(server, target):
    target.parent.mkdir(parents=True)
    target.write_bytes(CONTENT[:-1])
    store.fetch(store.Remote(f"{server.url}/good", SHA256), target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("page", "sha256", "words"),
    [
        ("cut", SHA256, "could not be downloaded"),
        ("missing", SHA256, r"could not be downloaded \(404"),
        (
            "good",
            "0" * 64,
            f"expected a file with SHA-256 {'0' * 64}, came {SHA256} .1000000 bytes.. It was not kept",
        ),
    ],
)
def test_a_failed_download_leaves_what_was_there(server, target, page, sha256, words):
    target.parent.mkdir(parents=True)
    target.write_bytes(b"older")
    with pytest.raises(DataError, match=words) as caught:
        store.fetch(store.Remote(f"{server.url}/{page}", sha256), target)
    assert "$HIDDENSTATE_DATA/set/file.bin" in str(caught.value)
    assert os.listdir(target.parent) == ["file.bin"]
    assert target.read_bytes() == b"older"


def test_no_server_is_an_error_with_the_way_round(target):
    with pytest.raises(DataError, match=r"could not be downloaded .* fetch it by other means"):
        store.fetch(store.Remote("http://127.0.0.1:9/x", SHA256), target)


def test_ctrl_c_leaves_nothing(target, monkeypatch):
    def interrupted(self, url, part, _):
        part.write_bytes(CONTENT[:100])
        raise KeyboardInterrupt

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.fetch(store.Remote("http://127.0.0.1:9/x", SHA256), target)
    assert os.listdir(target.parent) == []


def test_what_a_killed_download_left_is_swept_up_once_it_is_old(server, target):
    target.parent.mkdir(parents=True)
    old, young = (target.with_name(f"file.bin.{name}.part") for name in ("1", "2"))
    for part in (old, young):
        part.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    store.fetch(store.Remote(f"{server.url}/good", SHA256), target)
    assert sorted(os.listdir(target.parent)) == ["file.bin", "file.bin.2.part"]


def test_the_own_folder_comes_first_and_as_it_is_then_the_cache(server, tmp_path, monkeypatch):
    own, cache = tmp_path / "own", tmp_path / "cache"
    (own / "clinc150").mkdir(parents=True)
    monkeypatch.setenv("HIDDENSTATE_DATA", str(own))
    monkeypatch.setattr(store, "cache_folder", lambda: cache)
    remote = store.Remote(f"{server.url}/good", SHA256)
    monkeypatch.setattr(store, "REMOTES", {"clinc150": {"data_full.json": remote}})
    assert store.locate("clinc150", "data_full.json") == cache / "clinc150" / "data_full.json"
    (own / "clinc150" / "data_full.json").write_bytes(b"mine")
    assert store.locate("clinc150", "data_full.json").read_bytes() == b"mine"
    assert server.asked == ["/good"]


def test_wrong_use_is_named(tmp_path, monkeypatch):
    with pytest.raises(
        InvalidArgument, match=r"no address is known for the data set 'mnits'; did you mean 'mnist'\?"
    ):
        store.locate("mnits", "x")
    with pytest.raises(
        InvalidArgument, match=r"clinc150 has no file 'data_ful.json'; did you mean 'data_full\.json'"
    ):
        store.locate("clinc150", "data_ful.json")
    monkeypatch.setenv("HIDDENSTATE_DATA", str(tmp_path / "gone"))
    with pytest.raises(DataError, match=r"\$HIDDENSTATE_DATA should name a folder .* came '.*gone'"):
        store.locate("clinc150", "data_full.json")


def test_without_pooch_the_extra_is_named(monkeypatch):
    monkeypatch.delenv("HIDDENSTATE_CACHE")
    monkeypatch.setitem(__import__("sys").modules, "pooch", None)
    with pytest.raises(MissingExtra, match=r"pip install 'hiddenstate\[train\]'"):
        store.cache_folder()


def test_the_cache_may_lie_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setenv("HIDDENSTATE_CACHE", str(tmp_path))
    assert store.cache_folder() == tmp_path
    monkeypatch.setenv("HIDDENSTATE_CACHE", "")
    assert store.cache_folder() == pathlib.Path(pooch.os_cache("hiddenstate"))
