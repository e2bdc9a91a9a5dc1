"""As much of a Hugging Face hub as Minari asks of it, in this process; every account is one."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

TOKEN = "hf_" + "w" * 34  # the one that may write


class Hub(BaseHTTPRequestHandler):
    """Serves and takes the repositories of datasets that are folders of ``folder``."""

    folder: ClassVar[Path]
    asked: ClassVar[list[str]]  # method and path of every request
    broken: ClassVar[str]  # a part of the paths at which a request fails; empty: none

    def log_message(self, *_: Any) -> None: ...

    def do_HEAD(self) -> None:
        path = urlsplit(self.path).path
        self.asked.append(f"{self.command} {path}")
        words = path.strip("/").split("/")
        if self.broken and self.broken in path:
            self._send(b"", 403)
        elif words[0] == "datasets" and words[3:4] == ["resolve"]:
            self._send_file(words[2], "/".join(words[5:]))
        elif path == "/api/datasets":
            (author,) = parse_qs(urlsplit(self.path).query)["author"]
            names = [{"id": f"{author}/{each.name}"} for each in sorted(self.folder.iterdir())]
            self._send_json(names)
        elif words[:2] == ["api", "datasets"] and self._is_there(words[3]):
            self._send_json(
                list(self._listing(words[3]))
                if words[4:5] == ["tree"]
                else {
                    "id": "/".join(words[2:4]),
                    "sha": self._commit(words[3]),
                    "siblings": [{"rfilename": each["path"]} for each in self._listing(words[3])],
                }
            )
        else:
            self._send(b"", 404, {"X-Error-Code": "RepoNotFound"})

    do_GET = do_HEAD  # noqa: N815

    def do_POST(self) -> None:
        path = urlsplit(self.path).path
        self.asked.append(f"POST {path}")
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._send_json({"error": "you may not"}, 403)
        elif self.broken and self.broken in path:
            self._send_json({"error": "no room"}, 507)
        elif path == "/api/repos/create":
            self._create(json.loads(content))
        elif "/preupload/" in path:
            told = {"uploadMode": "regular", "shouldIgnore": False}
            files = [{"path": file["path"], **told} for file in json.loads(content)["files"]]
            self._send_json({"files": files})
        elif path == "/api/validate-yaml":
            self._send_json({"errors": [], "warnings": []})
        else:
            author, repository = path.split("/")[3:5]
            self._take(author, repository, content)

    def _create(self, asked: dict[str, Any]) -> None:
        there = self._is_there(asked["name"])
        (self.folder / asked["name"]).mkdir(exist_ok=True)
        url = self._address(asked["organization"], asked["name"])
        self._send_json({"url": url}, 409 if there else 200)

    def _take(self, author: str, repository: str, lines: bytes) -> None:
        for line in map(json.loads, lines.splitlines()):
            if line["key"] == "file":
                path = self.folder / repository / line["value"]["path"]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(base64.b64decode(line["value"]["content"]))
        commit = self._commit(repository)
        url = f"{self._address(author, repository)}/commit/{commit}"
        self._send_json({"commitUrl": url, "commitOid": commit})

    def _address(self, author: str, repository: str) -> str:
        return f"http://{self.headers['Host']}/datasets/{author}/{repository}"

    def _is_there(self, repository: str) -> bool:
        return (self.folder / repository).is_dir()

    def _commit(self, repository: str) -> str:
        """Name the state of a repository by its content, as the hub does."""
        state = hashlib.sha1()
        for path in sorted((self.folder / repository).rglob("*")):
            state.update(path.name.encode() + (path.read_bytes() if path.is_file() else b""))
        return state.hexdigest()

    def _listing(self, repository: str) -> Iterator[dict[str, Any]]:
        for path in sorted((self.folder / repository).rglob("*")):
            if path.is_file():
                name = path.relative_to(self.folder / repository).as_posix()
                yield {"type": "file", "path": name, "size": path.stat().st_size, "oid": "a" * 40}

    def _send_file(self, repository: str, name: str) -> None:
        path = self.folder / repository / name
        if path.is_file():
            content = path.read_bytes()
            etag = hashlib.sha1(content).hexdigest()
            facts = {"X-Repo-Commit": self._commit(repository), "ETag": f'"{etag}"'}
            self._send(content, 200, facts)
        else:
            missing = "EntryNotFound" if self._is_there(repository) else "RepoNotFound"
            self._send(b"", 404, {"X-Error-Code": missing})

    def _send_json(self, content: Any, status: int = 200) -> None:
        self._send(json.dumps(content).encode(), status, {"Content-Type": "application/json"})

    def _send(self, body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def serve_hub(folder: Path) -> Iterator[str]:
    """Serve a folder of repositories, and yield the address."""
    Hub.folder, Hub.asked, Hub.broken = folder, [], ""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
