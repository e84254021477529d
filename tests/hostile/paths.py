"""Methods and paths that are not there."""

from __future__ import annotations

from collections.abc import Iterator

from hostile.request import JSON, HostileRequest


def wrong_paths(model: str) -> Iterator[HostileRequest]:
    """Requests that name nothing, or by another method.

    Args:
        model: its name in the paths.
    """
    below = f"/v1/models/{model}"
    for method in ("GET", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "HEAD", "PROPFIND", "BREW"):
        for path in ("/predict", f"{below}:predict"):
            yield HostileRequest(method, path, JSON, b"{}" if method != "HEAD" else b"", f"{method} {path}")
    for path in ("/healthz", "/readyz", "/metrics", below, f"{below}/metadata"):
        yield HostileRequest("POST", path, JSON, b"{}", f"POST {path}")
        yield HostileRequest("DELETE", path, {}, b"", f"DELETE {path}")
    yield HostileRequest("POST", "/api//multimodal", JSON, b"{}", "POST two slashes")
    for path in _nowhere():
        yield HostileRequest("GET", path, {}, b"", f"GET {path[:60]}")
    for path in _below(model):
        for method in ("GET", "POST"):
            yield HostileRequest(method, path, JSON, b"{}", f"{method} {path[:60]}")


def _nowhere() -> list[str]:
    return [
        "/nowhere",
        "//predict",
        "/predict//",
        "/predict/../../etc/passwd",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/predict%00",
        "/predict%0d%0aSet-Cookie:%20a=b",
        "/%ff%fe",
        "/%",
        "/%zz",
        "/static/../app.py",
        "/.env",
        "/.git/config",
        "/console",
        "/v2/models",
        "/v1",
        "/healthz/..",
        "/metrics;a=b",
        "/a" * 2_000,
        "/{{7*7}}",
        "/<script>",
        "/nowhere?a=" + "b" * 4_000,
        "/nowhere?" + "&".join(f"a{number}=b" for number in range(500)),
        "/contract.json/..%2f..",
    ]


def _below(model: str) -> list[str]:
    return [
        "/v1/",
        "/v1//",
        "/v1/models/",
        "/v1/models/nobody_knows",
        "/v1/models/nobody_knows:predict",
        "/v1/models/%00:predict",
        "/v1/models/%ff:predict",
        "/v1/models/..%2f..%2fetc%2fpasswd",
        "/v1/models/..%2f..%2fetc%2fpasswd:predict",
        "/v1/models/../../etc/passwd:predict",
        f"/v1/models/{model}%2f..:predict",
        f"/v1/models/{model}/versions/-1:predict",
        f"/v1/models/{model}/versions/1e3:predict",
        f"/v1/models/{model}/versions/%31%32:predict",
        f"/v1/models/{model}/versions/{2**63}:predict",
        f"/v1/models/{model}/versions/{'9' * 5_000}:predict",
        f"/v1/models/{model}/versions/{2**63 - 1}/metadata",
        f"/v1/models/{model}/versions/1/labels/a:predict",
        f"/v1/models/{model}/labels/nobody_knows:predict",
        f"/v1/models/{model}/labels/..%2f..:predict",
        f"/v1/models/{model}:classify",
        f"/v1/models/{model}:regress",
        f"/v1/models/{model}:multiInference",
        f"/v1/models/{model}:predict:predict",
        f"/v1/models/{model}:predict/",
        f"/v1/models/{model}/metadata/metadata",
        "/v1/models/" + "m" * 5_000 + ":predict",
    ]
